"""`groundsill prompt`: measure one prompt, chosen by labels or hosted under a cap."""

from __future__ import annotations

from pathlib import Path

import click

from groundsill.cli._common import common, language_of, print_json, progress, shown_path


@click.command("prompt", short_help="Measure one prompt: chosen by labels, or a hosted model under a spending cap.")
@click.argument("project", type=click.Path(path_type=Path), metavar="PROJECT")
@click.argument("candidate")
@click.option(
    "--labels", type=click.IntRange(1), metavar="N", help="Let N labelled rows choose examples and calibration."
)
@click.option("--rows", type=click.IntRange(1), metavar="N", help="Test rows to ask; else as the project says.")
@click.option("--address", metavar="URL", help="Server of a hosted model, up to and with its version: https://host/v1.")
@click.option("--cap", type=float, metavar="AMOUNT", help="Most that this project may ever spend on hosted prompts.")
@click.option(
    "--key-variable", default="OPENAI_API_KEY", show_default=True, help="Variable that holds the key; '' for none."
)
@click.option(
    "--price-in", type=float, metavar="AMOUNT", help="Price of a million tokens read; else the list price in USD."
)
@click.option("--price-out", type=float, metavar="AMOUNT", help="Price of a million tokens written.")
@click.option("--requests-per-minute", type=float, metavar="N", help="Most requests in any minute.")
@click.option("--tokens-per-minute", type=float, metavar="N", help="Most tokens in any minute.")
@click.option("--limit-name", default="max_tokens", show_default=True, help="What the server calls the longest answer.")
@common
def command(
    project: Path,
    candidate: str,
    labels: int | None,
    rows: int | None,
    address: str | None,
    cap: float | None,
    key_variable: str,
    price_in: float | None,
    price_out: float | None,
    requests_per_minute: float | None,
    tokens_per_minute: float | None,
    limit_name: str,
    as_json: bool,
    lang: str | None,
) -> None:
    """Ask the test rows with one prompt candidate of the project and write the run to the ledger. A hosted model is asked
    only with --address and --cap; nothing is sent that could pass the cap, and no answer is paid twice.

    Example: groundsill prompt groundsill.toml prompt/few-shot/smollm2-135m-instruct --labels 200
    """
    from groundsill import api
    from groundsill.api.prompting import Terms
    from groundsill.words import say

    if (address is None) != (cap is None):
        raise click.UsageError("--address and --cap go together")
    terms = None
    if address is not None and cap is not None:
        terms = Terms(
            address, cap, key_variable, price_in, price_out, requests_per_minute, tokens_per_minute, limit_name
        )  # fmt: skip
    language = language_of(lang)
    with progress(language, as_json) as emit:
        done = api.prompt(project, candidate, labels=labels, rows=rows, terms=terms, emit=emit)
    if as_json:
        print_json(done.record())
        return
    run = done.run
    click.echo(
        say(
            "cli.prompt_done",
            language,
            metric=say(f"labels.metric.{run.metric}", language),
            value=f"{run.value:.3f}",
            error=f"{run.stderr:.3f}",
            rows=run.test_rows,
            chance=f"{run.chance:.3f}",
            note=run.note,
        )
    )
    if done.prompt:
        click.echo(say("cli.prompt_kept", language, path=shown_path(done.prompt)))
    if done.spent is not None:
        click.echo(say("cli.prompt_spent", language, spent=f"{done.spent:.6g}", cap=f"{cap:g}"))
