"""What to learn before deciding, when to stop, and whether to wait."""

from __future__ import annotations

from groundsill.assess.findings import Search
from groundsill.assess.parts import Staging, Study, Waiting
from groundsill.report.blocks import Block, Heading, Notice, Table, Text, Tone, aligned
from groundsill.report.view import View
from groundsill.terms.quantity import DAY

ASKED = 2_000.0  # labels that the question at the head of the section names, if such a study was played


def blocks(view: View) -> list[Block]:
    """Studies in money, gates, hurdles."""
    a, t = view.assessment, view.tongue
    found: list[Block] = []
    if a.studies:
        found += [Heading(2, t.say("decide_title"), "decide"), Text(t.say("decide_lead"))]
        asked = _asked(a.studies)
        found += [Notice(_tone(asked), question(view, asked), answer(view, asked))] if asked is not None else []
        found.append(_studies(view))
    for x in a.searches:
        found += [Heading(3, t.say("order_title"), "order"), Text(order_sentence(view, x)), _order(view, x)]
    if a.staging:
        found += [Heading(2, t.say("stages_title"), "stages"), Text(t.say("stages_lead"))]
        for s in a.staging:
            found += [Text(stages_sentence(view, s)), _stages(view, s)]
    if a.waiting:
        found += [Heading(2, t.say("waiting_title"), "waiting"), Text(t.say("waiting_lead")), _waiting(view)]
        focus = view.focus()
        mine = next((w for w in a.waiting if focus and w.candidate == focus[0].candidate), a.waiting[0])
        found.append(_hurdles(view, mine))
    return found


def _asked(studies: tuple[Study, ...]) -> Study | None:
    """The study that the question is about: 2,000 more labels if that was played, else the one worth most."""
    named = next((s for s in studies if s.kind == "labels" and s.size == ASKED), None)
    return named or max(studies, key=lambda s: (s.worth[1], -s.size))


def pays(study: Study) -> str:
    """`yes`, `no`, or `unclear` where the interval of what is left holds 0; `unpriced` without a price."""
    if study.net is None:
        return "unpriced" if study.worth[2] > 0 else "no"
    return "yes" if study.net[0] > 0 else "no" if study.net[1] <= 0 else "unclear"


def _tone(study: Study) -> Tone:
    tones: dict[str, Tone] = {"yes": "good", "no": "mute", "unclear": "warn", "unpriced": "warn"}
    return tones[pays(study)]


def study_name(view: View, study: Study) -> str:
    """`label 2k more rows`."""
    t = view.tongue
    who = view.names.candidate(study.candidate) if study.candidate is not None else ""
    return t.say(f"study_{study.kind}", n=t.number(study.size), candidate=who)


def question(view: View, study: Study) -> str:
    """`Is it worth it to label 2k more rows before deciding?`"""
    return view.tongue.say("study_question", study=study_name(view, study))


def answer(view: View, study: Study) -> str:
    """The worth with its interval, the cost, and what is left."""
    t = view.tongue
    return t.say(
        f"study_{pays(study)}",
        worth=_money(view, study.worth),
        cost=t.money(study.cost),
        reused=t.money(study.reused),
        net=_money(view, study.net),
    )


def _money(view: View, three: tuple[float, float, float] | None) -> str:
    t = view.tongue
    if three is None:
        return t.number(None)
    low, middle, high = (t.rough(v) for v in three)
    return t.say("interval", median=f"{middle} {t.currency}".rstrip(), low=low, high=high)


def _studies(view: View) -> Table:
    t = view.tongue
    body = tuple(
        (
            t.capital(study_name(view, s)),
            t.say(f"pays_{pays(s)}"),
            _money(view, s.worth),
            t.money(s.cost),
            t.money(s.reused) if s.cost is not None else t.number(None),
            _money(view, s.net),
            t.number(s.seconds / DAY) if s.seconds else t.number(None),
        )
        for s in view.assessment.studies
    )
    columns = ("study", "study_pays", "study_worth", "study_cost", "study_reused", "study_net", "study_days")
    heads = tuple(t.say(f"column_{c}") for c in columns)
    return Table(t.say("studies_caption"), heads, body, aligned(2, 5), tuple(_tone(s) for s in view.assessment.studies))


