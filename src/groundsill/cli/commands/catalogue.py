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


@command.command("accelerators")
@common
def accelerators(as_json: bool, lang: str | None) -> None:
    """All accelerators: dense peak in bf16 (else fp16, fp32), memory, bandwidths and power of each."""
    from groundsill import api
    from groundsill.words import say

    machines = api.accelerators()
    if as_json:
        print_json(machines)
        return
    click.echo(say("cli.accelerators_head", language_of(lang)))
    for m in machines:
        peaks = m["peak_flops_per_s"]
        precision = next((p for p in ("bf16", "fp16", "fp32") if p in peaks), "")
        peak = f"{peaks[precision] / 1e12:,.4g} {precision}" if precision else "-"
        speeds = (m["memory_bytes_per_s"], m["link_bytes_per_s"], m["network_bytes_per_s"])
        numbers = "".join(f"{v / 1e9:>9,.4g}" if v else f"{'-':>9}" for v in (m["memory_bytes"], *speeds))
        power = f"{m['power_w']:,.0f}" if m["power_w"] else "-"
        click.echo(f"{m['id']:<17}{m['family']:<14}{peak:>13}{numbers}{m['node_size']:>7}{power:>7}  {m['grade']}")


def _words(value: object) -> str:
    if not isinstance(value, dict):
        return str(value)
    return f"{value['value']:,g}" if set(value) == {"value"} else ", ".join(f"{k} {v:,g}" for k, v in value.items())


@command.command("show")
@click.argument("name")
@common
def show(name: str, as_json: bool, lang: str | None) -> None:
    """One fact with its source, or all facts of an accelerator or a model.

    Example: groundsill catalogue show wages/ml-engineer/us, groundsill catalogue show h100-sxm-80gb
    """
    from groundsill import api
    from groundsill.words import say

    found = api.facts_of(name)
    if as_json:
        print_json(found[0] if len(found) == 1 and found[0]["name"] == name else found)
        return
    for i, data in enumerate(found):
        if i:
            click.echo()
        for key, value in data.items():
            if value not in ("", None, False, True):
                click.echo(f"{key:16} {_words(value)}")
        if data["expired"]:
            click.echo(say("cli.fact_expired", language_of(lang), date=data["date"], days=data["shelf_life_days"]))


@command.command("check")
@click.option(
    "--expired", "list_expired", is_flag=True, help="List the facts past their shelf life; they are no fault."
)
@common
def check(list_expired: bool, as_json: bool, lang: str | None) -> int:
    """Check every fact of the catalogue: source, unit, date, grade, plausible size; count those past their shelf life."""
    from groundsill import api
    from groundsill.terms.problem import Exit
    from groundsill.words import explain, say

    language = language_of(lang)
    problems, expired = api.check_catalogue(), api.expired_facts()
    if as_json:
        marked = [(p, False) for p in problems] + [(p, True) for p in expired]
        print_json([{"code": p.code, "text": explain(p, language), "warning": warning} for p, warning in marked])
    else:
        for problem in (*problems, *(expired if list_expired else ())):
            click.echo(explain(problem, language))
        click.echo(say("cli.catalogue_checked", language, problems=len(problems), expired=len(expired)))
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


@command.command("predictions")
@click.option("--project", type=click.Path(path_type=Path), default=Path("groundsill.toml"), show_default=True)
@common
def predictions(project: Path, as_json: bool, lang: str | None) -> None:
    """Forecasts that earlier assessments made of label curves, against what was measured later.

    Example: groundsill catalogue predictions"""
    from groundsill import api
    from groundsill.words import say

    found, language = api.scored_predictions(project), language_of(lang)
    data = found.record()
    if as_json:
        print_json(data)
        return
    click.echo(say("cli.predictions_stored", language, count=found.forecasts, scored=len(found.scored)))
    for s in found.scored:
        low, middle, high = s.quantiles[0], s.quantiles[3], s.quantiles[-1]
        verdict = say("cli.predictions_inside" if s.inside90 else "cli.predictions_outside", language)
        numbers = {
            "low": f"{low:.3f}",
            "median": f"{middle:.3f}",
            "high": f"{high:.3f}",
            "measured": f"{s.measured:.3f}",
        }
        click.echo(say("cli.predictions_row", language, made=s.made, candidate=s.candidate, metric=s.metric,
                       labels=f"{s.labels:,.0f}", seeds=s.seeds, verdict=verdict, **numbers))  # fmt: skip
    if found.scored:
        click.echo(say("cli.predictions_share", language, share80=f"{data['inside80']:.0%}",
                       share90=f"{data['inside90']:.0%}", miss=f"{data['median_absolute_miss']:.3f}"))  # fmt: skip
