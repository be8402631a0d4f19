"""`groundsill catalogue`: the facts, and earlier runs brought in."""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import common, language_of, print_json


@click.group("catalogue", short_help="Look up facts; bring in runs made earlier.")
def command() -> None:
    """Facts with source and date, and the ledger of your own runs."""


@command.command("list")
@click.argument("prefix", default="")
@common
def list_(prefix: str, as_json: bool, lang: str | None) -> None:
    """Names of the facts that start with PREFIX. Example: groundsill catalogue list wages/"""
    from groundsill import api

    names = api.fact_names(prefix)
    if as_json:
        print_json(names)
    else:
        for name in names:
            click.echo(name)


@command.command("show")
@click.argument("name")
@common
def show(name: str, as_json: bool, lang: str | None) -> None:
    """One fact with its source. Example: groundsill catalogue show wages/ml-engineer/us"""
    from groundsill import api

    data = api.fact(name)
    if as_json:
        print_json(data)
    else:
        for key, value in data.items():
            if value not in ("", None):
                click.echo(f"{key:10} {value}")


@command.command("check")
@common
def check(as_json: bool, lang: str | None) -> int:
    """Check every fact of the catalogue: source, unit, date, grade, plausible size."""
    from groundsill import api
    from groundsill.terms.problem import Exit
    from groundsill.words import explain, say

    language = language_of(lang)
    problems = api.check_catalogue()
    if as_json:
        print_json([{"code": p.code, "text": explain(p, language)} for p in problems])
    else:
        for problem in problems:
            click.echo(explain(problem, language))
        click.echo(say("cli.catalogue_checked", language, problems=len(problems)))
    return Exit.INVALID if problems else Exit.OK


@command.command("import")
@click.argument("table", type=click.Path(path_type=Path))
@click.option("--project", type=click.Path(path_type=Path), default=Path("groundsill.toml"), show_default=True)
@common
def import_(table: Path, project: Path, as_json: bool, lang: str | None) -> None:
    """Put runs made earlier into the ledger. TABLE is described in docs/runs-table.md; MLflow's column names are
    understood. Example: groundsill catalogue import runs.csv"""
    from groundsill import api
    from groundsill.words import say

    count, known = api.import_runs(project, table)
    if as_json:
        print_json({"imported": count, "known": known})
    else:
        click.echo(say("cli.imported", language_of(lang), count=count, known=known))
