"""The five named thresholds of every candidate in every lever it depends on, and who wins where along each lever."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from groundsill.assess import crossings, threshold, units
from groundsill.assess.assessment import Threshold
from groundsill.assess.compare import NONE, Standing
from groundsill.assess.evaluate import Probe, World
from groundsill.assess.parts import Waiting, Winners
from groundsill.assess.threshold import Edge, Lane, Pair
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
TAIL_DRAWS = 10_000  # the worst of so many are looked at; a tail of five hundred draws is known to 4 %
LANES = 20_000  # draws of a lever that only the cash models read: a share of them is known to 0.6 %, and the interval says so
BEST_DRAWS = 4_000  # in which it is counted how often a candidate is the best
_RATES = (0.0, 10.0)  # a year, searched
_REACH = 1_000.0  # other levers are searched from their median over this to their median times this


@dataclass(frozen=True)
class Scene:
    """What thresholds are found with. here: the world; rows: assessed candidates, none left out; quick, full: probes by
    id over few and over LANES draws; rival: id -> the best other option today; waiting: by id; budget: the loss that may
    be made, by id; lanes: those found so far, by candidate, lever, range and whether over few draws."""

    here: World
    rows: Sequence[Standing]
    quick: Mapping[str, Probe]
    full: Mapping[str, Probe]
    rival: Mapping[str, str]
    waiting: Mapping[str, Waiting]
    budget: Mapping[str, float]
    lanes: dict[tuple[str, str, tuple[float, float], bool], Lane] = field(default_factory=dict)

    def kept(self, ids: Collection[str]) -> dict[tuple[str, str, tuple[float, float], bool], Lane]:
        """The lanes of these candidates."""
        return {key: lane for key, lane in self.lanes.items() if key[0] in ids}


def scene(
    here: World,
    rows: Sequence[Standing],
    quick: Mapping[str, Probe],
    waiting: Mapping[str, Waiting],
    like: Scene | None = None,
    same: Collection[str] = (),
) -> Scene:
    """quick: `quick_probes`. The loss budget is `finance.loss_budget` where the project has one, else what building
    costs on average: then the worst case loses no more than what was put in. like: another scene over as many draws, in
    which the candidates `same` stand as they do here: what was valued of them there is not valued again."""
    some = [row for row in rows if row.id in quick]
    many = here.first(LANES)
    whole = many.draws.n == here.draws.n
    known = {name: like.full[name] for name in same if name in like.full} if like is not None else {}
    full = {
        row.id: known.get(row.id) or Probe(many, quick[row.id].row, row.taken.choice, row.taken if whole else None)
        for row in some
    }
    means = {NONE: 0.0, **{row.id: float(row.npv.mean()) for row in some}}
    rival = {row.id: max((m, i) for i, m in means.items() if i != row.id)[1] for row in some}
    given = here.draws.get("finance.loss_budget")
    budget = {
        row.id: float(np.median(given)) if given is not None else max(0.0, -float(_built(row).mean())) for row in some
    }
    return Scene(here, some, quick, full, rival, waiting, budget, like.kept(same) if like is not None else {})


def _built(row: Standing) -> Array:
    worth = row.taken.worth
    assert worth is not None  # it has a probe
    return worth.build


def found(view: Scene, only: frozenset[str] | None = None) -> tuple[tuple[Threshold, ...], tuple[Winners, ...]]:
    """Thresholds by candidate, and the winners along every lever that several candidates or doing nothing share. only: ids
    of the candidates whose thresholds are asked for; then no winners."""
    asked = [row for row in view.rows if only is None or row.id in only]
    out: dict[str, list[Threshold]] = {row.id: [] for row in asked}
    winners = list[Winners]()
    for name in _names(view):
        lanes = _lanes(view, name)
        if lanes is None:
            continue
        for row in sorted(asked, key=lambda row: row.id):  # lanes are valued further on the way: one order for all
            if lanes[row.id].shape != "flat":
                out[row.id] += _five(view, row, name, lanes)
        if only is None and any(lane.shape != "flat" for lane in lanes.values()):
            winners.append(_winners(view, name, lanes))
    for row in asked:
        for name, lane in _own_lanes(view, row):
            probes = view.quick if name.startswith(QUALITY) else view.full
            lanes = {other.id: _still(probes[other.id], lane.searched) for other in view.rows} | {row.id: lane}
            out[row.id] += _five(view, row, name, lanes)
    return tuple(t for row in asked for t in out[row.id]), tuple(winners)


def _names(view: Scene) -> list[str]:
    used = frozenset[str]().union(*(probe.uses for probe in view.full.values())) if view.full else frozenset()
    return sorted(n for n in used if n in view.here.draws and (n in LEVERS or n.startswith(PRICES)))


def _still(probe: Probe, searched: tuple[float, float]) -> Lane:
    return Lane(None, searched, {searched[0]: (probe.built, probe.base)})


def _lanes(view: Scene, name: str) -> dict[str, Lane] | None:
    """One lane a candidate: over LANES draws where only the cash models read the lever, over the first 2,000 where a step
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

        key = row.id, name, searched, few
        if key not in view.lanes:
            view.lanes[key] = Lane.of(net, searched, middle)
        out[row.id] = view.lanes[key]
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
        o.choice["labels"]: (o.worth.build[:LANES], o.worth.operate[:LANES])
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
    rival, waiting, about = view.rival[row.id], view.waiting.get(row.id), _about(view, row, name, lane)

    def spread(amount: float) -> float:
        npv = lane.at(amount, TAIL_DRAWS)[1]
        return float(npv.std()) / math.sqrt(len(lane.pairs[lane.amounts[0]][1]))

    out = [about.told("break-even", threshold.edge(lane, lambda a: lane.means(a)[1], spread))]
    out.append(about.told("confidence", threshold.sure_edge(lane, asked), probability=asked))
    if rival in lanes:
        out.append(_switch(view, row, about, lanes))
    if waiting is not None:
        times = waiting.hurdle - 1.0
        pays = threshold.edge(lane, lambda a: lane.means(a)[1] + times * lane.means(a)[0], spread)
        out.append(about.told("option", pays, limit=waiting.hurdle))
    budget = view.budget[row.id]
    safe = threshold.tail_edge(lane, TAIL, budget, TAIL_DRAWS)
    return [*out, about.told("loss-budget", safe, limit=budget)]


