"""The five named thresholds of every candidate in every lever it depends on, and who wins where along each lever."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from groundsill.assess import threshold, units
from groundsill.assess.assessment import Threshold
from groundsill.assess.compare import NONE, Standing
from groundsill.assess.evaluate import Probe, World
from groundsill.assess.parts import Waiting, Winners
from groundsill.assess.threshold import Edge, Lane, Pair
from groundsill.finance import value
from groundsill.finance.model import RATE
from groundsill.terms.quantity import Array, Exactly, Interval

LEVERS = (
    "use.requests_per_month",
    "use.value_per_right",
    "use.cost_per_wrong",
    "use.savings_per_month",
    "market.requests_per_month",
    "market.price_per_request",
    RATE,
)
PRICES = ("price.labels", "price.accelerator:", "price.staff:", "price.api-in:", "price.api-out:", "price.data:")
QUALITY = "quality."
LABELS = "labels"
TAIL = 0.05
TAIL_DRAWS = 20_000  # the worst of so many are looked at; a tail of a thousand draws is known to 3 %
BEST_DRAWS = 4_000  # in which it is counted how often a candidate is the best
_RATES = (0.0, 10.0)  # a year, searched
_REACH = 1_000.0  # other levers are searched from their median over this to their median times this


@dataclass(frozen=True)
class Scene:
    """What thresholds are found with. here: the world; rows: assessed candidates, none left out; quick, full: probes by
    id over few and over all draws; rival: id -> the best other option today; waiting: by id; budget: the loss that may
    be made, by id."""

    here: World
    rows: Sequence[Standing]
    quick: Mapping[str, Probe]
    full: Mapping[str, Probe]
    rival: Mapping[str, str]
    waiting: Mapping[str, Waiting]
    budget: Mapping[str, float]


def scene(here: World, rows: Sequence[Standing], quick: Mapping[str, Probe], waiting: Mapping[str, Waiting]) -> Scene:
    """quick: `quick_probes`. The loss budget is `finance.loss_budget` where the project has one, else what building
    costs on average: then the worst case loses no more than what was put in."""
    some = [row for row in rows if row.id in quick]
    full = {row.id: Probe(here, quick[row.id].row, row.taken.choice, row.taken) for row in some}
    means = {NONE: 0.0, **{row.id: float(row.npv.mean()) for row in some}}
    rival = {row.id: max((m, i) for i, m in means.items() if i != row.id)[1] for row in some}
    given = here.draws.get("finance.loss_budget")
    budget = {
        row.id: float(np.median(given)) if given is not None else max(0.0, -float(full[row.id].built.mean()))
        for row in some
    }
    return Scene(here, some, quick, full, rival, waiting, budget)


def found(view: Scene) -> tuple[tuple[Threshold, ...], tuple[Winners, ...]]:
    """Thresholds by candidate, and the winners along every lever that several candidates or doing nothing share."""
    out: dict[str, list[Threshold]] = {row.id: [] for row in view.rows}
    winners = list[Winners]()
    for name in _names(view):
        lanes = _lanes(view, name)
        if lanes is None:
            continue
        for row in sorted(view.rows, key=lambda row: row.id):  # lanes are valued further on the way: one order for all
            if lanes[row.id].shape != "flat":
                out[row.id] += _five(view, row, name, lanes)
        if any(lane.shape != "flat" for lane in lanes.values()):
            winners.append(_winners(view, name, lanes))
    for row in view.rows:
        for name, lane in _own_lanes(view, row):
            probes = view.quick if name.startswith(QUALITY) else view.full
            lanes = {other.id: _still(probes[other.id], lane.searched) for other in view.rows} | {row.id: lane}
            out[row.id] += _five(view, row, name, lanes)
    return tuple(t for row in view.rows for t in out[row.id]), tuple(winners)


def _names(view: Scene) -> list[str]:
    used = frozenset[str]().union(*(probe.uses for probe in view.full.values())) if view.full else frozenset()
    return sorted(n for n in used if n in view.here.draws and (n in LEVERS or n.startswith(PRICES)))


def _still(probe: Probe, searched: tuple[float, float]) -> Lane:
    return Lane(None, searched, {searched[0]: (probe.built, probe.base)})


def _lanes(view: Scene, name: str) -> dict[str, Lane] | None:
    """One lane a candidate: over all draws where only the cash models read the lever, over the first 2,000 where a step
    needs a forecast or other discount factors. None for a lever that stands at 0."""
    middle = float(np.median(view.here.draws[name]))
    if middle <= 0:
        return None
    searched = _RATES if name == RATE else (middle / _REACH, middle * _REACH)
    few = name == RATE or any(name in probe.read for probe in view.quick.values())
    out = dict[str, Lane]()
    for row in view.rows:
        probe = (view.quick if few else view.full)[row.id]
        if name not in probe.uses:
            out[row.id] = _still(probe, searched)
            continue

        def net(amount: float, probe: Probe = probe) -> Pair:
            return probe.worth({name: amount})

        out[row.id] = Lane.of(net, searched, middle)
    return out


def _own_lanes(view: Scene, row: Standing) -> Iterator[tuple[str, Lane]]:
    """Levers that a candidate has alone: its quality, and the labels it learns from (at the choices that were valued)."""
    probe = view.quick[row.id]
    outcome = row.taken.outcome
    if outcome is not None and outcome.quality is not None and np.ptp(outcome.quality) > 0:
        chance = row.entrant.anchor.chance
        low = chance.value.median if chance is not None and isinstance(chance.value, Exactly) else 0.0
        middle = float(np.median(outcome.quality))
        if low < middle < 1.0:
            yield QUALITY + row.id, Lane.of(lambda q: probe.worth({}, quality=q), (low, 1.0), middle)
    priced = {
        o.choice["labels"]: (o.worth.build, o.worth.operate)
        for o in row.options
        if set(o.choice) == {"labels"}
        and o.worth is not None
        and o.outcome is not None
        and o.outcome.quality is not None
    }
    if len(priced) > 2:
        yield LABELS, Lane(None, (min(priced), max(priced)), priced)


def _five(view: Scene, row: Standing, name: str, lanes: Mapping[str, Lane]) -> list[Threshold]:
    """Break-even, confidence, switch, option hurdle and loss budget of one candidate along one lever."""
    lane, asked = lanes[row.id], view.here.case.confidence
    rival, waiting = view.rival[row.id], view.waiting.get(row.id)

    def spread(amount: float) -> float:
        npv = lane.at(amount, TAIL_DRAWS)[1]
        return float(npv.std()) / math.sqrt(len(lane.pairs[lane.amounts[0]][1]))

    out = [_told(view, row, name, lane, "break-even", threshold.edge(lane, lambda a: lane.means(a)[1], spread))]
    out.append(_told(view, row, name, lane, "confidence", threshold.sure_edge(lane, asked), probability=asked))
    if rival in lanes:
        out.append(_switch(view, row, name, lanes))
    if waiting is not None:
        times = waiting.hurdle - 1.0
        pays = threshold.edge(lane, lambda a: lane.means(a)[1] + times * lane.means(a)[0], spread)
        out.append(_told(view, row, name, lane, "option", pays, limit=waiting.hurdle))
    budget = view.budget[row.id]

    def worst(amount: float) -> float:
        return value.tail(lane.at(amount, TAIL_DRAWS)[1], TAIL) + budget

    safe = threshold.edge(lane, worst, lambda a: threshold.tail_error(lane.at(a, TAIL_DRAWS)[1], TAIL), looks=1)
    return [*out, _told(view, row, name, lane, "loss-budget", safe, limit=budget)]


def _switch(view: Scene, row: Standing, name: str, lanes: Mapping[str, Lane]) -> Threshold:
    """Where the candidate ties with the best other option, and from where on it is the best with the asked confidence."""
    lane, rival = lanes[row.id], lanes[view.rival[row.id]]
    count = min(BEST_DRAWS, *(len(x.pairs[x.amounts[0]][1]) for x in lanes.values()))
    asked = view.here.case.confidence

    def ahead(amount: float) -> float:
        return lane.means(amount)[1] - rival.means(amount)[1]

    def spread(amount: float) -> float:
        apart = lane.at(amount, count)[1] - rival.at(amount, count)[1]
        return float(apart.std()) / math.sqrt(count)

    def best(amount: float) -> float:
        others = [x.at(amount, count)[1] for i, x in lanes.items() if i != row.id]
        return float(np.mean(lane.at(amount, count)[1] > np.max([np.zeros(count), *others], axis=0))) - asked

    ends = lane.places[0], lane.places[-1]
    way: threshold.Direction = ">=" if ahead(ends[1]) > ahead(ends[0]) else "<="
    tie = threshold.edge(lane, ahead, spread, way, looks=2, beside=rival)
    sure = threshold.edge(lane, best, lambda _: 0.0, way, looks=0).value
    made = _told(view, row, name, lane, "switch", tie, way=way, probability=asked, rival=view.rival[row.id])
    return made if sure is None else replace(made, sure=sure / _scale(view, name))


def _scale(view: Scene, name: str) -> float:
    return units.factor(view.here.case, view.here.draws, name)


def _told(
    view: Scene, row: Standing, name: str, lane: Lane, kind: str, edge: Edge, *, way: str = "", **more: object
) -> Threshold:
    case, draws = view.here.case, view.here.draws
    scale = _scale(view, name)

    def shown(amount: float | None) -> float | None:
        return None if amount is None else amount / scale

    known = {name} if name in case.facts else set()
    made: dict[str, object] = {"probability": None, **more}
    return Threshold(
        kind=kind,  # type: ignore[arg-type]
        candidate=row.entrant.candidate,
        lever=name,
        unit="label" if name == LABELS else units.unit(case, name),
        direction=way or lane.direction,  # type: ignore[arg-type]
        value=shown(edge.value),
        low=shown(edge.low),
        high=shown(edge.high),
        other=shown(edge.other),
        now=_now(row, name, draws, scale),
        searched=(lane.searched[0] / scale, lane.searched[1] / scale),
        trail=units.behind(case, {*known, *row.taken.trail}),
        by="draws" if lane.single else "grid",
        **made,  # type: ignore[arg-type]
    )


def _now(row: Standing, name: str, draws: Mapping[str, object], scale: float) -> Interval:
    if name == LABELS:
        return Interval.of(row.taken.choice["labels"])
    outcome = row.taken.outcome
    if name.startswith(QUALITY) and outcome is not None and outcome.quality is not None:
        return Interval.of(outcome.quality)
    amounts: Array = np.asarray(draws[name], dtype=np.float64)
    return Interval.of(amounts / scale)


def _winners(view: Scene, name: str, lanes: Mapping[str, Lane]) -> Winners:
    """The upper envelope of the mean NPVs along the lever, doing nothing included."""
    case, scale = view.here.case, _scale(view, name)
    some = next(lane for lane in lanes.values() if lane.shape != "flat")
    places = sorted({a for lane in lanes.values() if lane.shape == "bent" for a in lane.places} or set(some.places))

    def best(amount: float) -> str:
        means = {NONE: 0.0, **{i: lane.means(amount)[1] for i, lane in lanes.items()}}
        return min(means, key=lambda i: (-means[i], i != NONE, i))

    edges, names = list[float](), [best(places[0])]
    for first, last in pairwise(places):
        _walk(best, first, last, best(last), edges, names)
    trail = {name} if name in case.facts else set[str]()
    for row in view.rows:
        trail |= set(row.taken.trail)
    return Winners(
        lever=name,
        unit=units.unit(case, name),
        edges=tuple(e / scale for e in edges),
        winners=tuple(names),
        now=Interval.of(np.asarray(view.here.draws[name]) / scale),
        searched=(some.searched[0] / scale, some.searched[1] / scale),
        trail=units.behind(case, trail),
    )


def _walk(
    best: Callable[[float], str], first: float, last: float, at_last: str, edges: list[float], names: list[str]
) -> None:
    """Add the changes between two places, halving between them; several may lie in one cell."""
    for _ in range(8):  # options that may take turns in one cell
        if names[-1] == at_last:
            return
        low, high, beyond = first, last, at_last
        for _ in range(30):
            middle = 0.5 * (low + high)
            winner = best(middle)
            if winner == names[-1]:
                low = middle
            else:
                high, beyond = middle, winner
        edges.append(0.5 * (low + high))
        names.append(beyond)
        first = high
