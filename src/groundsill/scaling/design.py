"""Which run to make next: what each one would teach about the number that the decision needs, for what it costs.

With joint posterior draws no future pilot has to be fitted. Where t is what the decision needs and y what a run would
show, the variance of t that the run is expected to take away is, in the linear approximation,
    EVR = Var(t) corr(t, y)^2 = Cov(t, f)^2 / (Var(f) + s^2 / r + m^2),   y = f(n) + eps / sqrt(r)
(linear Bayes, Goldstein and Wooff 2007), over draws of f(n), ln of the error at n labels; s is the scatter
of one seed and r the seeds added; m is what seeds do not explain, which more seeds at one rung never average away. At a
rung that has seeds already only the difference counts: 1 / (s^2 / r' + m^2) with the new ones less the same without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from groundsill.scaling.predict import FARTHEST, LabelCurve
from groundsill.scaling.transfer import inverse
from groundsill.terms.curve import Curve
from groundsill.terms.quantity import Array, quantiles

Purpose = Literal["seeds", "distance", "rung"]
Stop = Literal["", "narrow", "price", "empty"]
Aim = Callable[[LabelCurve], Array]  # draws (n,) of the number that the decision needs

ORDER: tuple[Purpose, ...] = ("seeds", "distance", "rung")
TIE = 0.8  # options this near to the best in EVR per cost are equal: the draws tell no finer; then ORDER decides
MISFIT = 0.012  # scatter of ln error about a curve that seeds do not explain: the middle of the prior of `mixture`
NO_SCATTER = 0.05  # of one seed in ln error, where neither its own rungs nor public curves of its kind show it
USUAL_FREEDOM = 2.0  # degrees of freedom that the usual scatter counts for where seeds have been seen
CHANCE = 6.0  # squared correlation times draws below which two numbers may as well be independent (2.4 standard errors)
LEAST_GAIN = 1e-4  # of the variance: a step that takes away less is not planned
MOST_SEEDS = 10**9  # a mean without seed noise
LEAST_CHANCE = 0.05  # of being the cheapest, below which a candidate is measured no further
LEAST_ERROR = 1e-6


@dataclass(frozen=True)
class Option:
    """A run that could be made next: `seeds` more at `labels`. cost: of all of them, in any unit."""

    candidate: str
    labels: float
    seeds: int
    cost: float


@dataclass(frozen=True)
class Advice:
    """What to do next. option None: stop, and `stop` says why: `narrow` (the interval is narrow enough), `price` (no
    option is worth its cost), `empty` (there is no option).

    gain: variance of the aim that the option is expected to take away; width: of the aim's 90 % interval today;
    gains: of every option, in their order.
    """

    option: Option | None
    purpose: Purpose | None
    gain: float
    width: float
    stop: Stop
    gains: tuple[float, ...]


def ln_labels(target: float, limit: float) -> Aim:
    """Aim: ln of the labels at which `target` is reached. A draw that does not reach it within `limit` labels (or 32
    times the largest rung) stands at twice that, so that whether it is reached at all counts too."""

    def aim(curve: LabelCurve) -> Array:
        return np.log(needed(curve, target, limit))

    return aim


def quality_at(labels: float) -> Aim:
    """Aim: the metric at a budget of labels. A pilot that has just begun may stand more than 32 times below it: the
    doubt there says what to measure, though no forecast would be shown."""

    def aim(curve: LabelCurve) -> Array:
        return curve.unguarded(np.array([labels]), curve.shift)[:, 0]

    return aim


def needed(curve: LabelCurve, target: float, limit: float) -> Array:
    """Labels (n,) at which each draw reaches `target`; twice the searched limit where it does not."""
    limit = min(float(limit), FARTHEST * max(r.x for r in curve.rungs))
    found = inverse(curve, np.full(len(curve.at({"labels": limit})), target), limit)
    return np.where(np.isfinite(found), found, 2 * limit)


def gain(curve: LabelCurve, wanted: Array, labels: float, seeds: int) -> float:
    """EVR of `seeds` more runs at `labels` for draws `wanted` (n,), in their unit squared.

    0 where the draws do not vary. Raises Problem `scaling.too_far`.
    """
    shown = _ln_error(curve, labels)
    together = float(np.mean((wanted - wanted.mean()) * (shown - shown.mean())))
    return together**2 / (float(shown.var()) + _noise(curve, labels, seeds))


def best_at(curves: Mapping[str, LabelCurve], labels: float) -> Array:
    """Aim over several candidates, draws (n,): the metric of the best of them at a budget of labels. A run of one that
    cannot be the best teaches nothing about it. The posteriors are taken as independent; equal numbers of draws."""
    sign = _sign(curves)
    shown = [sign * quality_at(labels)(curve) for curve in curves.values()]
    return np.asarray(sign * np.max(shown, axis=0))


def cheapest_plan(
    curves: Mapping[str, LabelCurve],
    wanted: Array,
    options: Sequence[Option],
    variance: float,
    limit: float = math.inf,
) -> tuple[Option, ...]:
    """Runs after which the variance of `wanted` (n,) is expected to be at most `variance`, as cheap as can be found, the
    most telling first. Where `limit` of cost does not hold so many, those that take away the most for it.

    options: one for each place (candidate and amount) with all the seeds that could be added there and their cost; the
    plan takes some of them. Joint draws of ln error at all places stand for the posterior, and each seed is a rank-one
    (Kalman) update of their covariance, so that what two runs tell in common counts once. Steps of the best gain per
    cost climb slowly where one far run would have done; so each place is also tried as the first step, and what the
    later steps made needless is taken out again. Of a plan, make the first runs, fit, and plan again. Raises Problem
    `scaling.too_far`.
    """
    if not options or float(wanted.var()) <= variance:
        return ()
    start = _Told.of(curves, wanted, options)
    tried = [_filled(start, options, variance, limit, first) for first in (None, *range(len(options)))]
    costs = [_bill(taken, options) for _, taken in tried]
    there = [i for i, (left, _) in enumerate(tried) if left <= variance]
    best = (
        min(there, key=lambda i: costs[i]) if there else min(range(len(tried)), key=lambda i: (tried[i][0], costs[i]))
    )
    taken = tried[best][1]
    plan = [replace(o, seeds=k, cost=o.cost / o.seeds * k) for o, k in zip(options, taken, strict=True) if k]
    return tuple(sorted(plan, key=lambda o: -gain(curves[o.candidate], wanted, o.labels, o.seeds)))


@dataclass
class _Told:
    """What is left to learn. variance: of the aim; cross (k,): its covariance with ln error at the places; square
    (k, k): of those; scatter (k,): variance of one seed; had (k,): seeds there already."""

    variance: float
    cross: Array
    square: Array
    scatter: Array
    had: Array

    @classmethod
    def of(cls, curves: Mapping[str, LabelCurve], wanted: Array, options: Sequence[Option]) -> _Told:
        shown = np.array([_ln_error(curves[o.candidate], o.labels) for o in options]).reshape(-1, len(wanted))
        centred = shown - shown.mean(axis=1, keepdims=True)
        names = np.array([o.candidate for o in options])
        square = np.where(names[:, None] == names, centred @ centred.T / len(wanted), 0.0)  # curves are independent
        cross = centred @ (wanted - wanted.mean()) / len(wanted)
        seen = cross**2 > CHANCE / len(wanted) * wanted.var() * np.diag(square)  # the rest is chance among the draws
        scatter = np.array([_scatter(curves[o.candidate]) ** 2 for o in options])
        had = [sum(r.seeds for r in curves[o.candidate].rungs if _same(r.x, o.labels)) for o in options]
        return cls(float(wanted.var()), np.where(seen, cross, 0.0), square, scatter, np.array(had, dtype=np.float64))

    def gains(self) -> Array:
        """Variance (k,) that one seed at each place takes away."""
        return np.asarray(self.cross**2 / (np.diag(self.square) + _further(self.scatter, self.had, 1)))

    def after(self, place: int, seeds: int = 1) -> _Told:
        """The same after `seeds` seeds at a place."""
        total = float(self.square[place, place] + _further(self.scatter, self.had, seeds)[place])
        column, known = self.square[:, place], float(self.cross[place])
        return _Told(
            self.variance - known**2 / total,
            self.cross - known * column / total,
            self.square - np.outer(column, column) / total,
            self.scatter,
            self.had + seeds * (np.arange(len(self.had)) == place),
        )


def _filled(
    told: _Told, options: Sequence[Option], variance: float, limit: float, first: int | None
) -> tuple[float, list[int]]:
    """Variance that is left, and seeds taken at each place: `first`, then the best gain per cost, then what is needless
    taken out, the dearest first."""
    unit = np.array([o.cost / o.seeds for o in options])
    taken, now, spent = [0] * len(options), told, 0.0
    while now.variance > variance:
        open_ = [i for i, o in enumerate(options) if taken[i] < o.seeds and spent + unit[i] <= limit * (1 + 1e-9)]
        if first is not None and not any(taken):
            open_ = [i for i in open_ if i == first]
        if not open_:
            break
        gains = now.gains()
        place = open_[int(np.argmax(gains[open_] / np.maximum(unit[open_], 1e-300)))]
        if gains[place] <= LEAST_GAIN * told.variance and any(taken):
            break
        now, spent = now.after(place), spent + float(unit[place])
        taken[place] += 1
    for place in sorted((i for i, k in enumerate(taken) if k), key=lambda i: -unit[i]):
        while taken[place]:
            fewer = [k - (i == place) for i, k in enumerate(taken)]
            left = _left(told, fewer)
            if left > max(variance, now.variance):
                break
            taken = fewer
    return _left(told, taken), taken


def _left(told: _Told, taken: Sequence[int]) -> float:
    for place, seeds in enumerate(taken):
        told = told.after(place, seeds) if seeds else told
    return told.variance


def _bill(taken: Sequence[int], options: Sequence[Option]) -> float:
    return sum(o.cost / o.seeds * k for o, k in zip(options, taken, strict=True))


def _ln_error(curve: LabelCurve, labels: float) -> Array:
    """Draws (n,) of ln of the error at `labels`, without the noise of seeds and of the test set."""
    shown = curve.measured(labels, MOST_SEEDS)
    return np.log(np.maximum(1 - shown if curve.ladder.higher_is_better else shown, LEAST_ERROR))


def _noise(curve: LabelCurve, labels: float, seeds: int) -> float:
    """Variance of ln error, about the curve, of what `seeds` more seeds at `labels` tell."""
    had = next((rung.seeds for rung in curve.rungs if _same(rung.x, labels)), 0)
    return float(_further(_scatter(curve) ** 2, np.array(had), seeds))


def _further(scatter: Array | float, had: Array, seeds: int) -> Array:
    """Variance that stands for what seeds add to those that a rung had: the difference of what its mean tells with and
    without them. The misfit of a rung is one, however many seeds it has, so that the tenth hardly tells anything."""
    told = 1 / (scatter / (had + seeds) + MISFIT**2)
    before = np.where(had > 0, 1 / (scatter / np.maximum(had, 1) + MISFIT**2), 0.0)
    return np.asarray(1 / np.maximum(told - before, 1e-300))


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-9 * other


def _scatter(curve: LabelCurve) -> float:
    """Of one seed in ln error; what few seeds show is drawn towards what is usual, for two alike are soon found."""
    freedom = sum(rung.seeds - 1 for rung in curve.rungs)
    known = 0.0 if curve.scatter is None else curve.scatter
    usual = NO_SCATTER if curve.factor.one_run is None else math.exp(curve.factor.one_run[0])
    return math.sqrt((freedom * known**2 + USUAL_FREEDOM * usual**2) / (freedom + USUAL_FREEDOM))


class Prospect:
    """What one more seed at each place would teach about an aim, while runs are picked one after the other: what two of
    them tell in common counts once. For planning ahead of any fit.

    curves: by candidate; wanted (n,): the aim; places: (candidate, labels). tops: of candidates without a curve (refused,
    at chance), their largest rung: seeds tell nothing there, and a higher rung is taken to tell as much as the best of
    the known places, so that the cheaper of the two comes first.
    """

    def __init__(
        self,
        curves: Mapping[str, LabelCurve],
        wanted: Array,
        places: Sequence[tuple[str, float]],
        tops: Mapping[str, float] | None = None,
    ) -> None:
        known = [p for p in dict.fromkeys(places) if p[0] in curves]
        self._at = {place: i for i, place in enumerate(known)}
        self._tops = dict(tops or {})
        self._told = _Told.of(curves, wanted, [Option(name, labels, 1, 0.0) for name, labels in known])

    def gain(self, candidate: str, labels: float) -> float:
        """Variance of the aim that one seed there would take away, after all that was picked."""
        gains = self._told.gains()
        if (candidate, labels) in self._at:
            return float(gains[self._at[candidate, labels]])
        return float(gains.max(initial=0.0)) if labels > self._tops.get(candidate, math.inf) else 0.0

    def take(self, candidate: str, labels: float) -> None:
        """One seed there is picked."""
        if (candidate, labels) in self._at:
            self._told = self._told.after(self._at[candidate, labels])
        elif candidate in self._tops:
            self._tops[candidate] = max(self._tops[candidate], labels)


def purpose(curve: LabelCurve, labels: float) -> Purpose:
    """What a run at `labels` is for: `seeds` (a rung again), `distance` (beyond the largest), `rung` (one between)."""
    if any(_same(r.x, labels) for r in curve.rungs):
        return "seeds"
    return "distance" if labels > max(r.x for r in curve.rungs) else "rung"


def next_run(
    curves: Mapping[str, LabelCurve],
    options: Sequence[Option],
    aim: Aim,
    *,
    narrow: float = 0.0,
    price: float = 0.0,
    weights: Mapping[str, float] | None = None,
) -> Advice:
    """The option with the most expected variance reduction per cost; among equals seeds before distance before rungs.

    curves: by candidate. narrow: 90 % interval of the aim (of the widest candidate) that the decision is content with,
    in the aim's unit. price: EVR per unit of cost below which a run is not worth it. weights: how much a candidate's
    doubt counts, such as its chance of being the cheapest (default 1).
    """
    wanted = {name: aim(curve) for name, curve in curves.items()}
    width = max((_width(t) for t in wanted.values()), default=0.0)
    gains = tuple(
        (weights or {}).get(o.candidate, 1.0) * gain(curves[o.candidate], wanted[o.candidate], o.labels, o.seeds)
        for o in options
    )
    if width <= narrow:
        return Advice(None, None, 0.0, width, "narrow", gains)
    if not options:
        return Advice(None, None, 0.0, width, "empty", gains)
    rates = [g / max(o.cost, 1e-300) for g, o in zip(gains, options, strict=True)]
    best = max(rates)
    if best <= price:
        return Advice(None, None, 0.0, width, "price", gains)
    near = [i for i, rate in enumerate(rates) if rate >= TIE * best]
    kinds = {i: purpose(curves[options[i].candidate], options[i].labels) for i in near}
    taken = min(near, key=lambda i: (ORDER.index(kinds[i]), -rates[i], i))
    return Advice(options[taken], kinds[taken], gains[taken], width, "", gains)


def chances(
    curves: Mapping[str, Curve], costs: Mapping[str, tuple[float, float]], target: float, limit: float
) -> dict[str, float]:
    """Chance of each candidate to be the cheapest that reaches `target` within `limit` labels.

    costs: (fixed, per label), in one unit. A draw in which nobody reaches it goes to the best metric at the limit (or
    at 32 times the candidate's own largest rung). A candidate whose quality does not depend on labels takes part with
    its fixed cost. The posteriors are taken as independent. All curves need the same number of draws.
    """
    bills, bests = [], []
    for name, curve in curves.items():
        fixed, each = costs[name]
        if isinstance(curve, LabelCurve):
            sign = 1.0 if curve.ladder.higher_is_better else -1.0
            far = min(limit, FARTHEST * max(r.x for r in curve.rungs))
            labels = needed(curve, target, far)
            bills.append(np.where(labels <= far, fixed + each * labels, math.inf))
            bests.append(sign * curve.at({"labels": far}))
        else:
            sign = _sign(curves)
            value = sign * curve.at({})
            bills.append(np.where(value >= sign * target, fixed, math.inf))
            bests.append(value)
    bill, best = np.stack(bills), np.stack(bests)
    winner = np.where(np.isfinite(bill).any(axis=0), bill.argmin(axis=0), best.argmax(axis=0))
    return {name: float((winner == i).mean()) for i, name in enumerate(curves)}


def kept(chance: Mapping[str, float], least: float = LEAST_CHANCE) -> tuple[str, ...]:
    """Candidates worth measuring further: the halving of freeze-thaw (Swersky et al. 2014, arXiv:1406.3896). The most
    likely one always stays."""
    top = max(chance.values(), default=0.0)
    return tuple(name for name, p in chance.items() if p >= least or p == top)


def _sign(curves: Mapping[str, Curve]) -> float:
    known = [c.ladder.higher_is_better for c in curves.values() if isinstance(c, LabelCurve)]
    return -1.0 if known and not known[0] else 1.0


def _width(draws: Array) -> float:
    low, high = quantiles(draws, (0.05, 0.95))
    return float(high - low)
