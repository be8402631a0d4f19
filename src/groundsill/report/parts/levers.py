"""What could be changed: each lever, what it is worth, and what it does to ticket and thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from groundsill.assess.findings import Bring, Changed, Effect, Move, Pull
from groundsill.report.blocks import Block, Heading, Table, Text, Tone, aligned
from groundsill.report.data import plain
from groundsill.report.names import plain_words
from groundsill.report.view import View
from groundsill.terms.quantity import DAY, HOUR, MONTH, Interval

KINDS = ("break-even", "confidence", "switch", "option", "loss-budget")
BRINGS = {"capital": 1.0, "labels": 1.0, "staff_seconds": MONTH, "accelerator_seconds": HOUR, "tokens": 1.0,
          "calendar_seconds": DAY}  # fmt: skip
Form = Callable[[float], str]


def blocks(view: View) -> list[Block]:
    """A table of all levers, then one section a lever."""
    pulls = view.assessment.levers
    if not pulls:
        return []
    t = view.tongue
    found: list[Block] = [Heading(2, t.say("levers_title"), "levers"), Text(t.say("levers_lead")), _all(view, pulls)]
    for place, name in enumerate(dict.fromkeys(p.name for p in pulls)):
        some = [p for p in pulls if p.name == name]
        found.append(Heading(3, t.say("lever_heading", name=plain_words(name)), f"lever-{place + 1}"))
        found.append(Text(_said(view, some)))
        if any(p.effects for p in some):
            found += [_effects(view, some), _tickets(view, some)]
            found += [replace(table, look="fold", more=t.say("more")) for table in _moves(view, some)]
    return found


def _said(view: View, some: Sequence[Pull]) -> str:
    """Whence the lever, and for several sizes the smallest base that is good enough."""
    t, first = view.tongue, some[0]
    source = t.say("comma").join(x for x in (first.source.title, first.source.published, first.source.address) if x)
    text = t.say("lever_from", source=source or first.place, place=first.place)
    if not any(p.effects for p in some):
        return text + t.say("gap") + t.say("lever_moves_nothing")
    if first.size is None:
        return text
    asked = view.assessment.confidence
    fit = [(p.size or 0.0, e) for p in some for e in p.effects if _enough(e, asked)]
    least = min(fit, key=lambda pair: pair[0], default=None)
    if least is None:
        return text + t.say("gap") + t.say("lever_no_size", p=t.percent(asked))
    size, who = t.number(least[0]), view.names.candidate(least[1].candidate)
    return text + t.say("gap") + t.say("lever_least_size", p=t.percent(asked), size=size, candidate=who)


def _enough(e: Effect, asked: float) -> bool:
    reached = e.p_target_after is None or e.p_target_after >= asked
    return reached and e.p_pays_after is not None and e.p_pays_after >= asked


def _all(view: View, pulls: Sequence[Pull]) -> Table:
    t = view.tongue
    body, tones = [], list[Tone]()
    for p in pulls:
        body.append(
            (
                plain_words(p.name) + (t.say("aside", text=t.number(p.size)) if p.size is not None else ""),
                t.say(f"lever_{lever_tone(p)}"),
                t.word(f"labels.lever.{p.kind}", p.kind),
                t.say("semicolon").join(changed(view, c) for c in p.changes),
                _turn(view.names.short(p.best_before), view.names.short(p.best_after)),
                _gain(view, p.gain),
                p.source.title or p.place,
            )
        )
        tones.append({"gains": "good", "loses": "bad", "nothing": "mute", "open": "warn"}[lever_tone(p)])  # type: ignore[arg-type]
    columns = ("lever", "lever_verdict", "kind", "lever_change", "lever_best", "lever_gain", "source")
    heads = tuple(t.say(f"column_{c}", currency=t.currency) for c in columns)
    return Table(t.say("levers_caption"), heads, tuple(body), ("left",) * 5 + ("right", "left"), tuple(tones))


def lever_tone(p: Pull) -> str:
    """`gains` or `loses` where the mean of the best option moves by more than its error, else `nothing`; `open` where the
    90 % of draws hold both."""
    if abs(p.gain.mean) <= 2 * p.error:
        return "nothing"
    if p.gain.low < 0 < p.gain.high:
        return "open"
    return "gains" if p.gain.mean > 0 else "loses"


def changed(view: View, c: Changed) -> str:
    """`rent: h100: 2 to 5 USD/hour → 1.7 to 2.35 USD/hour`."""
    t, facts = view.tongue, view.assessment.facts
    name = view.names.input(c.fact_before or c.key)
    ends = []
    for fact, text in ((c.fact_before, c.before), (c.fact_after, c.after)):
        known = facts.get(fact)
        ends.append(t.value(plain(known.value, t), known.unit) if known is not None else text or t.number(None))
    return f"{name}: {ends[0]} → {ends[1]}"


def _turn(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _gain(view: View, gain: Interval | None) -> str:
    """Mean of the gain, with the 90 % of draws."""
    t = view.tongue
    if gain is None:
        return t.number(None)
    return t.say("interval", median=t.rough(gain.mean), low=t.rough(gain.low), high=t.rough(gain.high))


def _both(form: Form, ends: Sequence[float | None], dash: str) -> str:
    """`41k → 30k`, or one number where they read the same."""
    before, after = (dash if v is None else form(v) for v in ends)
    return _turn(before, after)


def _who(view: View, e: Effect) -> str:
    return _turn(view.names.title(e.was), view.names.title(e.candidate))


def _effects(view: View, some: Sequence[Pull]) -> Table:
    t, dash = view.tongue, view.tongue.number(None)

    def mean(x: Interval | None) -> float | None:
        return None if x is None else x.mean

    body = tuple(
        (
            _who(view, e),
            _both(t.quality, [None if x is None else x.median for x in (e.quality_before, e.quality_after)], dash),
            _both(t.percent, [e.p_target_before, e.p_target_after], dash),
            _both(t.number, [mean(e.npv_before), mean(e.npv_after)], dash),
            _gain(view, e.gain) if e.problem is None else t.problem(e.problem, placed=False),
            t.percent(e.p_gain),
            _both(t.percent, [e.p_pays_before, e.p_pays_after], dash),
        )
        for p in some
        for e in p.effects
    )
    columns = ("candidate", "lever_quality", "lever_target", "lever_npv", "lever_paired", "lever_p_gain", "lever_pays")
    heads = tuple(t.say(f"column_{c}", currency=t.currency) for c in columns)
    return Table(t.say("lever_effects_caption"), heads, body, aligned(1, 6))


def _tickets(view: View, some: Sequence[Pull]) -> Table:
    t, dash = view.tongue, view.tongue.number(None)
    body = []
    for p in some:
        for e in p.effects:
            known: dict[str, Bring] = {b.item: b for b in e.ticket}
            cells = []
            for item, factor in BRINGS.items():
                b = known.get(item)
                ends = [None if v is None else v / factor for v in ((b.before, b.after) if b else (None, None))]
                cells.append(_both(t.number, ends, dash))
            body.append((_who(view, e), *cells))
    columns = ("candidate", "capital", "labels", "staff", "accelerator", "tokens", "calendar")
    heads = tuple(t.say(f"column_ticket_{c}") for c in columns)
    return Table(t.say("lever_ticket_caption", currency=t.currency), heads, tuple(body), aligned(1, 6))


def _moves(view: View, some: Sequence[Pull]) -> list[Table]:
    """One table a candidate: inputs whose thresholds the lever moves."""
    t, out = view.tongue, list[Table]()
    heads = tuple(t.say(f"column_lever_{c}") for c in ("input", *(k.replace("-", "_") for k in KINDS)))
    for p in some:
        for e in p.effects:
            by_lever: dict[str, dict[str, Move]] = {}
            for m in e.moves:
                by_lever.setdefault(m.lever, {})[m.kind] = m
            body = [_move_row(view, lever, moves) for lever, moves in by_lever.items()]
            told = tuple(row for row in body if any("→" in cell for cell in row[1:]))
            if told:
                caption = t.say("lever_moves_caption", candidate=_who(view, e), n=len(body) - len(told))
                out.append(Table(caption, heads, told, aligned(1, 5)))
    return out


def _move_row(view: View, lever: str, moves: dict[str, Move]) -> tuple[str, ...]:
    t, dash = view.tongue, view.tongue.number(None)
    unit = next(iter(moves.values())).unit
    name = t.say("lever_quality") if lever == "quality" else view.names.input(lever)
    words = t.unit(unit).strip()
    head = t.capital(name) + (t.say("comma") + words if words else "")
    return (head, *(_both(t.number, [m.before, m.after], dash) if (m := moves.get(k)) else dash for k in KINDS))
