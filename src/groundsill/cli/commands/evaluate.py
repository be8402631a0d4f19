"""`groundsill evaluate`: all metrics of answers that are there, with intervals, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundsill.cli._common import common, language_of, print_json, progress, shown_path
from groundsill.cli._estimate import options

if TYPE_CHECKING:
    from groundsill.api.evaluating import Evaluation


@click.command("evaluate", short_help="Judge answers: all metrics with intervals, before and after tuning.")
@click.argument("paths", type=click.Path(path_type=Path), nargs=-1, metavar="[PROJECT | FILE ...]")
@options(
    ("--before", {"default": "", "metavar": "NAME",
                  "help": "Set all others against this route: a candidate's id, or a file's name without its suffix."}),
    ("--labels", {"type": float, "default": None, "metavar": "N", "help": "Rung of a project's runs; else the largest."}),
    ("--metric", {"default": "", "metavar": "NAME", "help": "Compare by this metric (accuracy, chrf, entity-f1)."}),
    ("--kind", {"type": click.Choice(["class", "text", "tags"]), "default": None,
                "help": "What the answers are; told by the true answers if not given."}),
    ("--truth", {"default": "truth", "show_default": True, "metavar": "COLUMN", "help": "True answers in a file."}),
    ("--predicted", {"default": "predicted", "show_default": True, "metavar": "COLUMN", "help": "Answers in a file."}),
    ("--plot", {"type": click.Path(path_type=Path), "default": None, "metavar": "FILE.html",
                "help": "Write a page with confusion, reliability, ROC and precision-recall."}),
)  # fmt: skip
@common
def command(
    paths: tuple[Path, ...], before: str, labels: float | None, metric: str, kind: str | None, truth: str,
    predicted: str, plot: Path | None, as_json: bool, lang: str | None,
) -> None:  # fmt: skip
    """Judge the answers that a project's pilot kept on this machine, or your own files: csv or jsonl with the columns truth
    and predicted, and a probability for each class where known (score:<class>, or in jsonl an object scores).
    Several files are several routes to the same rows.

    Example: groundsill evaluate base.csv tuned.csv --before base --plot evaluation.html
    """
    from groundsill import __version__, api
    from groundsill.api.analysis import today
    from groundsill.words import say

    language = language_of(lang)
    with progress(language, as_json) as emit:
        found = api.evaluate(
            paths or (Path("groundsill.toml"),), before=before, labels=labels, metric=metric, kind=kind or "",
            truth=truth, predicted=predicted, emit=emit,
        )  # fmt: skip
    if plot is not None:
        from groundsill.api import evaluation_page

        evaluation_page.write(found, plot, language, __version__, today())
    if as_json:
        print_json(found.record())
        return
    _show(found, language)
    if plot is not None:
        click.echo(say("answers.written", language, path=shown_path(plot)))


def _show(found: Evaluation, language: str) -> None:
    from groundsill.api.evaluation_page import metric_words, metrics_shown, same_words, shown
    from groundsill.cli._estimate_tables import table
    from groundsill.report.tongue import Tongue, clean
    from groundsill.words import explain, say

    def told(code: str, **values: object) -> str:
        return say(f"answers.{code}", language, **values)

    tongue = Tongue(language)
    click.echo(told("head", source=clean(found.source), rows=f"{found.rows:,}"))
    names = [told("before", name=s.name) if s.name == found.before else s.name for s in found.sheets]
    metrics, same = metrics_shown(found)
    rows = [[told("column_metric"), *map(clean, names)]]
    rows += [[metric_words(m, language), *(shown(s.values.get(m), tongue) for s in found.sheets)] for m in metrics]
    table(rows)
    for line in (same_words(same, language), told(f"how_{found.kind}")):
        click.echo(line) if line else None
    for sheet in found.sheets:
        if sheet.by_class:
            click.echo()
            _classes(sheet, language)
    if found.gaps:
        click.echo()
        heads = [told(f"column_{c}") for c in ("pair", "metric", "gap", "range", "p", "only")]
        pairs = [
            [
                clean(told("pair", first=g.first, second=g.second)),
                metric_words(g.metric, language),
                tongue.quality(g.difference),
                tongue.span(tongue.quality(g.low), tongue.quality(g.high)),
                f"{g.p:.3f}" if g.p >= 0.001 else "<0.001",
                f"{g.wins:.4g} / {g.losses:.4g}",
            ]
            for g in found.gaps
        ]
        table([heads, *pairs])
        click.echo(told(f"about_p_{found.kind}"))
    for name, why in found.left_out.items():
        click.echo("  " + say(f"answers.left_{why}", language, id=clean(name)))
    for note in found.notes:
        click.echo(clean(f"{say('cli.warning', language)} {explain(note, language)}"))


def _classes(sheet: object, language: str) -> None:
    """The classes of one route, a line each; the twenty most frequent."""
    from groundsill.api.evaluation_page import metric_words, shown
    from groundsill.cli._estimate_tables import table
    from groundsill.lab.evaluation.sheet import MOST_CURVES, Sheet
    from groundsill.report.tongue import Tongue, clean
    from groundsill.words import say

    assert isinstance(sheet, Sheet)
    tongue = Tongue(language)
    often = sorted(sheet.by_class, key=lambda c: -sheet.support[c])[:MOST_CURVES]
    metrics = list(dict.fromkeys(m for c in often for m in sheet.by_class[c]))
    heads = [clean(sheet.name), say("answers.column_support", language), *(metric_words(m, language) for m in metrics)]
    rows = [
        [clean(c)[:40], f"{sheet.support[c]:,}", *(shown(sheet.by_class[c].get(m), tongue) for m in metrics)]
        for c in often
    ]
    table([heads, *rows])
