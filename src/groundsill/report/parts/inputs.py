"""Which inputs move the answer, and where it flips."""

from __future__ import annotations

from dataclasses import replace

from groundsill.assess.assessment import Swing
from groundsill.report.blocks import Align, Bar, Block, Chart, Heading, Table, Text, TornadoData
from groundsill.report.parts import flips as plane
from groundsill.report.view import View

BARS = 10
ALIGN: tuple[Align, ...] = ("left", "right", "right", "left", "right", "right")
STAFF = ("effort.", "price.staff:")


def blocks(view: View) -> list[Block]:
    """Tornado, flips in words, what staff work does to the doubt."""
    swings = sorted(view.assessment.swings, key=lambda s: -abs(s.npv_high - s.npv_low))
    if not swings:
        return []
    t = view.tongue
    found: list[Block] = [Heading(2, t.say("inputs_title"), "inputs"), Text(t.say("inputs_lead"))]
    found.append(_tornado(view, swings))
    if len(swings) > BARS:
        rest = _table(view, t.say("tornado_rest", n=len(swings) - BARS), swings[BARS:])
        found.append(replace(rest, look="fold", more=t.say("more")))
    flips = [flip_text(view, s) for s in swings if s.flip is not None]
    found += [Heading(3, t.say("flips_title"), "flips")]
    found += [Text(text) for text in flips] or [Text(t.say("flips_none"))]
    staff = sum(s.variance_share for s in swings if s.input.startswith(STAFF))
    found.append(Text(t.say("staff_share", share=t.percent(staff))))
    return [*found, *plane.blocks(view)]


def flip_text(view: View, s: Swing) -> str:
    """Where this input changes the best option, as a sentence."""
    t = view.tongue
    ends = {s.winner_low: "below", s.winner_high: "above"} if s.winner_low != s.winner_high else {}
    side = ends.get(s.winner_beyond, "past")
    return t.say(
        f"flip_{side}",
        input=t.capital(view.names.input(s.input)),
        value=t.amount(s.flip, s.unit),
        winner=view.names.short(s.winner_beyond),
        now=t.span(t.number(s.low), t.number(s.high)),
    )


def _unit(view: View, s: Swing) -> str:
    unit = view.tongue.unit(s.unit).strip()
    return view.tongue.say("comma") + unit if unit else ""


def _winners(view: View, s: Swing) -> str:
    low, high = (view.names.short(w) for w in (s.winner_low, s.winner_high))
    return low if low == high else f"{low} → {high}"


def _tornado(view: View, swings: list[Swing]) -> Chart:
    t, names = view.tongue, view.names
    npv = view.assessment.verdict.npv
    focus = view.focus()
    base = npv.mean if npv else focus[1].npv.mean if focus else 0.0
    bars = tuple(
        Bar(
            t.capital(names.input(s.input)) + _unit(view, s),
            t.say("flip_at", value=t.number(s.flip)) if s.flip is not None else "",
            t.rough(s.low),
            t.rough(s.high),
            s.npv_low,
            s.npv_high,
            view.colour(s.winner_low),
            view.colour(s.winner_high),
        )
        for s in swings[:BARS]
    )
    winners = dict.fromkeys(w for s in swings[:BARS] for w in (s.winner_low, s.winner_high))
    legend = tuple((names.short(w), view.colour(w)) for w in winners)
    twin = _table(view, t.say("tornado_twin", currency=t.currency), swings[:BARS])
    data = TornadoData(base, bars, legend, t.say("axis_npv", currency=t.currency), t.say("zero_line"))
    about = names.candidate(focus[0].candidate) if focus else ""
    return Chart(t.say("tornado_caption", candidate=about), data, twin, t.say("tornado_note"), t.say("tornado_about"))


def _table(view: View, caption: str, swings: list[Swing]) -> Table:
    t = view.tongue
    body = tuple(
        (
            t.capital(view.names.input(s.input)),
            t.span(t.number(s.low), t.amount(s.high, s.unit)),
            t.span(t.number(s.npv_low), t.number(s.npv_high)),
            _winners(view, s),
            _shares(view, s),
            _worth(view, s),
        )
        for s in swings
    )
    columns = ("input", "input_range", "npv_at_ends", "winners", "variance", "worth")
    return Table(caption, tuple(t.say(f"column_{c}", currency=t.currency) for c in columns), body, ALIGN)


def _shares(view: View, s: Swing) -> str:
    """What it explains alone, and with all that it does together with others."""
    t = view.tongue
    alone, with_others = t.percent(s.variance_share), t.percent(s.total_share)
    return alone if s.total_share is None or alone == with_others else f"{alone}{t.say('aside', text=with_others)}"


def _worth(view: View, s: Swing) -> str:
    """EVPPI with its interval from the finite draws; one that begins at 0 cannot be told from nothing."""
    t = view.tongue
    if s.worth_low is None or s.worth_high is None or s.worth_low == s.worth_high:
        return t.rough(s.worth)
    return t.say("interval", median=t.rough(s.worth), low=t.rough(s.worth_low), high=t.rough(s.worth_high))
