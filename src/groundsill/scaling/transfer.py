"""What one route is worth in labels of another, and what pre-training is worth in labels from scratch.

The first needs no law: it is the horizontal distance between two curves. The second is the effective data transferred
of Hernandez et al. 2021 (arXiv:2102.01293): D_T = D_E - D_F, where D_E is the data with which a model from
scratch does as well as the tuned one does with D_F. It holds while D_F is at most a tenth of saturation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from groundsill.scaling.predict import FARTHEST, LabelCurve
from groundsill.terms.curve import Curve
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

SATURATED = 0.99  # share of the performance with endless data, which is what saturation means (Hernandez)
LOW_DATA = 0.1  # of saturation: the law was seen only below (Hernandez)
MOST_SATURATED = 0.5  # share of the draws that may be beyond before it is refused
GRID = 64


@dataclass(frozen=True)
class Worth:
    """Route A with `labels` labels does as well as route B with `equal` labels (5, 50, 95 %; None: B does not get there
    within `limit` labels). more: the difference; times: the ratio, None without labels for A. p_within: chance that B
    gets there at all; p_more: that B needs more labels than A."""

    labels: float
    equal: tuple[float | None, float | None, float | None]
    more: tuple[float | None, float | None, float | None]
    times: tuple[float | None, float | None, float | None] | None
    p_within: float
    p_more: float
    limit: float


def worth(a: Curve, b: LabelCurve, labels: float, *, limit: float = math.inf) -> Worth:
    """How many labels of route B route A is worth, when A is given `labels` labels (0 for a route that needs none).

    Draw i of A meets draw i of B: two posteriors that are taken as independent, or that share what they share. The two
    must have the same number of draws and the same metric. limit: most labels of B that are looked at, at most 32 times
    its largest rung. Raises Problem `scaling.too_far`.
    """
    quality = a.at({"labels": labels})
    limit = min(limit, FARTHEST * max(r.x for r in b.rungs))
    equal = inverse(b, quality, limit)
    more = equal - labels
    return Worth(
        labels=labels,
        equal=_three(equal),
        more=_three(more),
        times=_three(equal / labels) if labels > 0 else None,
        p_within=float(np.isfinite(equal).mean()),
        p_more=float((more > 0).mean()),
        limit=limit,
    )


def effective_data(tuned: LabelCurve, scratch: LabelCurve, labels: float, *, limit: float = math.inf) -> Worth:
    """Effective data transferred: `equal` is D_E, `more` is D_T, `times` the multiplier D_E / D_F.

    Raises Problem `scaling.past_saturation` where more than half of the draws of the from-scratch curve are saturated
    at ten times `labels`: there D_T says nothing about pre-training. Raises also what `worth` raises.
    """
    share = float(saturated(scratch, labels / LOW_DATA).mean())
    if share > MOST_SATURATED:
        raise Problem("scaling.past_saturation", at=scratch.ladder.candidate, got=labels, limit=LOW_DATA, share=share)
    return worth(tuned, scratch, labels, limit=limit)


def saturated(curve: LabelCurve, labels: float) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each draw (n,) has come within 1 % of its least error at `labels`, which may lie however far."""
    last = float(curve.ladder.x[-1])
    ln_error = curve.mixture.ln_error(np.array([labels / last]))[:, 0]
    return np.asarray(ln_error + math.log(SATURATED) <= curve.mixture.ln_floor())


def inverse(curve: LabelCurve, quality: Array, limit: float) -> Array:
    """Labels (n,) at which draw i of the curve first does as well as `quality` (n,); infinite where it does not within
    `limit`. A quality below that of the lowest place looked at (a quarter of the first rung) gets that place."""
    first = min(r.x for r in curve.rungs)
    grid = np.geomspace(min(max(first / 4, 1.0), limit), limit, GRID)
    sign = 1.0 if curve.ladder.higher_is_better else -1.0
    best = np.maximum.accumulate(np.stack([sign * curve.at({"labels": float(x)}) for x in grid], axis=1), axis=1)
    wanted = sign * quality
    found = (best >= wanted[:, None]).argmax(axis=1)
    row, before = np.arange(len(best)), np.maximum(found - 1, 0)
    low, high = best[row, before], best[row, found]
    share = np.where(high > low, (wanted - low) / np.where(high > low, high - low, 1.0), 1.0)
    ln_grid = np.log(grid)
    place = ln_grid[before] + np.clip(share, 0.0, 1.0) * (ln_grid[found] - ln_grid[before])
    return np.where(best[:, -1] >= wanted, np.exp(place), math.inf)


def _three(values: Array) -> tuple[float | None, float | None, float | None]:
    low, middle, high = np.quantile(values, (0.05, 0.5, 0.95), method="inverted_cdf")
    return _finite(low), _finite(middle), _finite(high)


def _finite(x: float) -> float | None:
    return float(x) if math.isfinite(x) else None
