"""All candidates in one table: also those that were refused, closed or are unknown, with the reason."""

from __future__ import annotations

from groundsill.assess.assessment import Result
from groundsill.report.blocks import Block, Heading, Table, Text, Tone, aligned
from groundsill.report.view import View
from groundsill.terms.curve import LabelsNeeded

TONES: dict[str, Tone] = {"assessed": "good", "refused": "bad", "closed": "bad", "unknown": "warn"}
COLUMNS = ("candidate", "status", "quality", "p_target", "labels_needed", "npv", "p_pays", "p_best", "payback")
ALIGN = aligned(2, 7)
WHY = ("candidate", "status", "why")


def blocks(view: View) -> list[Block]:
    """The comparison."""
    t, a = view.tongue, view.assessment
    order = sorted(a.results, key=lambda r: -(r.value.npv.mean if r.value else float("-inf")))
    table = Table(
        t.say("candidates_caption"),
        tuple(t.say(f"column_{c}", currency=t.currency) for c in COLUMNS),
        tuple(_row(view, r) for r in order),
        ALIGN,
        tuple(TONES[r.status] if r.candidate.route != "none" else "mute" for r in order),
    )
    lead = t.say("candidates_lead", n=len(order), assessed=sum(r.status == "assessed" for r in order))
    found: list[Block] = [Heading(2, t.say("candidates_title"), "candidates"), Text(lead), table]
    said = [(r, _why(view, r)) for r in order]
    if any(why for _, why in said):
        found.append(_reasons(view, [(r, why) for r, why in said if why]))
    return found


def _reasons(view: View, said: list[tuple[Result, str]]) -> Table:
    """Why some could not be assessed, or were measured no further: sentences need the width of the page."""
    t = view.tongue
    rows = tuple((_name(view, r), _status(view, r), why) for r, why in said)
    tones = tuple(TONES[r.status] for r, _ in said)
    return Table(t.say("why_caption"), tuple(t.say(f"column_{c}") for c in WHY), rows, aligned(3, 0), tones)


def reach_text(view: View, reach: LabelsNeeded | None) -> str:
    """Labels needed as an interval; `not reached` where an end lies beyond the limit."""
    t = view.tongue
    if reach is None:
        return t.number(None)
    if reach.low is None:
        return t.say("not_reached", limit=t.number(reach.limit))
    over = t.say("over", limit=t.number(reach.limit))
    middle, high = (over if v is None else t.number(v) for v in (reach.median, reach.high))
    return t.say("interval", median=middle, low=t.number(reach.low), high=high)


def _row(view: View, r: Result) -> tuple[str, ...]:
    t, value = view.tongue, r.value
    name = _name(view, r)
    if r.choice:
        name += t.say("aside", text=view.names.choice(r.choice))
    back = value.payback_months if value and r.candidate.route != "none" else None
    return (
        name,
        _status(view, r),
        t.interval(r.quality, t.quality),
        t.percent(r.p_target),
        reach_text(view, r.curve.reach if r.curve else None),
        t.interval(value.npv if value else None),
        t.percent(value.p_positive if value and r.candidate.route != "none" else None),
        t.percent(r.p_best),
        t.interval(back, t.rough) if back else t.number(None),
    )


def _name(view: View, r: Result) -> str:
    return view.tongue.capital(view.names.candidate(r.candidate))


def _status(view: View, r: Result) -> str:
    return view.tongue.word(f"labels.status.{r.status}", r.status)


def _why(view: View, r: Result) -> str:
    t = view.tongue
    said = [t.problem(p, placed=p.at != r.candidate.id) for p in (r.problem, r.dropped) if p is not None]
    if r.status == "unknown":
        wins = r.wins_at_quality
        metric = view.names.metric(view.assessment.metric)
        said.append(
            t.say("wins_at", quality=t.quality(wins), metric=metric) if wins is not None else t.say("wins_never")
        )
    return t.say("gap").join(said)
