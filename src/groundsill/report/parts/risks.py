"""What may go wrong, what is shut, what was warned of, and the simple forecasts that stand beside ours."""

from __future__ import annotations

from dataclasses import replace

from groundsill.assess.assessment import Result, ValueView
from groundsill.assess.parts import Hazard
from groundsill.report.blocks import Block, Heading, Notice, Table, Text, Tone, aligned
from groundsill.report.data import plain
from groundsill.report.names import plain_words
from groundsill.report.tongue import clean
from groundsill.report.view import View
from groundsill.terms.quantity import DAY, HOUR, Chance


def blocks(view: View) -> list[Block]:
    """Gates, warnings, risks, baselines."""
    a, t = view.assessment, view.tongue
    found: list[Block] = [Heading(2, t.say("risks_title"), "risks")]
    for r in a.results:
        if r.status == "closed" and r.problem is not None:
            title = t.say("gate_title", candidate=view.names.candidate(r.candidate))
            found.append(Notice("bad", title, t.problem(r.problem)))
    found += [_warnings(view)] if a.warnings else []
    if len(found) == 1:
        found.append(Text(t.say("risks_none")))
    risks = _risks(view)
    found += [risks] if risks else [Text(t.say("risks_unlisted"))]
    found += _register(view)
    baselines = _baselines(view)
    if baselines:
        found += [Heading(2, t.say("baseline_title"), "baseline"), Text(t.say("baseline_lead")), baselines]
    return found


def _warnings(view: View) -> Table:
    t = view.tongue
    rows = tuple((_where(view, w.at), t.problem(w, placed=False)) for w in view.assessment.warnings)
    return Table(t.say("warnings_caption"), (t.say("column_where"), t.say("column_warning")), rows)


def _where(view: View, at: str) -> str:
    """A place as people know it: candidates by name, inputs by name, else as it stands."""
    known, t = view.names.known, view.tongue
    parts = [p.strip() for p in at.split(",")]
    if all(p in known for p in parts):
        return t.say("semicolon").join(view.names.title(p) for p in parts)
    return t.capital(view.names.input(at)) if at in view.assessment.facts else at or t.number(None)


def _register(view: View) -> list[Block]:
    """The risk register: that of the key figures open, the others folded."""
    t, a = view.tongue, view.assessment
    by_candidate: dict[str, list[Hazard]] = {}
    for h in a.hazards:
        by_candidate.setdefault(h.candidate.id, []).append(h)
    focus = view.focus()
    order = sorted(by_candidate, key=lambda name: focus is None or name != focus[0].candidate.id)
    found: list[Block] = []
    for name in order:
        tables = [_hazards(view, by_candidate[name]), *_remedies(view, by_candidate[name])]
        found += tables if not found else [replace(x, look="fold", more=t.say("more")) for x in tables]
    if focus and by_candidate.get(focus[0].candidate.id):
        found.insert(0, Text(_loss_text(view, focus[1], by_candidate[focus[0].candidate.id])))
    return found


def _loss_text(view: View, value: ValueView, hazards: list[Hazard]) -> str:
    """Chance of a loss, how deep the worst is, and how much of it the listed risks make."""
    t = view.tongue
    return t.say(
        "loss_sentence",
        p=t.percent(1 - value.p_positive),
        tail=t.money(value.tail),
        share=t.share(max(0.0, sum(h.tail_share for h in hazards))),
    )


def _hazards(view: View, hazards: list[Hazard]) -> Table:
    t = view.tongue
    body = []
    for h in hazards:
        kind = t.word(f"labels.risk.{h.kind}", plain_words(h.kind)) if h.kind else t.number(None)
        body.append(
            (
                t.say("risk_quality") if h.name == "quality" else plain_words(h.name.removeprefix("risk.")),
                kind,
                t.percent(h.chance),
                t.interval(h.severity, t.rough),
                t.rough(h.expected),
                t.share(h.tail_share),
                clean(h.owner) or t.number(None),
                clean(h.mitigation) or t.number(None),
                t.interval(h.mitigation_cost, t.rough),
            )
        )
    columns = ("risk", "kind", "chance", "severity", "expected", "tail_share", "owner", "mitigation", "mitigation_cost")
    heads = tuple(t.say(f"column_{c}", currency=t.currency) for c in columns)
    align = (*aligned(2, 4, 2), "right")
    caption = t.say("register_caption", candidate=view.names.candidate(hazards[0].candidate), currency=t.currency)
    return Table(caption, heads, tuple(body), align)


