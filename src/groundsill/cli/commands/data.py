"""`groundsill data`: the state of the table on one page."""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import common, language_of, print_json, progress, project_argument, shown_path


@click.command("data", short_help="Write the data card: balance, writing, near duplicates, leakage, doubtful labels.")
@project_argument
@click.option("--doubt", is_flag=True, help="Also look for wrong labels; takes up to a minute.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the page; else report/.")
@common
def command(project: Path, doubt: bool, out: Path | None, as_json: bool, lang: str | None) -> None:
    """Look at the table that the project names and write what was found to data.html and data.md. Changes no row.

    Example: groundsill data examples/clothing-reviews/groundsill.toml --doubt
    """
    from groundsill import api
    from groundsill.words import say

    language = language_of(lang)
    with progress(language, as_json) as emit:
        done = api.data(project, doubt=doubt, out=out, language=lang, emit=emit)
    if as_json:
        print_json(done.record())
        return
    found = done.quality
    told = {"pairs": found.pairs, "redundant": found.redundant, "across": found.across, "tested": found.tested_near}
    click.echo(
        say("quality.leak_some" if found.pairs else "quality.leak_none", language, **told, other=found.other_label)
    )
    if found.disagree is not None and found.wrong_share is not None:
        click.echo(
            say(
                "quality.doubt_found",
                language,
                disagree=f"{found.disagree:.1%}",
                share=f"{found.wrong_share:.1%}",
                rows=f"{found.looked_rows:,}",
                count=f"{found.suspects_count:,}",
            )
        )
    for path in done.paths:
        click.echo(shown_path(path))
