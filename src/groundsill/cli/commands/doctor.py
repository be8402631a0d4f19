"""`groundsill doctor`: what this machine lacks."""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import common, language_of, print_json


@click.command("doctor", short_help="Say what this machine lacks, and how to get it.")
@click.argument("project", type=click.Path(path_type=Path), required=False, metavar="[PROJECT]")
@common
def command(project: Path | None, as_json: bool, lang: str | None) -> None:
    """Check Python, packages, accelerator, memory, disk and (with PROJECT) the models and data that it names.

    Example: groundsill doctor examples/clothing-reviews/groundsill.toml
    """
    from groundsill import api
    from groundsill.words import say

    language = language_of(lang)
    findings = api.doctor(project)
    if as_json:
        print_json([{"code": f.code, "state": f.state, **{k: str(v) for k, v in f.values.items()}} for f in findings])
        return
    for finding in findings:
        state = say(f"cli.state_{finding.state}", language)
        click.echo(f"{state:6} {say(finding.code, language, **finding.values)}")
        if finding.state != "ok" and (fix := say(finding.code, language, "fix", **finding.values)):
            click.echo(f"       {fix}")
