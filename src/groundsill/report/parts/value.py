"""What each candidate is worth, and when the money goes and comes."""

from __future__ import annotations

from groundsill.assess.assessment import Result, ValueView
from groundsill.report.blocks import Block, CashData, Chart, Heading, StripData, Table, Text, aligned
from groundsill.report.view import View

QUANTILES = (5, 25, 50, 75, 95)
SPAN_FOR_LOG = 40.0  # largest end over smallest, beyond which a straight axis would flatten the small ones


def blocks(view: View) -> list[Block]:
    """Distribution of NPV, cumulative cash, sums of the rows of cash."""
    valued = list(view.valued())
    if not valued:
        return []
    t = view.tongue
    found: list[Block] = [Heading(2, t.say("value_title"), "value"), Text(t.say("value_lead")), _strips(view)]
    found += [Heading(3, t.say("cash_title"), "cash"), Text(t.say("cash_lead"))]
    found += [_cash(view, r, v) for r, v in valued if v.cumulative_median]
    return [*found, _rows(view)]


def _strips(view: View) -> Chart:
    t = view.tongue
    rows, body = [], []
    for r, v in view.valued():
        name = view.names.title(r.candidate)
        rows.append((name, view.colour(r.candidate), v.quantiles))
        cells = [t.number(v.quantiles[q]) if len(v.quantiles) > q else t.number(None) for q in QUANTILES]
        body.append((name, *cells, t.number(v.npv.mean), t.number(v.tail)))
    heads = [t.say("column_quantile", q=q) for q in QUANTILES]
    columns = (t.say("column_candidate"), *heads, t.say("column_mean"), t.say("column_tail"))
    align = aligned(1, len(columns) - 1)
    twin = Table(t.say("strip_twin", currency=t.currency), columns, tuple(body), align)
    log = _wild([(q[5], q[-6]) for _, _, q in rows if len(q) == 101])
    data = StripData(tuple(rows), log, t.say("axis_npv", currency=t.currency), t.say("zero_line"))
    return Chart(
        t.say("strip_caption"), data, twin, t.say("strip_note_log" if log else "strip_note"), t.say("strip_about")
    )


def _wild(spans: list[tuple[float, float]]) -> bool:
    """Whether the candidates differ too much in size for one straight axis."""
    sizes = [size for low, high in spans if (size := max(abs(low), abs(high))) > 0]
    return bool(sizes) and max(sizes) / min(sizes) > SPAN_FOR_LOG


def _cash(view: View, r: Result, v: ValueView) -> Chart:
    t, name = view.tongue, view.names.title(r.candidate)
    months = len(v.cumulative_median)
    shown = sorted({*range(0, months, 6), months - 1})
    body = tuple(
        (t.number(m), *(t.number(line[m]) for line in (v.cumulative_low, v.cumulative_median, v.cumulative_high)))
        for m in shown
    )
    columns = (t.say("column_month"), *(t.say("column_quantile", q=q) for q in (5, 50, 95)))
    twin = Table(t.say("cash_twin", candidate=name, currency=t.currency), columns, body, aligned(0, 4))
    data = CashData(
        v.cumulative_low,
        v.cumulative_median,
        v.cumulative_high,
        view.colour(r.candidate),
        t.say("axis_month"),
        t.currency,
        {m: t.say(f"mark_{m}") for m in ("median", "band")},
    )
    trough = t.say("cash_note", trough=t.cash(v.trough), tail=t.money(v.tail))
    return Chart(name, data, twin, trough, t.say("cash_about", candidate=name))


def _rows(view: View) -> Table:
    t = view.tongue
    valued = list(view.valued())
    used = list(dict.fromkeys(row for _, v in valued for row in v.rows))
    body = []
    for row in used:
        sums = [sum(v.rows[row]) if row in v.rows else None for _, v in valued]
        body.append((view.names.row(row), *(t.number(s) for s in sums)))
    columns = (t.say("column_row"), *(view.names.title(r.candidate) for r, _ in valued))
    align = aligned(1, len(valued))
    return Table(
        t.say("rows_caption", currency=t.currency), columns, tuple(body), align, look="fold", more=t.say("more")
    )
