"""`groundsill pilot`: measure the real routes on the user's data."""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import Seconds, clock, common, language_of, print_json, progress, project_argument


@click.command("pilot", short_help="Measure the routes on your own data, within a time budget.")
@project_argument
@click.option("--budget", type=Seconds(), default="6m", show_default=True, help="Time to spend: 90s, 6m, 1.5h.")
@click.option("--only", multiple=True, metavar="CANDIDATE", help="Measure only this candidate; may be given again.")
@click.option("--plan", "plan_only", is_flag=True, help="Print what would be measured, and stop.")
@click.option(
    "--full", is_flag=True, help="The whole ladder, whatever it takes; its runs also go to the file under [evidence]."
)
@common
def command(
    project: Path, budget: float, only: tuple[str, ...], plan_only: bool, full: bool, as_json: bool, lang: str | None
) -> None:
    """Climb a ladder of label counts with every candidate, test each on the same rows, and write every run to the ledger
    as it ends. Stop it at any time and call it again: nothing measured is lost or measured twice.

    Example: groundsill pilot examples/clothing-reviews/groundsill.toml --budget 6m
    """
    from groundsill import api
    from groundsill.words import explain, say

    language = language_of(lang)
    with progress(language, as_json) as emit:
        report = api.pilot(project, budget_seconds=None if full else budget, only=only, plan_only=plan_only, emit=emit)
    if as_json:
        print_json(report.record())
        return
    if plan_only:
        for cell, seconds in report.plan:
            click.echo(f"{clock(seconds):>8}  {cell}")
        click.echo(say("cli.plan_done", language, cells=len(report.plan), time=clock(sum(s for _, s in report.plan))))
        return
    for candidate, problem in report.dropped.items():
        click.echo(say("cli.pilot_dropped", language, id=candidate, why=explain(problem, language)))
    code = "cli.pilot_done" if report.fresh else "cli.pilot_nothing_new"
    click.echo(
        say(
            code, language, fresh=report.fresh, reused=report.reused, skipped=report.skipped, time=clock(report.seconds)
        )
    )
