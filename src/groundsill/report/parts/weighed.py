"""What money cannot hold, beside money: who wins under which weights."""

from __future__ import annotations

from groundsill.assess.findings import Turn, Weighing
from groundsill.report.blocks import Block, Heading, Table, Text, aligned
from groundsill.report.names import plain_words
from groundsill.report.tongue import clean
from groundsill.report.view import View


def blocks(view: View) -> list[Block]:
    """The scale in a sentence, shares of the weights, and where along each weight the winner changes."""
    t, found = view.tongue, list[Block]()
    for w in view.assessment.weighings:
        code = "told" if w.told else "best"
        found += [Heading(2, t.say("weighed_title"), "weighed"), Text(t.say("weighed_lead"))]
        found.append(Text(t.say(f"weighed_scale_{code}", scale=t.money(w.scale))))
        found += [_shares(view, w), _turns(view, w)]
    return found


def _shares(view: View, w: Weighing) -> Table:
    t = view.tongue
    order = sorted(w.shares, key=lambda s: (-s.wins, -s.wins_drawn, s.candidate))
    body = tuple(
        (
            view.names.title(s.candidate),
            t.share(s.wins),
            t.percent(s.wins_drawn),
            t.rough(s.money),
            *(t.rough(score) for score in s.scores),
        )
        for s in order
    )
    heads = tuple(t.say(f"column_{c}") for c in ("candidate", "weighed_wins", "weighed_drawn", "weighed_money"))
    names = tuple(t.say("column_weighed_score", value=plain_words(turn.value)) for turn in w.turns)
    return Table(t.say("weighed_caption"), (*heads, *names), body, aligned(1, 3 + len(names)))


def path_text(view: View, turn: Turn) -> str:
    """`below 0.2: LoRA; above 0.2: do nothing`."""
    t, parts = view.tongue, []
    for i, winner in enumerate(turn.winners):
        low = t.rough(turn.edges[i - 1]) if i else ""
        high = t.rough(turn.edges[i]) if i < len(turn.edges) else ""
        code = "all" if not turn.edges else "below" if not i else "above" if i == len(turn.edges) else "between"
        parts.append(t.say(f"wins_{code}", low=low, high=high, winner=view.names.short(winner)))
    return t.say("semicolon").join(parts)


def _turns(view: View, w: Weighing) -> Table:
    t = view.tongue
    body = tuple(
        (t.capital(plain_words(x.value)), t.span(t.rough(x.low), t.rough(x.high)), path_text(view, x), clean(x.source))
        for x in w.turns
    )
    heads = tuple(t.say(f"column_{c}") for c in ("weighed_value", "weighed_range", "weighed_path", "source"))
    return Table(t.say("weighed_turns_caption"), heads, body, ("left", "right", "left", "left"))
