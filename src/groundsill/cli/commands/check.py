"""`groundsill check`: is the project ready, and what does it say so far?"""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import common, language_of, print_json, progress, project_argument


@click.command("check", short_help="Check the project file, the data and what they name.")
@project_argument
@common
def command(project: Path, as_json: bool, lang: str | None) -> None:
    """Read the project file and the table, bind every name to a fact, and list what is doubtful. Changes nothing but
    the data card in .groundsill/.

    Example: groundsill check examples/clothing-reviews/groundsill.toml
    """
    from groundsill import api
    from groundsill.words import explain, say

    language = language_of(lang)
    with progress(language, as_json) as emit:
        case = api.check(project, emit=emit)
    if as_json:
        print_json(
            {
                "project": case.name,
                "card": case.card.record() if case.card else None,
                "candidates": [
                    {"id": e.candidate.id, "runs": len(e.runs), "closed": e.closed.code if e.closed else None}
                    for e in case.entrants
                ],
                "facts": len(case.facts),
                "warnings": [{"code": w.code, "text": explain(w, language)} for w in case.warnings],
            }
        )
        return
    if case.card:
        card = case.card
        click.echo(
            say(
                "cli.card",
                language,
                rows=card.rows,
                classes=len(card.classes),
                pool=card.pool_rows,
                test=card.test_rows,
                chance=f"{card.chance:.3f}",
            )
        )
        for why, count in card.dropped.items():
            click.echo("  " + say("cli.dropped", language, why=say(f"quality.why_{why}", language), count=count))
    for entrant in case.entrants:
        if entrant.closed:
            click.echo(
                "  " + say("cli.closed", language, id=entrant.candidate.id, why=explain(entrant.closed, language))
            )
        else:
            click.echo("  " + say("cli.open", language, id=entrant.candidate.id, runs=len(entrant.runs)))
    for warning in case.warnings:
        click.echo(f"{say('cli.warning', language)} {explain(warning, language)}")
    click.echo(say("cli.check_done", language, facts=len(case.facts)))