def order_sentence(view: View, x: Search) -> str:
    """What looking in this order is worth, against taking the best as it is known today."""
    t = view.tongue
    code = "pays" if x.low > 0 else "not" if x.high <= 0 else "unclear"
    gain = x.value - x.blind
    low, high = t.rough(x.low), t.rough(x.high)
    said = {"value": t.money(x.value), "blind": t.money(x.blind), "gain": t.money(gain), "low": low, "high": high}
    return t.say("order_lead") + t.say("gap") + t.say(f"order_{code}", **said)


def _order(view: View, x: Search) -> Table:
    t = view.tongue
    body = tuple(
        (
            t.number(float(i + 1)),
            view.names.title(b.candidate),
            t.say(f"look_{b.kind}", n=t.number(b.size)),
            t.money(b.cost),
            t.money(b.worth),
            t.money(b.reservation),
            t.share(b.p_open),
        )
        for i, b in enumerate(x.boxes)
    )
    columns = ("order", "candidate", "look", "study_cost", "look_worth", "reservation", "look_made")
    return Table(
        t.say("order_caption"),
        tuple(t.say(f"column_{c}") for c in columns),
        body,
        ("right", "left", "left", *aligned(0, 4)),
    )


def stages_sentence(view: View, s: Staging) -> str:
    """What the right to stop is worth."""
    t = view.tongue
    return t.say(
        "stages_sentence",
        candidate=view.names.candidate(s.candidate),
        value=t.money(s.value),
        committed=t.money(s.committed),
        gain=t.money(max(0.0, s.value - s.committed)),
        low=t.number(s.low),
        high=t.number(s.high),
    )


def _stages(view: View, s: Staging) -> Table:
    t = view.tongue
    body = tuple(
        (
            t.say(f"gate_{g.gate}"),
            t.say(f"gate_known_{g.gate}"),
            t.share(g.reached),
            t.share(g.stop),
            t.money(g.spend),
            t.money(g.value),
        )
        for g in s.stages
    )
    columns = ("gate", "gate_known", "gate_reached", "gate_stop", "gate_spend", "gate_value")
    return Table(t.say("stages_caption"), tuple(t.say(f"column_{c}") for c in columns), body, aligned(2, 4))


def _waiting(view: View) -> Table:
    t = view.tongue

    def row(w: Waiting) -> tuple[str, ...]:
        now = w.value_over_spend >= w.hurdle
        return (
            view.names.title(w.candidate),
            t.say("invest_now" if now else "wait"),
            t.number(w.value_over_spend),
            t.number(w.hurdle),
            t.share(w.cost_of_waiting),
            t.share(w.spread),
        )

    rows = view.assessment.waiting
    tones = tuple[Tone, ...]("good" if w.value_over_spend >= w.hurdle else "warn" for w in rows)
    columns = ("candidate", "waiting", "ratio", "hurdle", "cost_of_waiting", "spread")
    heads = tuple(t.say(f"column_{c}") for c in columns)
    return Table(t.say("waiting_caption"), heads, tuple(row(w) for w in rows), aligned(2, 4), tones)


def _hurdles(view: View, w: Waiting) -> Table:
    """The hurdle over what waiting costs and how the value spreads."""
    t = view.tongue
    costs = list(dict.fromkeys(cost for cost, _, _ in w.table))
    spreads = list(dict.fromkeys(spread for _, spread, _ in w.table))
    known = {(cost, spread): hurdle for cost, spread, hurdle in w.table}
    body = tuple((t.share(c), *(t.number(known[c, s]) for s in spreads)) for c in costs)
    heads = (t.say("column_cost_of_waiting"), *(t.say("column_spread_of", spread=t.share(s)) for s in spreads))
    return Table(t.say("hurdles_caption"), heads, body, aligned(1, len(spreads)), look="fold", more=t.say("more"))
