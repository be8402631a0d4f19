"""`groundsill compare`: which differences between routes are more than chance?"""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import common, language_of, print_json, progress, project_argument

SURE = 0.05  # p below which a difference is called one


@click.command("compare", short_help="Compare the measured routes row by row on the same test rows.")
@project_argument
@click.option("--labels", type=float, default=None, metavar="N", help="Compare at this many labels; else at the most.")
@common
def command(project: Path, labels: float | None, as_json: bool, lang: str | None) -> None:
    """Pair the answers of every two routes on the same test rows and seeds: the difference with its 90 % interval, and
    the chance p of such a difference if both were alike. Needs runs that the pilot made on this machine.

    Example: groundsill compare examples/clothing-reviews/groundsill.toml --labels 400
    """
    from groundsill import api
    from groundsill.cli._estimate_tables import table
    from groundsill.words import say

    language = language_of(lang)
    with progress(language, as_json) as emit:
        found = api.compare(project, labels=labels, emit=emit)
    if as_json:
        print_json(found.record())
        return
    heads = [
        say(f"cli.compare_{name}", language) for name in ("better", "worse", "labels", "seeds", "gap", "range", "p")
    ]
    rows = [
        [
            f"{pair.first} {pair.first_value:.3f}",
            f"{pair.second} {pair.second_value:.3f}",
            f"{pair.labels:,.0f}",
            str(pair.seeds),
            f"{pair.difference:.3f}",
            f"{pair.low:.3f} .. {pair.high:.3f}",
            f"{pair.p:.3f}" + ("" if pair.p < SURE else " " + say("cli.compare_chance", language)),
        ]
        for pair in found.pairs
    ]
    table([heads, *rows])
    metric = say(f"labels.metric.{found.metric}", language)
    click.echo(say("cli.compare_done", language, metric=metric, rows=found.rows))
    for name, why in found.left_out.items():
        click.echo("  " + say(f"cli.compare_{why}", language, id=name))