def _switch(view: Scene, row: Standing, about: _About, lanes: Mapping[str, Lane]) -> Threshold:
    """Where the candidate ties with the best other option, and from where on it is the best with the asked confidence."""
    lane, rival = lanes[row.id], lanes[view.rival[row.id]]
    count = min(BEST_DRAWS, *(len(x.pairs[x.amounts[0]][1]) for x in lanes.values()))
    asked = view.here.case.confidence

    def ahead(amount: float) -> float:
        return lane.means(amount)[1] - rival.means(amount)[1]

    def spread(amount: float) -> float:
        apart = lane.at(amount, count)[1] - rival.at(amount, count)[1]
        return float(apart.std()) / math.sqrt(count)

    ends = lane.places[0], lane.places[-1]
    way: threshold.Direction = ">=" if ahead(ends[1]) > ahead(ends[0]) else "<="
    tie = threshold.edge(lane, ahead, spread, way, halved=2, beside=rival)
    sure = _leads(row.id, lanes, count, asked, way)
    made = about.told("switch", tie, direction=way, probability=asked, rival=view.rival[row.id])
    return made if sure is None else replace(made, sure=sure / about.scale)


def _leads(
    candidate: str, lanes: Mapping[str, Lane], count: int, asked: float, way: threshold.Direction
) -> float | None:
    """From where on the candidate is the best option in a share `asked` of the first `count` draws, None if nowhere."""
    lane = lanes[candidate]
    others = [x for i, x in lanes.items() if i != candidate]
    if all(x.shape != "bent" for x in lanes.values()):
        own, theirs = lane.line(count), [x.line(count) for x in others]
        ahead = [own, *((own[0] - start, own[1] - slope) for start, slope in theirs)]
        return crossings.leading(ahead, lane.searched, [asked * count], way == ">=")[0]

    def best(amount: float) -> float:
        rivals = [x.at(amount, count)[1] for x in others]
        return float(np.mean(lane.at(amount, count)[1] > np.max([np.zeros(count), *rivals], axis=0))) - asked

    return threshold.edge(lane, best, lambda _: 0.0, way, halved=0).value


def _scale(view: Scene, name: str) -> float:
    return units.factor(view.here.case, view.here.draws, name)


@dataclass(frozen=True)
class _About:
    """What all thresholds of a candidate along a lever share. scale: the draws' value of one of the user's units."""

    scale: float
    shared: Mapping[str, object]

    def told(self, kind: str, edge: Edge, **more: object) -> Threshold:
        """The threshold in the user's unit."""
        low, at, high, other = (
            None if v is None else v / self.scale for v in (edge.low, edge.value, edge.high, edge.other)
        )
        given: dict[str, object] = {**self.shared, "probability": None, **more}
        return Threshold(kind=kind, value=at, low=low, high=high, other=other, **given)  # type: ignore[arg-type]


def _about(view: Scene, row: Standing, name: str, lane: Lane) -> _About:
    case, scale = view.here.case, _scale(view, name)
    known = {name} if name in case.facts else set[str]()
    shared = {
        "candidate": row.entrant.candidate,
        "lever": name,
        "unit": "label" if name == LABELS else units.unit(case, name),
        "direction": lane.direction,
        "now": _now(row, name, view.here.draws, scale),
        "searched": (lane.searched[0] / scale, lane.searched[1] / scale),
        "trail": units.behind(case, {*known, *row.taken.trail}),
        "by": "draws" if lane.single else "grid",
    }
    return _About(scale, shared)


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
