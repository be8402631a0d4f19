"""Thresholds and the entry ticket: what must hold before it pays, what a newcomer must bring."""

from __future__ import annotations

from groundsill.assess.assessment import Threshold, Ticket
from groundsill.report.blocks import Block, Heading, Table, Text, Tone, aligned
from groundsill.report.view import View
from groundsill.terms.quantity import DAY, HOUR, MONTH, Interval

ALIGN = aligned(3, 3)
STANDING: dict[str, Tone] = {"met": "good", "open": "warn", "missed": "bad", "nowhere": "bad"}


def blocks(view: View) -> list[Block]:
    """Threshold table with its sentences, entry tickets."""
    a, t = view.assessment, view.tongue
    found: list[Block] = []
    if a.thresholds:
        columns = ("candidate", "standing", "sentence", "threshold", "range90", "now")
        found += [Heading(2, t.say("thresholds_title"), "thresholds"), Text(t.say("thresholds_lead"))]
        found.append(
            Table(
                t.say("thresholds_caption"),
                tuple(t.say(f"column_{c}") for c in columns),
                tuple(_row(view, x) for x in a.thresholds),
                ALIGN,
                tuple(STANDING[standing(x)] for x in a.thresholds),
            )
        )
    if a.tickets:
        found += [Heading(2, t.say("ticket_title"), "ticket"), Text(t.say("ticket_lead"))]
        found.append(_tickets(view, a.tickets))
    return found


def standing(x: Threshold) -> str:
    """`met` over the whole of what is expected, `missed` over the whole of it, `open` between, `nowhere` if no value
    does it."""
    if x.value is None:
        return "nowhere"
    ends = [v >= x.value if x.direction == ">=" else v <= x.value for v in (x.now.low, x.now.high)]
    return "met" if all(ends) else "open" if any(ends) else "missed"


def _expected(view: View, now: Interval, unit: str) -> str:
    t = view.tongue
    return t.span(t.number(now.low), t.number(now.high)) + t.unit(unit)


def sentence(view: View, x: Threshold) -> str:
    """`Pays only above 41k (requests per month), with 80% confidence; you expect 20k to 60k.`"""
    t = view.tongue
    said = {
        "lever": view.names.input(x.lever),
        "now": _expected(view, x.now, x.unit),
        "probability": t.percent(x.probability),
    }
    kind = "even" if x.kind == "break-even" else "sure"
    if x.value is None:
        low, high = (t.amount(v, x.unit) for v in x.searched)
        return t.say(f"threshold_{kind}_nowhere", low=low, high=high, **said)
    side = "above" if x.direction == ">=" else "below"
    return t.say(f"threshold_{kind}_{side}", value=t.amount(x.value, x.unit), **said)


def _row(view: View, x: Threshold) -> tuple[str, ...]:
    t = view.tongue
    known = x.low is not None and x.high is not None
    return (
        view.names.title(x.candidate),
        t.say(f"standing_{standing(x)}"),
        sentence(view, x),
        t.amount(x.value, x.unit),
        t.span(t.number(x.low), t.number(x.high)) if known else t.number(None),
        _expected(view, x.now, x.unit),
    )


def _tickets(view: View, tickets: tuple[Ticket, ...]) -> Table:
    t = view.tongue

    def part(value: float | None, factor: float = 1.0) -> str:
        return t.number(None if value is None else value / factor)

    body = tuple(
        (
            view.names.title(x.candidate),
            t.percent(x.probability),
            t.money(abs(x.capital)),
            part(x.labels),
            part(x.staff_seconds, MONTH),
            part(x.accelerator_seconds, HOUR),
            part(x.tokens),
            part(x.calendar_seconds, DAY),
        )
        for x in tickets
    )
    columns = ("candidate", "probability", "capital", "labels", "staff", "accelerator", "tokens", "calendar")
    heads = tuple(t.say(f"column_ticket_{c}") for c in columns)
    return Table(t.say("ticket_caption"), heads, body, aligned(1, 7))
