"""Who wins where: along each lever, over the plane of two inputs, and where the best option loses money."""

from __future__ import annotations

from groundsill.assess.parts import Grid, LossBox, Side, Winners
from groundsill.report.blocks import Block, Cell, Chart, GridData, Heading, Table, Text, aligned
from groundsill.report.view import View


def blocks(view: View) -> list[Block]:
    """Flip table, two-way grid, loss box; part of the section on inputs."""
    a, t = view.assessment, view.tongue
    found: list[Block] = []
    flips = [w for w in a.winners if w.edges]
    if a.winners:
        found.append(Heading(3, t.say("winners_title"), "winners"))
        found.append(_table(view, flips) if flips else Text(t.say("winners_none")))
    found += [_chart(view, g) for g in a.grids]
    if a.loss_boxes:
        found.append(Heading(3, t.say("loss_title"), "loss"))
        found += [Text(box_text(view, b)) for b in a.loss_boxes]
    return found


def path_text(view: View, w: Winners) -> str:
    """`below 35k: do nothing; 35k to 390k: classical model; above 390k: full tuning`."""
    t = view.tongue
    parts = []
    for i, winner in enumerate(w.winners):
        low = t.number(w.edges[i - 1]) if i else ""
        high = t.number(w.edges[i]) if i < len(w.edges) else ""
        code = "below" if not i else "above" if i == len(w.edges) else "between"
        parts.append(t.say(f"wins_{code}", low=low, high=high, winner=view.names.short(winner)))
    return t.say("semicolon").join(parts)


def _table(view: View, flips: list[Winners]) -> Table:
    t = view.tongue
    body = tuple(
        (
            t.capital(view.names.input(w.lever)),
            path_text(view, w),
            t.span(t.number(w.now.low), t.number(w.now.high)) + t.unit(w.unit),
        )
        for w in flips
    )
    columns = tuple(t.say(f"column_{c}") for c in ("input", "wins_path", "now"))
    return Table(t.say("winners_caption"), columns, body, ("left", "left", "right"))


def _chart(view: View, g: Grid) -> Chart:
    """x to the right, y upwards: the last row of y stands first."""
    t = view.tongue
    x, y = (t.capital(view.names.input(name)) for name in (g.x, g.y))
    cells = tuple(
        tuple(Cell(view.colour(winner), t.rough(npv) if npv else "0") for winner, npv in zip(row, values, strict=True))
        for row, values in zip(g.winners, g.npv, strict=True)
    )
    names = dict.fromkeys(w for row in g.winners for w in row)
    data = GridData(
        tuple(t.rough(v) for v in g.xs),
        tuple(t.rough(v) for v in g.ys),
        cells,
        tuple((view.names.short(w), view.colour(w)) for w in names),
        x + _unit(view, g.x_unit),
        y + _unit(view, g.y_unit),
    )
    usual = max(names, key=lambda w: sum(row.count(w) for row in g.winners))

    def told(npv: float, winner: str) -> str:
        return t.rough(npv) if winner == usual else f"{t.rough(npv)} · {view.names.short(winner)}"

    body = tuple(
        (t.rough(g.ys[i]), *(told(v, w) for v, w in zip(g.npv[i], g.winners[i], strict=True)))
        for i in reversed(range(len(g.ys)))
    )
    heads = (t.say("grid_corner"), *data.xs)
    twin = Table(
        t.say("grid_twin", x=x, y=y, currency=t.currency, usual=view.names.short(usual)),
        heads,
        body,
        aligned(1, len(g.xs)),
    )
    return Chart(
        t.say("grid_caption", x=x, y=y), data, twin, t.say("grid_note", currency=t.currency), t.say("grid_about")
    )


def _unit(view: View, unit: str) -> str:
    words = view.tongue.unit(unit).strip()
    return view.tongue.say("comma") + words if words else ""


def box_text(view: View, b: LossBox) -> str:
    """`It loses in 54% of the cases where requests are below 159k and ...; these hold 46% of its losses.`"""
    t = view.tongue
    said = t.say(
        "loss_box",
        candidate=view.names.candidate(b.candidate),
        sides=t.say("and").join(_side(view, s) for s in b.sides),
        p=t.percent(b.p_loss),
        share=t.percent(b.share),
        mass=t.percent(b.mass),
        p_all=t.percent(b.p_all),
    )
    return t.capital(said)


def _side(view: View, s: Side) -> str:
    t = view.tongue
    code = "between" if s.low is not None and s.high is not None else "above" if s.low is not None else "below"
    return t.say(
        f"side_{code}",
        input=view.names.input(s.input),
        low=t.amount(s.low, "" if s.high is not None else s.unit),
        high=t.amount(s.high, s.unit),
    )
