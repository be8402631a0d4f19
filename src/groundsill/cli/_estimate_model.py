"""`groundsill estimate model`: which base model, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundsill.cli._common import common, language_of, print_json, progress
from groundsill.cli._estimate import options

if TYPE_CHECKING:
    from groundsill.api.choosing import ModelChoice, Standing

GB, GFLOP, MS = 1e9, 1e9, 1e3
LANGUAGES = 4  # of the texts that are named


@click.command("model")
@click.argument("path", type=click.Path(path_type=Path), default=Path("groundsill.toml"), metavar="[PROJECT or TABLE]")
@options(
    ("--candidates", {"default": "", "metavar": "A,B,...",
                      "help": "Ids of the catalogue or folders of models. Default: the project's, and what is installed."}),
    ("--text", {"multiple": True, "metavar": "COLUMN", "help": "Text column of a table; may be given again."}),
    ("--label", {"default": "", "metavar": "COLUMN", "help": "Class column of a table. Guessed if not given."}),
    ("--labels", {"type": click.IntRange(min=0), "default": None, "metavar": "N",
                  "help": "Labels that each head of the probe is trained on (64); 0 for no probe."}),
    ("--probes", {"type": click.IntRange(min=2, max=50), "default": None, "metavar": "N", "help": "Heads (5)."}),
    ("--seed", {"type": click.IntRange(min=0), "default": 0, "show_default": True, "metavar": "N",
                "help": "The same seed looks at the same rows."}),
)  # fmt: skip
@common
def model(
    path: Path, candidates: str, text: tuple[str, ...], label: str, labels: int | None, probes: int | None, seed: int,
    as_json: bool, lang: str | None,
) -> None:  # fmt: skip
    """Rank base models for a task: do they fit, how do they read your texts, licence, size, memory, speed, and a cheap probe
    of 5 x 64 labels, with the models that it cannot tell apart. Only models on this machine can be probed.

    Example: groundsill estimate model reviews.csv --candidates all-minilm-l6-v2,multilingual-e5-small,bert-base
    """
    from groundsill import api

    language = language_of(lang)
    names = [name.strip() for name in candidates.split(",") if name.strip()]
    with progress(language, as_json) as emit:
        found = api.estimate_model(
            path, candidates=names, text=text, label=label, labels=labels, probes=probes, seed=seed, emit=emit
        )
    if as_json:
        print_json(found.record())
    else:
        _show(found, language)


def _show(found: ModelChoice, language: str) -> None:
    from groundsill.cli._estimate_tables import table
    from groundsill.words import explain, say

    def told(code: str, **values: object) -> str:
        return say(f"choice.{code}", language, **values)

    click.echo(told("head", task=found.task, table=found.table, rows=f"{found.rows:,}"))
    looked = max(1, sum(found.texts.values()))
    spoken = [f"{name or '?'} {count / looked:.0%}" for name, count in found.texts.items()]
    click.echo(told("texts", languages=", ".join(spoken[:LANGUAGES])))
    if found.probes:
        click.echo(told("asked", probes=found.probes, labels=found.labels, chance=f"{found.chance or 0:.3f}"))
    else:
        click.echo(told("not_asked"))
    click.echo()
    heads = ("model", "rank", "accuracy", "logme", "tokens", "unknown", "cut", "gflop", "speed")
    table([[told(f"column_{h}") for h in heads], *(_measured(s) for s in found.standings)])
    click.echo()
    known = ("model", "kind", "fit", "weights", "context", "serve", "tune", "commercial", "languages", "licence")
    table([[told(f"column_{h}") for h in known], *(_known(s, language) for s in found.standings)])
    click.echo()
    for code in ("about_reading", "about_memory"):
        click.echo(told(code))
    for why in dict.fromkeys(s.why for s in found.standings if s.fit != "yes"):
        click.echo(told(f"why_{why}", models=", ".join(s.model for s in found.standings if s.why == why)))
    absent = [s.model for s in found.standings if s.missing is not None and s.missing.code == "choice.not_here"]
    if absent:
        click.echo(told("absent", models=", ".join(absent)))
    for s in found.standings:
        if s.missing is not None and s.model not in absent:
            click.echo(told("missing", model=s.model, why=explain(s.missing, language)))
    for note in found.notes:
        click.echo(f"{say('cli.warning', language)} {explain(note, language)}")
    if found.best:
        code = "best" if found.tied else "best_alone"
        click.echo(told(code, model=found.best, tied=", ".join(found.tied), quickest=found.quickest))
        click.echo(told("proxy"))


def _measured(s: Standing) -> list[str]:
    """What was seen on this machine; `-` where nothing was."""
    read, place = s.reading, s.place
    return [
        s.model,
        "-" if place is None else f"{place.rank}" + (f" ({place.low}-{place.high})" if place.high > place.low else ""),
        "-" if s.accuracy is None else f"{s.accuracy:.3f} ± {s.stderr:.3f}",
        "-" if s.logme is None else f"{s.logme:.3f}",
        "-" if read is None else f"{read.tokens_per_character:.3f}",
        "-" if read is None else f"{read.unknown:.1%}",
        "-" if read is None else f"{read.beyond:.1%}",
        "-" if s.forward_flops is None else f"{s.forward_flops / GFLOP:.3g}",
        "-" if s.seconds_per_row is None else f"{s.seconds_per_row * MS:.3g}",
    ]


def _known(s: Standing, language: str) -> list[str]:
    """What the catalogue or the model's own configuration states."""
    from groundsill.cli._estimate_tables import number
    from groundsill.words import say

    unstated = say("choice.unstated", language)
    return [
        s.model,
        s.kind or unstated,
        say(f"choice.fit_{s.fit}", language),
        number(s.parameters) if s.parameters else unstated,
        f"{s.context:,}" if s.context else unstated,
        "-" if s.serve_bytes is None else f"{s.serve_bytes / GB:.3g}",
        "-" if s.tune_bytes is None else f"{s.tune_bytes / GB:.3g}",
        s.commercial_use or unstated,
        s.languages or unstated,
        s.licence or unstated,
    ]
