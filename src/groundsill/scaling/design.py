"""Which run to make next: what each one would teach about the number that the decision needs, for what it costs.

With joint posterior draws no future pilot has to be fitted. Where t is what the decision needs and y what a run would
show, the variance of t that the run is expected to take away is, in the linear approximation,
    EVR = Var(t) corr(t, y)^2 = Cov(t, f)^2 / (Var(f) + s^2 / r + m^2),   y = f(n) + eps / sqrt(r)
(linear Bayes, Goldstein and Wooff 2007), over draws of f(n), ln of the error at n labels; s is the scatter
of one seed and r the seeds added; m is what seeds do not explain, which more seeds at one rung never average away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
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
NO_SCATTER = 0.03  # of one seed in ln error, where no rung has two: public tuning curves are at 1 to 10 %
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
    ln_error = _ln_error(curve, labels)
    together = float(np.mean((wanted - wanted.mean()) * (ln_error - ln_error.mean())))
    return together**2 / (float(ln_error.var()) + _noise(curve, seeds))


def cheapest_plan(curve: LabelCurve, wanted: Array, options: Sequence[Option], variance: float) -> tuple[Option, ...]:
    """The cheapest one or two of `options`, at two amounts, after which the variance of `wanted` (n,) is expected to be
    at most `variance`; empty if there are none such.

    A step that is best per cost by itself climbs slowly where one far run would have done; a plan sees that. Of a plan,
    make the first run (the largest gain), fit, and plan again. Raises Problem `scaling.too_far`.
    """
    shown = np.stack([_ln_error(curve, o.labels) for o in options]) if options else np.empty((0, len(wanted)))
    centred = shown - shown.mean(axis=1, keepdims=True)
    cross = centred @ (wanted - wanted.mean()) / len(wanted)
    square = centred @ centred.T / len(wanted)
    missing = float(wanted.var()) - variance
    best, price = tuple[Option, ...](), math.inf
    singles = [[i] for i in range(len(options))]
    pairs = [[i, j] for i, j in combinations(range(len(options)), 2) if options[i].labels != options[j].labels]
    for at in singles + pairs:
        plan = tuple(options[i] for i in at)
        cost = sum(o.cost for o in plan)
        if cost >= price:
            continue
        noise = np.diag([_noise(curve, o.seeds) for o in plan])
        if cross[at] @ np.linalg.solve(square[np.ix_(at, at)] + noise, cross[at]) >= missing:
            best, price = plan, cost
    return tuple(sorted(best, key=lambda o: -gain(curve, wanted, o.labels, o.seeds)))


def _ln_error(curve: LabelCurve, labels: float) -> Array:
    shown = curve.measured(labels, MOST_SEEDS)
    return np.log(np.maximum(1 - shown if curve.ladder.higher_is_better else shown, LEAST_ERROR))


def _noise(curve: LabelCurve, seeds: int) -> float:
    """Variance of ln error of a mean of `seeds` seeds about the curve."""
    scatter = NO_SCATTER if curve.scatter is None else curve.scatter
    return scatter**2 / max(seeds, 1) + MISFIT**2


def purpose(curve: LabelCurve, labels: float) -> Purpose:
    """What a run at `labels` is for: `seeds` (a rung again), `distance` (beyond the largest), `rung` (one between)."""
    if any(abs(r.x - labels) <= 1e-9 * labels for r in curve.rungs):
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
