"""Tables of `groundsill estimate`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from groundsill.api.estimate_types import Choice, Memory, Near, Planning, Serving, Spread, Training
from groundsill.words import explain, say

PLAN_ORDER = (
    "tensor", "pipeline", "context", "expert", "data", "chunks", "micro_batch", "shard", "recompute",
    "sequence_parallel", "offload",
)  # fmt: skip
FRONTIER_ROWS = 12


def show(result: Training | Planning | Serving, language: str) -> None:
    """An estimate as text."""
    if isinstance(result, Training):
        _training(result, language)
    elif isinstance(result, Serving):
        _serving(result, language)
    else:
        _planning(result, language)
    for note in result.notes:
        click.echo(f"{say('cli.warning', language)} {explain(note, language)}")


def show_calibration(done: Mapping[str, Any], language: str) -> None:
    """What was measured, one run a line."""
    for run in done["runs"]:
        words = " ".join(str(v) for v in run["recipe"].values())
        values = ", ".join(f"{key} {number(value)}" for key, value in run["measures"].items())
        click.echo(f"{run['id']} {words}: {values}")
    click.echo(
        say(
            "estimate.calibrated",
            language,
            accelerator=done["accelerator"],
            runs=len(done["runs"]),
            ledger=done["ledger"],
        )
    )


def number(value: float) -> str:
    """Three digits that count: `0.0123`, `1.23`, `123`, `12,300`, `1.23M`."""
    if value != value or value in (float("inf"), float("-inf")):
        return "?"
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if abs(value) >= size:
            short = _digits(value / size)
            return (short.rstrip("0").rstrip(".") if "." in short else short) + letter
    return _digits(value)


def _digits(value: float) -> str:
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 1000:
        return f"{rounded:,.0f}"
    if abs(rounded) < 1e-4:
        return f"{rounded:.2e}"
    return f"{rounded:#.3g}".rstrip(".")


def short(value: float) -> str:
    """As `number`, but in a sentence: `2`, not `2.00`."""
    shown = number(value)
    return shown.rstrip("0").rstrip(".") if "." in shown and "e" not in shown else shown


def percent(value: float) -> str:
    """A probability or share: nothing is quite sure, so never 100 % nor 0 %."""
    if value > 0.995:
        return ">99%"
    return "<1%" if value < 0.005 else f"{value:.0%}"


def table(rows: Sequence[Sequence[str]], *, indent: str = "") -> None:
    """Columns: the first to the left, the others to the right. Chinese characters take two places."""
    widths = [max(_width(row[i]) for row in rows if i < len(row)) for i in range(max(len(r) for r in rows))]
    for row in rows:
        cells = [cell + " " * (widths[0] - _width(cell)) if i == 0 else " " * (widths[i] - _width(cell)) + cell
                 for i, cell in enumerate(row)]  # fmt: skip
        click.echo((indent + "  ".join(cells)).rstrip())


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _spread(name: str, spread: Spread | None, language: str, form: Callable[[float], str] = number) -> list[list[str]]:
    if spread is None:
        return []
    words = say("estimate.to", language)
    inner, outer = (
        f"{form(a)} {words} {form(b)}" for a, b in ((spread.low80, spread.high80), (spread.low90, spread.high90))
    )
    return [[say(f"estimate.row_{name}", language), form(spread.median), inner, outer]]


def _head(language: str) -> list[list[str]]:
    return [["", *(say(f"estimate.column_{c}", language) for c in ("median", "range80", "range90"))]]


def plan_words(plan: Mapping[str, int], language: str, *, all_fields: bool = False) -> str:
    """A plan in a few words: what is not 1, none or off."""
    parts = []
    for key in PLAN_ORDER:
        value = plan.get(key, 1)
        if key == "recompute":
            if value or all_fields:
                parts.append(say(f"estimate.recompute_{value}", language))
        elif key in ("sequence_parallel", "offload"):
            if value:
                parts.append(say(f"estimate.plan_{key}", language))
        elif key == "micro_batch" or (value > 0 if key == "shard" else value > 1):
            parts.append(f"{say(f'estimate.plan_{key}', language)} {value}")
    return ", ".join(parts)


def _training(t: Training, language: str) -> None:
    method = say(f"estimate.method_{t.method}", language)
    click.echo(say("estimate.head", language, model=t.model, parameters=short(t.parameters), method=method, count=t.count,
                   accelerator=t.accelerator, precision=t.precision, tokens=short(t.tokens.median), batch=f"{t.batch:,}",
                   sequence=f"{t.sequence:,}"))  # fmt: skip
    code = "estimate.plan_searched" if t.plans > 1 else "estimate.plan_given"
    click.echo(say(code, language, plan=plan_words(t.plan, language), plans=f"{t.plans:,}"))
    if t.parts:
        total = sum(t.parts.values())
        shares = [
            f"{say(f'estimate.part_{k}', language)} {percent(v / total)}"
            for k, v in t.parts.items()
            if v > 0.005 * total
        ]
        click.echo(say("estimate.parts", language, parts=", ".join(shares)))
    click.echo()
    rows = _head(language)
    rows += _spread("step_seconds", t.step_seconds, language) + _spread("tokens_per_s", t.tokens_per_s, language)
    rows += _spread("mfu", t.mfu, language) + _spread("goodput", t.goodput, language)
    rows += _spread("practice", t.practice, language)
    rows += _spread("hours", t.hours, language) + _spread("days", t.days, language)
    rows += _spread("energy", t.energy_kwh, language) + _spread("co2", t.co2_kg, language)
    if t.cost is not None:
        rows += [[f"{r[0]}, {t.currency}", *r[1:]] for r in _spread("cost", t.cost, language)]
    rows += _memory_row(t.memory, language)
    table(rows)
    click.echo()
    _memory(t.memory, language)
    b = t.baseline
    click.echo(say("estimate.baseline", language, mfu=f"{b.mfu:.2f}", step=number(b.step_seconds), hours=number(b.hours),
                   days=number(b.days), ratio=f"{t.hours.median / b.hours:.2f}"))  # fmt: skip
    _near(t.near, language)


def _memory_row(m: Memory, language: str) -> list[list[str]]:
    return _spread("memory", m.peak.times(1e-9), language)


def _memory(m: Memory, language: str) -> None:
    parts = ", ".join(
        f"{say(f'estimate.memory_{k}', language)} {number(v / 1e9)}" for k, v in m.parts.items() if v > 5e6
    )
    verdict = "fits" if m.chance_fits >= 0.9 else "may_not_fit" if m.chance_fits >= 0.1 else "does_not_fit"
    click.echo(
        say(f"estimate.{verdict}", language, chance=percent(m.chance_fits), limit=number(m.limit / 1e9), parts=parts)
    )


def _near(near: Sequence[Near], language: str) -> None:
    if not near:
        return
    click.echo(say("estimate.near", language))
    for one in near:
        click.echo("  " + say("estimate.near_one", language, kind=one.kind, weights=number(one.weights), count=one.count,
                              accelerator=one.accelerator, precision=one.precision, suite=one.suite,
                              error=f"{one.error:+.0%}"))  # fmt: skip


def _planning(p: Planning, language: str) -> None:
    click.echo(say("estimate.plan_head", language, model=p.model, accelerator=p.accelerator,
                   counts=", ".join(map(str, p.counts)), enumerated=f"{p.enumerated:,}", judged=f"{p.judged:,}",
                   timed=f"{p.timed:,}", seconds=number(p.seconds)))  # fmt: skip
    click.echo()
    rows = [[say(f"estimate.column_{c}", language) for c in ("plan", "count", "step", "memory", "hours", "days")]]
    rows[0] += [f"{say('estimate.column_cost', language)}, {p.currency}"] if p.currency else []
    shown = _thinned(p.frontier)
    for c in shown:
        cost = [] if c.cost is None else [number(c.cost)]
        rows.append([plan_words(c.plan, language), str(c.plan["accelerators"]), number(c.step_seconds),
                     number(c.memory_bytes / 1e9), number(c.hours), number(c.days), *cost])  # fmt: skip
    table(rows)
    if len(shown) < len(p.frontier):
        click.echo(say("estimate.thinned", language, shown=len(shown), all=len(p.frontier)))
    click.echo()
    click.echo(say("estimate.best", language))
    rows = _head(language)
    for t in p.best:
        name = f"{t.count}: {plan_words(t.plan, language)}"
        spread = _spread("days", t.days, language)[0]
        rows.append([f"{name}, {spread[0]}", *spread[1:], percent(t.memory.chance_fits)])
    rows[0].append(say("estimate.column_fits", language))
    table(rows)


def _thinned(frontier: Sequence[Choice]) -> list[Choice]:
    """At most FRONTIER_ROWS of the frontier, evenly, without those that take more than twice the least hours."""
    least = min(c.hours for c in frontier)
    near = [c for c in frontier if c.hours <= 2 * least]
    if len(near) <= FRONTIER_ROWS:
        return near
    step = (len(near) - 1) / (FRONTIER_ROWS - 1)
    return [near[round(i * step)] for i in range(FRONTIER_ROWS)]


def _serving(s: Serving, language: str) -> None:
    click.echo(say("estimate.serve_head", language, model=s.model, parameters=short(s.parameters), count=s.count,
                   accelerator=s.accelerator, bits=short(s.weight_bits), engine=s.engine,
                   tokens_in=short(s.tokens_in.median), tokens_out=short(s.tokens_out.median)))  # fmt: skip
    if s.rate_per_s is not None:
        click.echo(say("estimate.serve_rate", language, rate=short(s.rate_per_s), copies=f"{s.copies:,}",
                       use=percent(s.utilisation.median)))  # fmt: skip
    click.echo(say("estimate.serve_batch", language, batch=short(s.batch), limit=f"{s.batch_limit:,}"))
    click.echo()
    rows = _head(language)
    for name, values in (("ttft", s.ttft), ("tpot", s.tpot)):
        for share, spread in values.items():
            shown = say("estimate.share_mean", language) if share == "mean" else share
            rows += [[f"{r[0]} ({shown})", *r[1:]] for r in _spread(name, spread.times(1e3), language)]
    rows += _spread("written_per_s", s.tokens_per_s, language) + _spread("request", s.seconds_per_request, language)
    rows += _spread("joules", s.energy_j_per_token, language)
    rows += _spread("co2_per_million", s.co2_kg_per_million_tokens, language)
    for name, cost in (("per_million", s.cost_per_million_tokens), ("per_request", s.cost_per_request)):
        rows += [[f"{r[0]}, {s.currency}", *r[1:]] for r in _spread(name, cost, language)]
    rows += _memory_row(s.memory, language)
    table(rows)
    click.echo()
    _memory(s.memory, language)
    _near(s.near, language)
