"""Thresholds and the entry ticket: what must hold before it pays, what a newcomer must bring."""

from __future__ import annotations

from dataclasses import replace

from groundsill.assess.assessment import Threshold, Ticket
from groundsill.report.blocks import Block, Heading, Table, Text, Tone, aligned
from groundsill.report.view import View
from groundsill.terms.candidate import Candidate
from groundsill.terms.quantity import DAY, HOUR, MONTH, Interval

ALIGN = aligned(3, 6)
STANDING: dict[str, Tone] = {"everywhere": "good", "met": "good", "open": "warn", "missed": "bad", "nowhere": "bad"}
ORDER = ("open", "missed", "met", "nowhere", "everywhere")  # those that tell most come first

Pair = dict[str, Threshold]  # by kind: break-even, confidence


def blocks(view: View) -> list[Block]:
    """A threshold table for each candidate, that of the key figures open and the others folded; entry tickets."""
    a, t = view.assessment, view.tongue
    found: list[Block] = []
    groups = _grouped(a.thresholds)
    if groups:
        found += [Heading(2, t.say("thresholds_title"), "thresholds"), Text(t.say("thresholds_lead"))]
        focus = view.focus()
        first = focus[0].candidate if focus and focus[0].candidate in groups else next(iter(groups))
        found.append(_table(view, first, groups.pop(first)))
        folded = (_table(view, candidate, pairs) for candidate, pairs in groups.items())
        found += [replace(table, look="fold", more=t.say("more")) for table in folded]
    if a.tickets:
        found += [Heading(2, t.say("ticket_title"), "ticket"), Text(t.say("ticket_lead"))]
        found.append(_tickets(view, a.tickets))
    return found


def standing(x: Threshold) -> str:
    """`met` over the whole of what is expected, `missed` over the whole of it, `open` between; `nowhere` if no value
    that was searched does it, `everywhere` if all do."""
    if x.value is None:
        return "nowhere"
    if x.value == (x.searched[0] if x.direction == ">=" else x.searched[1]):
        return "everywhere"
    ends = [v >= x.value if x.direction == ">=" else v <= x.value for v in (x.now.low, x.now.high)]
    return "met" if all(ends) else "open" if any(ends) else "missed"


def _grouped(thresholds: tuple[Threshold, ...]) -> dict[Candidate, list[Pair]]:
    """By candidate, then by lever: break-even and confidence of one lever stand in one row."""
    pairs: dict[Candidate, dict[str, Pair]] = {}
    for x in thresholds:
        pairs.setdefault(x.candidate, {}).setdefault(x.lever, {})[x.kind] = x
    return {candidate: list(levers.values()) for candidate, levers in pairs.items()}


def _told(pair: Pair) -> Threshold:
    """The threshold whose sentence stands in the row: the one with confidence, where there is one."""
    return pair.get("confidence") or pair["break-even"]


def _table(view: View, candidate: Candidate, pairs: list[Pair]) -> Table:
    t = view.tongue
    pairs = sorted(pairs, key=lambda pair: ORDER.index(standing(_told(pair))))
    asked = next((x.probability for pair in pairs for x in pair.values() if x.probability is not None), None)
    columns = ("input", "standing", "sentence", "even", "sure", "switch", "option", "budget", "now")
    limits = {x.kind: x.limit for pair in pairs for x in pair.values() if x.limit is not None}
    return Table(
        t.say("thresholds_of", candidate=view.names.candidate(candidate)),
        tuple(
            t.say(
                f"column_{c}",
                p=t.percent(asked),
                hurdle=t.number(limits.get("option")),
                budget=t.money(limits.get("loss-budget")),
                rival=_rival(view, pairs),
            )
            for c in columns
        ),
        tuple(_row(view, pair) for pair in pairs),
        ALIGN,
        tuple(STANDING[standing(_told(pair))] for pair in pairs),
    )


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
    if standing(x) == "everywhere":
        low, high = (t.amount(v, x.unit) for v in x.searched)
        return t.say(f"threshold_{kind}_everywhere", low=low, high=high, **said)
    side = "above" if x.direction == ">=" else "below"
    return t.say(f"threshold_{kind}_{side}", value=t.amount(x.value, x.unit), **said)


def _row(view: View, pair: Pair) -> tuple[str, ...]:
    t, told = view.tongue, _told(pair)
    return (
        t.capital(view.names.input(told.lever)),
        t.say(f"standing_{standing(told)}"),
        sentence(view, told),
        _found(view, pair.get("break-even")),
        _found(view, pair.get("confidence")),
        _found(view, pair.get("switch"), exact=True),
        _found(view, pair.get("option"), exact=True),
        _found(view, pair.get("loss-budget"), exact=True),
        _expected(view, told.now, told.unit),
    )


def _rival(view: View, pairs: list[Pair]) -> str:
    """The best other option, with which the candidate ties."""
    told = next((pair["switch"].rival for pair in pairs if "switch" in pair), "none")
    return view.names.short(told)


def _found(view: View, x: Threshold | None, *, exact: bool = False) -> str:
    """The value with its interval; a dash where there is none, `always` where every value does. exact: with the side on
    which the condition holds, and where it ends again."""
    t = view.tongue
    if x is None or x.value is None:
        return t.number(None)
    if standing(x) == "everywhere" and x.other is None:
        return t.say("always") if exact else t.number(None)
    if not exact:
        if x.low is None or x.high is None:
            return t.number(x.value)
        return t.interval(Interval(x.low, x.value, x.high, x.value))
    if x.other is not None:
        return t.span(*(t.number(v) for v in sorted((x.value, x.other))))
    return f"{'≥' if x.direction == '>=' else '≤'} {t.number(x.value)}"


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