def _remedies(view: View, hazards: list[Hazard]) -> list[Table]:
    """The cash flow with each remedy and without it."""
    t, body, tones = view.tongue, [], list[Tone]()
    for h in hazards:
        r = h.remedy
        if r is None:
            continue
        verdict = "unclear" if abs(r.worth.mean) <= 2 * r.error else "pays" if r.worth.mean > 0 else "not"
        worth = t.say("interval", median=t.rough(r.worth.mean), low=t.rough(r.worth.low), high=t.rough(r.worth.high))
        body.append(
            (
                plain_words(h.name.removeprefix("risk.")),
                t.say(f"remedy_{verdict}"),
                t.say("remedy_taken" if r.taken else "remedy_open"),
                f"{t.percent(r.chance_without)} → {t.percent(r.chance_with)}",
                f"{t.rough(r.expected_without)} → {t.rough(r.expected_with)}",
                f"{t.rough(r.tail_without)} → {t.rough(r.tail_with)}",
                worth,
            )
        )
        tones.append({"pays": "good", "not": "bad", "unclear": "warn"}[verdict])  # type: ignore[arg-type]
    columns = ("risk", "remedy", "remedy_plan", "remedy_chance", "remedy_expected", "remedy_tail", "remedy_worth")
    heads = tuple(t.say(f"column_{c}", currency=t.currency) for c in columns)
    caption = t.say("remedies_caption", candidate=view.names.candidate(hazards[0].candidate), currency=t.currency)
    return [Table(caption, heads, tuple(body), aligned(3, 4), tuple(tones))] if body else []


def _risks(view: View) -> Table | None:
    t = view.tongue
    facts = [f for name, f in sorted(view.assessment.facts.items()) if name.startswith("risk.")]
    if not facts:
        return None
    body = []
    for f in facts:
        value = f.value
        chance = t.percent(value.chance) if isinstance(value, Chance) else t.number(None)
        if f.name.replace("risk.", "recurring.", 1) in view.assessment.facts:
            chance = t.say("each_year", chance=chance)
        size = t.value(plain(value.size if isinstance(value, Chance) else value, t), f.unit)
        body.append((plain_words(f.name.removeprefix("risk.")), chance, size, f.place or f.source.title))
    columns = tuple(t.say(f"column_{c}") for c in ("risk", "chance", "size", "place"))
    return Table(t.say("risks_caption"), columns, tuple(body), ("left", "right", "right", "left"))


def _baselines(view: View) -> Table | None:
    t = view.tongue
    body = []
    for r in view.assessment.results:
        for name, value in r.baseline.items():
            label = t.word(f"labels.baseline.{name}", plain_words(name))
            simple, ours = _both(view, r, name, value)
            body.append((view.names.title(r.candidate), label, simple, ours))
    columns = tuple(t.say(f"column_{c}") for c in ("candidate", "baseline", "simple", "ours"))
    return Table(t.say("baseline_caption"), columns, tuple(body), ("left", "left", "right", "right")) if body else None


def _both(view: View, r: Result, name: str, value: float) -> tuple[str, str]:
    """The simple forecast and ours, in the same unit, ours a dash where we forecast no such thing."""
    t = view.tongue
    if "calendar" in name:
        unit = t.say("unit_days")
        days = tuple(v / DAY for v in (r.calendar_seconds.median,)) if r.calendar_seconds else ()
        return f"{t.number(value / DAY)} {unit}", f"{t.number(days[0])} {unit}" if days else t.number(None)
    if "second" in name:
        unit = t.say("unit_hours")
        ours = [n.amount.median for n in r.needs if n.item.startswith("accelerator") and n.part == "build"]
        return f"{t.number(value / HOUR)} {unit}", f"{t.number(ours[0] / HOUR)} {unit}" if ours else t.number(None)
    if "npv" in name or "cost" in name:
        return t.money(value), t.cash(r.value.npv if r.value and "npv" in name else None)
    if "mfu" in name:
        return t.share(value), t.number(None)
    if "quality" in name or "last" in name or name == view.assessment.metric:
        return t.quality(value), t.interval(r.quality, t.quality)
    return t.number(value), t.number(None)
