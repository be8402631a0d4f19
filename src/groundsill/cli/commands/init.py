"""`groundsill init DATA`: a project file for your own table."""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import common, language_of, print_json


@click.command("init", short_help="Write a groundsill.toml for your own table.")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--text", "text", multiple=True, help="Column that holds the text; give it again for a second one.")
@click.option("--label", default=None, help="Column that holds the label.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("groundsill.toml"), show_default=True)
@common
def command(data: Path, text: tuple[str, ...], label: str | None, out: Path, as_json: bool, lang: str | None) -> None:
    """Look at a table (csv, tsv, jsonl, parquet) and write a project file with every line that you must fill in.

    Example: groundsill init reviews.csv --label topic
    """
    from groundsill import api
    from groundsill.words import say

    language = language_of(lang)
    made = api.init(data, out, text=text, label=label, language=language)
    if as_json:
        print_json(
            {
                "project": str(made.path),
                "text": list(made.text),
                "label": made.label,
                "classes": made.classes,
                "rows": made.rows,
            }
        )
        return
    click.echo(
        say(
            "cli.init_done",
            language,
            path=made.path,
            rows=made.rows,
            classes=made.classes,
            text=", ".join(made.text),
            label=made.label,
        )
    )
