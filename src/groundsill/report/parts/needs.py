"""What each candidate demands, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence

from groundsill.assess.assessment import NeedView, Result
from groundsill.report.blocks import Block, Chart, Heading, StackData, Table, Text, aligned
from groundsill.report.names import days_text, need_text
from groundsill.report.view import View

FAMILIES = ("labels", "staff", "accelerator", "memory", "energy")
GROUPS = ("labels", "staff", "accelerator", "api", "energy", "other")
DETAIL = aligned(3, 3)
CUT = 8.0  # a bar this many times longer than the next is drawn with a gap


def blocks(view: View) -> list[Block]:
    """Needs to build, cost over the horizon, every need in a folded table."""
    rows = [r for r in view.assessment.results if r.needs and r.candidate.route != "none"]
    if not rows:
        return []
    t = view.tongue
    found: list[Block] = [Heading(2, t.say("needs_title"), "needs"), Text(t.say("needs_lead"))]
    found.append(_summary(view, rows))
    chart = _cost(view, [r for r in rows if any(n.cost for n in r.needs)])
    return found + ([chart] if chart else []) + [_detail(view, rows)]


def family(item: str) -> str:
    """The column of the summary that a need belongs to."""
    head = item.partition(":")[0]
    return "memory" if head in ("memory", "train_bytes", "serve_bytes") else head


def group(item: str) -> str:
    """The series of the stacked bars that a need belongs to."""
    head = item.partition(":")[0]
    head = "api" if head.startswith("api") else head
    return head if head in GROUPS else "other"


def _summary(view: View, rows: Sequence[Result]) -> Table:
    t = view.tongue
    shown = [f for f in FAMILIES if any(_of(r.needs, f) for r in rows)]
    body = []
    for r in rows:
        cells = [_cell(view, _of(r.needs, f)) for f in shown]
        cost = sum(n.cost.mean for n in r.needs if n.cost)
        name = view.names.title(r.candidate)
        body.append((name, *cells, days_text(view.names, r.calendar_seconds), t.money(cost)))
    columns = ["column_candidate", *(f"column_need_{f}" for f in shown), "column_calendar", "column_cost"]
    align = aligned(1, len(columns) - 1)
    return Table(t.say("needs_caption"), tuple(t.say(c) for c in columns), tuple(body), align)


def _of(needs: Sequence[NeedView], name: str) -> list[NeedView]:
    here = [n for n in needs if family(n.item) == name and (n.part == "build" or name == "memory")]
    # labels that are there already (the test set) stand in the folded table only
    return [n for n in here if name != "labels" or n.amount.high > n.owned] or here


def _cell(view: View, needs: Sequence[NeedView]) -> str:
    t = view.tongue
    said = []
    for n in needs:
        text = need_text(view.names, n.amount, n.unit, n.item)
        text += t.say("of_owned", owned=t.number(n.owned)) if n.owned and n.item == "labels" else ""
        said.append(text if len(needs) == 1 else f"{view.names.item(n.item)}: {text}")
    return "; ".join(said) or t.number(None)


def _cost(view: View, rows: Sequence[Result]) -> Chart | None:
    if not rows:
        return None
    t = view.tongue
    sums = [{g: sum(n.cost.mean for n in r.needs if n.cost and group(n.item) == g) for g in GROUPS} for r in rows]
    used = [g for g in GROUPS if any(s[g] > 0 for s in sums)]
    if not used:
        return None
    names = [view.names.title(r.candidate) for r in rows]
    series = tuple(t.say(f"group_{g}") for g in used)
    longest = _longest([sum(s.values()) for s in sums])
    note = t.say("cost_note")
    note += t.say("gap") + t.say("cost_cut") if any(sum(s.values()) > longest for s in sums) else ""
    data = StackData(
        tuple((name, tuple(max(0.0, s[g]) for g in used)) for name, s in zip(names, sums, strict=True)),
        series,
        longest,
        t.say("axis_cost", currency=t.currency),
    )
    body = tuple(
        (name, *(t.number(s[g]) for g in used), t.number(sum(s.values()))) for name, s in zip(names, sums, strict=True)
    )
    columns = (t.say("column_candidate"), *series, t.say("column_total"))
    align = aligned(1, len(columns) - 1)
    twin = Table(t.say("cost_twin", currency=t.currency), columns, body, align)
    return Chart(t.say("cost_caption"), data, twin, note, t.say("cost_about"))


def _longest(totals: list[float]) -> float:
    """Where the axis ends: at the largest total, unless it would flatten all the others."""
    kept = sorted(totals)
    while len(kept) > 1 and kept[-1] > CUT * kept[-2] > 0:
        kept.pop()
    return kept[-1] if len(kept) == len(totals) else 1.3 * kept[-1]


def _detail(view: View, rows: Sequence[Result]) -> Table:
    t = view.tongue
    body = []
    for r in rows:
        for n in r.needs:
            body.append(
                (
                    view.names.title(r.candidate),
                    t.word(f"labels.part.{n.part}", n.part.replace("_", " ")),
                    view.names.item(n.item),
                    need_text(view.names, n.amount, n.unit, n.item),
                    t.number(n.owned) if n.owned else t.number(None),
                    t.cash(n.cost),
                )
            )
    columns = tuple(t.say(f"column_{c}") for c in ("candidate", "part", "need", "amount", "owned", "cost"))
    return Table(t.say("needs_detail"), columns, tuple(body), DETAIL, look="fold", more=t.say("more"))
