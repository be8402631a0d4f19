"""`groundsill estimate curve`: a learning curve from points that somebody already has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from groundsill.cli._common import common, language_of, print_json, shown_path
from groundsill.cli._estimate import options
from groundsill.terms.problem import Exit

if TYPE_CHECKING:
    from groundsill.api.curves import CurveEstimate, CurveEstimates


@click.command("curve")
@click.argument("table_file", type=click.Path(path_type=Path), metavar="FILE.csv")
@options(
    ("--target", {"type": float, "default": None, "metavar": "VALUE", "help": "Labels needed to get there: 0.85."}),
    ("--metric", {"default": "accuracy", "show_default": True, "metavar": "NAME",
                  "help": "Name; loss, error, perplexity and the like are better when lower."}),
    ("--chance", {"type": float, "default": None, "metavar": "VALUE", "help": "What a guess reaches: 0.2."}),
    ("--limit", {"type": float, "default": None, "metavar": "LABELS", "help": "Most labels that could be had."}),
    ("--sure", {"type": float, "default": 0.8, "show_default": True, "metavar": "CHANCE",
                "help": "Chance with which the target is to be reached."}),
    ("--cost-per-label", {"type": float, "default": None, "metavar": "COST", "help": "Of one more label, in any unit."}),
    ("--value-per-point", {"type": float, "default": None, "metavar": "VALUE",
                           "help": "Of 0.01 more of the metric, in the same unit."}),
    ("--plot", {"type": click.Path(path_type=Path), "default": None, "metavar": "FILE", "help": "out.svg or out.html"}),
    ("--seed", {"default": 1, "show_default": True, "metavar": "N", "help": "The same seed gives the same numbers."}),
)  # fmt: skip
@common
def curve(
    table_file: Path, target: float | None, metric: str, chance: float | None, limit: float | None, sure: float,
    cost_per_label: float | None, value_per_point: float | None, plot: Path | None, seed: int, as_json: bool,
    lang: str | None,
) -> int:  # fmt: skip
    """Quality at more labels, from points you have: a csv with the columns labels and value, and where known seed,
    stderr, test_rows and candidate (tune/full/bert). MLflow's export is understood (docs/runs-table.md).

    Example: groundsill estimate curve runs.csv --target 0.85 --chance 0.2 --plot curve.html
    """
    from groundsill import __version__
    from groundsill.api.analysis import today
    from groundsill.api.curves import estimate_curve
    from groundsill.words import say

    language = language_of(lang)
    found = estimate_curve(
        table_file, target=target, metric=metric, chance=chance, limit=limit, asked=sure, cost_per_label=cost_per_label,
        value_per_point=value_per_point, seed=seed,
    )  # fmt: skip
    if plot is not None:
        from groundsill.api import curve_plots

        curve_plots.plot(found, plot, language, __version__, today())
    if as_json:
        print_json(found.record())
    else:
        _show(found, language)
        if plot is not None:
            click.echo(say("estimate.curve_plotted", language, path=shown_path(plot)))
    return Exit.INVALID if all(c.problem is not None for c in found.curves) else Exit.OK


def _show(found: CurveEstimates, language: str) -> None:
    from groundsill.api import curve_words
    from groundsill.words import explain, say

    direction = say("estimate.curve_higher" if found.higher_is_better else "estimate.curve_lower", language)
    click.echo(say("estimate.curve_head", language, metric=found.metric, direction=direction, file=found.file))
    for repair in found.repairs:
        click.echo(f"{say('cli.warning', language)} {explain(repair, language)}")
    for one in found.curves:
        click.echo()
        click.echo(one.candidate)
        _rungs(one, language)
        if one.problem is None:
            _forecast(one, found.target, language)
        else:
            click.echo(say("estimate.curve_refused", language, why=explain(one.problem, language)))
    if found.worth:
        click.echo()
    for two in found.worth:
        click.echo(curve_words.worth(two, language))


def _rungs(one: CurveEstimate, language: str) -> None:
    from groundsill.api.curve_words import value
    from groundsill.cli._estimate_tables import table
    from groundsill.words import say

    rows = [[say(f"estimate.curve_{c}", language) for c in ("labels", "measured", "seeds", "error")]]
    rows += [
        [f"{r.x:,.10g}", value(r.value), str(r.seeds), "-" if r.stderr is None else f"{r.stderr:.4f}"]
        for r in one.rungs
    ]
    table(rows, indent="  ")


def _forecast(one: CurveEstimate, target: float | None, language: str) -> None:
    from groundsill.api.curve_words import best, buy, calibration, held_out, needed, value
    from groundsill.cli._estimate_tables import table
    from groundsill.words import explain, say

    to = say("estimate.to", language)
    click.echo(say("estimate.curve_forecast", language))
    heads = [say("estimate.curve_labels", language)]
    heads += [say(f"estimate.column_{c}", language) for c in ("median", "range80", "range90")]
    rows = [heads]
    for a in one.ahead:
        inner, outer = f"{value(a.q10)} {to} {value(a.q90)}", f"{value(a.q05)} {to} {value(a.q95)}"
        rows.append([f"{a.labels:,.10g} ({a.times:g}x)", value(a.q50), inner, outer])
    table(rows, indent="  ")
    if one.needed is not None:
        click.echo(needed(one, language))
    for line in [*buy(one, target or 0.0, language), *best(one, language)]:
        click.echo(line)
    click.echo(held_out(one, language))
    click.echo(calibration(one, language))
    if one.doubts:
        click.echo(say("estimate.curve_doubts", language))
    for doubt in one.doubts:
        click.echo(f"  {explain(doubt, language)}")
