"""`groundsill assess`: the answer, and the report."""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import common, language_of, print_json, progress, project_argument, shown_path
from groundsill.terms.problem import Exit


@click.command("assess", short_help="Curves, needs, cash, thresholds, verdict and report.")
@project_argument
@click.option(
    "--draws", type=click.IntRange(1000, 1_000_000), default=10_000, show_default=True, help="Worlds to draw."
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="The same seed gives the same bytes."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder of the report; default: report/ beside PROJECT.",
)
@click.option("--explain", "name", default=None, metavar="NAME", help="Where a number of the last report comes from.")
@click.option(
    "--against", type=click.Path(path_type=Path), default=None, help="An earlier report.json: say what moved and why."
)
@click.option("--xlsx", is_flag=True, help="Also write report.xlsx: the cash model as a workbook with live formulas.")
@click.option(
    "--grid", default=None, metavar="A,B", help="Two inputs to see together; default: the two worth most to know."
)
@click.option("--check", "strict", is_flag=True, help="Exit with 4 if the verdict is not to invest.")
@common
@click.pass_context
def command(
    ctx: click.Context, project: Path, draws: int, seed: int, out: Path | None, name: str | None, against: Path | None, xlsx: bool,
    grid: str | None, strict: bool,
    as_json: bool, lang: str | None,
) -> int:  # fmt: skip
    """Fit the curves, count the needs, draw the cash flows, and say which candidate pays, from what threshold on, and
    what to measure next. Writes report/report.html, .md, .json and cash.csv; with --xlsx also report.xlsx.

    \b
    Example: groundsill assess examples/pretrain-7b/groundsill.toml
             groundsill assess --explain use.requests_per_month
    """
    from groundsill import api
    from groundsill.words import say

    language = language_of(lang)
    if name is not None:
        click.echo(api.explain(project, name, out=out, language=lang))
        return Exit.OK
    with progress(language, as_json) as emit:
        done = api.assess(
            project, draws=draws, seed=seed, out=out, language=lang, against=against, xlsx=xlsx, grid=grid, emit=emit
        )
    if as_json:
        print_json(done.data)
    else:
        for line in done.headline:
            click.echo(line)
        for line in done.moved:
            click.echo(line)
        click.echo(say("cli.report_at", done.language, path=shown_path(done.page)))
        for path in (p for p in done.paths if p.suffix == ".xlsx"):
            click.echo(say("workbook.written", done.language, path=shown_path(path)))
    return Exit.DO_NOT_INVEST if strict and done.assessment.verdict.code == "do_not_invest" else Exit.OK
