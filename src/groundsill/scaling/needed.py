"""How many labels to buy: for a target quality, in rounds, and for the best balance of value and cost.

A one-shot number of labels is unreliable (Mahmood et al. 2022, arXiv:2207.01725); a plan buys in rounds and refits after
each. The cost-optimal amount is theirs too (learn-optimize-collect, arXiv:2210.01234): value expected less cost.
Amounts of cost and value are plain numbers in one unit; what unit that is, is the caller's matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from groundsill.scaling.abstain import unreachable
from groundsill.scaling.predict import FARTHEST, LabelCurve
from groundsill.terms.curve import LabelsNeeded
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

POINT = 0.01  # of the metric
ROUNDS = 5  # about as many as Mahmood et al. needed
GRID = 97
SILVERMAN, QUARTILES = (
    1.06,
    1.349,
)  # bandwidth of a density (Silverman 1986, eq. 3.28), by the distance of the quartiles


@dataclass(frozen=True)
class LabelsPlan:
    """What it takes to reach `needed.target`.

    labels (k,), p_reach (k,): chance that the target is reached at that many labels or before. p_unreachable: that no
    amount of labels reaches it. if_reached: where it is reached, if it is within `needed.limit`; None if no
    draw does: the best single number for a target that is reached at all. asked: the chance asked for; enough: the fewest
    labels at which it holds, None if nowhere within `needed.limit`. rounds: totals to buy up to in turn, refitting after each; empty if the largest rung
    is enough. best: labels of the largest expected net value, best_value: that value over buying nothing more; None
    where no value was given.
    """

    needed: LabelsNeeded
    labels: Array
    p_reach: Array
    p_unreachable: float
    if_reached: float | None
    asked: float
    enough: float | None
    rounds: tuple[float, ...]
    best: float | None = None
    best_value: float | None = None


def labels_plan(
    curve: LabelCurve,
    target: float,
    cost_per_unit: float | Array | None = None,
    value_per_point: float | None = None,
    *,
    value_of_target: float = 0.0,
    asked: float = 0.8,
    limit: float = math.inf,
) -> LabelsPlan:
    """The plan for `target`, up to `limit` labels (at most 32 times the largest rung).

    cost_per_unit: of one more label, a number or draws (n,); value_per_point: of 0.01 more of the metric (less, where
    lower is better); value_of_target: of reaching the target at all. Labels up to the largest rung are paid for.
    Raises Problem `scaling.bad_value` for `asked` outside (0, 1) and for negative or non-finite costs and values.
    """
    _check(curve, asked, cost_per_unit, value_per_point, value_of_target)
    last = float(curve.ladder.x[-1])
    needed = curve.reach(target, limit)
    grid, quality = _ahead(curve, needed.limit)
    sign = 1.0 if curve.ladder.higher_is_better else -1.0
    p_reach = (np.maximum.accumulate(quality, axis=1) >= sign * target).mean(axis=0)
    there = np.flatnonzero(p_reach >= asked)
    enough = float(grid[there[0]]) if len(there) else None
    best = best_value = None
    if cost_per_unit is not None and (value_per_point is not None or value_of_target):
        gain = _worth(quality, value_per_point or 0.0) + value_of_target * (p_reach - p_reach[0])
        best, best_value = _best(grid, gain, cost_per_unit)
    return LabelsPlan(
        needed=needed,
        labels=grid,
        p_reach=p_reach,
        p_unreachable=unreachable(curve, target),
        if_reached=if_reached(curve, target, limit),
        asked=asked,
        enough=enough,
        rounds=rounds(last, enough, needed.limit),
        best=best,
        best_value=best_value,
    )


def best_amount(
    curve: LabelCurve, cost_per_unit: float | Array, value_per_point: float, *, limit: float = math.inf
) -> tuple[float, float]:
    """Labels of the largest expected net value up to `limit`, and that value over buying nothing more, where no target
    is asked for. The rest as in `labels_plan`."""
    _check(curve, 0.5, cost_per_unit, value_per_point, 0.0)
    grid, quality = _ahead(curve, limit)
    return _best(grid, _worth(quality, value_per_point), cost_per_unit)


def _ahead(curve: LabelCurve, limit: float) -> tuple[Array, Array]:
    """Amounts (k,) from the largest rung to `limit`, and draws (n, k) of the metric there, turned so that higher is better."""
    last = float(curve.ladder.x[-1])
    limit = min(limit, FARTHEST * last)
    grid = np.geomspace(min(last, limit), limit, GRID)
    sign = 1.0 if curve.ladder.higher_is_better else -1.0
    return grid, sign * curve.unguarded(grid, curve.shift)


def _worth(quality: Array, value_per_point: float) -> Array:
    return np.asarray(value_per_point * (quality - quality[:, :1]).mean(axis=0) / POINT)


def _best(grid: Array, gain: Array, cost_per_unit: float | Array) -> tuple[float, float]:
    net = gain - float(np.mean(cost_per_unit)) * (grid - grid[0])
    return float(grid[int(net.argmax())]), float(net.max())


def if_reached(curve: LabelCurve, target: float, limit: float = math.inf) -> float | None:
    """Where `target` is reached, if it is reached within `limit`; None if no draw does.

    For a target beyond the largest rung: the median of n given that the metric at n is the target, where every ln n from
    the largest rung to the limit is as likely before (inverse prediction, Hoadley 1970). The median of where the draws
    cross is pulled to both ends instead: flat draws cross late or never. Else that median, of the draws that cross.
    """
    limit, labels = curve.labels_for(target, limit)
    some = labels[np.isfinite(labels)]
    last = float(curve.ladder.x[-1])
    if not len(some) or last >= limit or float((labels <= last).mean()) >= 0.5:
        return float(np.median(some)) if len(some) else None
    grid, quality = _ahead(curve, limit)
    wanted = target if curve.ladder.higher_is_better else -target
    low, high = np.quantile(quality, (0.25, 0.75), axis=0)
    blur = np.maximum(SILVERMAN * (high - low) / QUARTILES * len(quality) ** -0.2, 1e-9)
    likely = (np.exp(-0.5 * ((quality - wanted) / blur) ** 2) / blur).mean(axis=0)
    share = np.cumsum(likely)
    if not share[-1] > 0:
        return float(np.median(some))
    return float(np.exp(np.interp(0.5, share / share[-1], np.log(grid))))


def rounds(last: float, enough: float | None, limit: float) -> tuple[float, ...]:
    """Totals to buy up to, rising: at most ROUNDS even steps in ln labels, none less than a doubling but the last.

    Where `enough` is not known (None) there is one round, a doubling, that tells more.
    """
    if enough is None:
        return (min(2 * last, limit),) if limit > last else ()
    if enough <= last:
        return ()
    count = min(ROUNDS, max(1, math.floor(math.log2(enough / last))))
    return tuple(float(math.ceil(last * (enough / last) ** ((i + 1) / count))) for i in range(count))


def _check(curve: LabelCurve, asked: float, cost: float | Array | None, value: float | None, of_target: float) -> None:
    name = curve.ladder.candidate
    if not 0 < asked < 1:
        raise Problem("scaling.bad_value", at=name, got=asked, limit="0 … 1", metric="asked")
    for what, given in (("cost_per_unit", cost), ("value_per_point", value), ("value_of_target", of_target)):
        if given is not None and not (np.isfinite(given).all() and (np.asarray(given) >= 0).all()):
            raise Problem("scaling.bad_value", at=name, got=float(np.min(given)), limit="≥ 0", metric=what)
