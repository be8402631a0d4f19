"""The user's own finished pilots as further calibration: how far each one's forecast of its largest rung missed.

Their scores join the shipped ones of the same kind, each pilot as one more curve (split-conformal, Vovk et al. 2005).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from groundsill.scaling.factors import PLAIN, SIDES, Factor
from groundsill.scaling.predict import LabelCurve
from groundsill.terms.quantity import Array

LEAST_SPREAD = 1e-6  # of ln error
UNSEEN = 0.5  # the curve that is still to come misses on one side only


@dataclass(frozen=True)
class OwnMiss:
    """One finished pilot. score: how far the measured error lay from the forecast's median, over the distance from there
    to the 5 or 95 % quantile on that side, before any factor; side: below or above the median; candidate: id."""

    score: float
    side: Literal["below", "above"]
    candidate: str


def own_miss(curve: LabelCurve) -> OwnMiss | None:
    """The miss of the largest rung's forecast from the other rungs; None with fewer than four rungs."""
    if curve.refit is None:
        return None
    rung = curve.rungs[-1]
    draws = replace(curve.refit(), factor=PLAIN).measured(rung.x, rung.seeds)
    error, truth = (1 - draws, 1 - rung.value) if curve.ladder.higher_is_better else (draws, rung.value)
    q05, q50, q95 = np.quantile(np.log(np.maximum(error, 1e-12)), (0.05, 0.5, 0.95))
    off = float(np.log(max(truth, 1e-12)) - q50)
    tail = q50 - q05 if off < 0 else q95 - q50
    return OwnMiss(abs(off) / max(float(tail), LEAST_SPREAD), "below" if off < 0 else "above", curve.ladder.candidate)


def own_misses(curves: Iterable[LabelCurve]) -> tuple[OwnMiss, ...]:
    """Of every curve that has one, in order of the candidates' ids."""
    found = [miss for miss in (own_miss(curve) for curve in curves) if miss is not None]
    return tuple(sorted(found, key=lambda miss: (miss.candidate, miss.score)))


def with_own(factor: Factor, misses: Sequence[OwnMiss]) -> Factor:
    """`factor` with the user's own misses among its scores. The widest factor, which has no scores of its
    own, can only grow: to where it holds all own misses.

    Each side is scaled by how much its 95 % quantile of scores moves when the own ones join.
    """
    if not misses:
        return factor
    sides: dict[str, Any] = {}
    for side in ("below", "above"):
        own = np.array([miss.score if miss.side == side else 0.0 for miss in misses])
        shipped = np.asarray(factor.scores.get(side, ()), dtype=np.float64)
        if len(shipped):
            each = np.full(len(shipped), factor.curves / len(shipped))
            both, weights = np.concatenate([shipped, own]), np.concatenate([each, np.ones(len(own))])
            times = _outer(both, weights) / max(_outer(shipped, each), LEAST_SPREAD)
        else:
            times = max(1.0, float(own.max()) / factor.side(f"{side}_outer"))
        sides |= {name: factor.side(name) * times for name in SIDES if name.startswith(side)}
    return replace(factor, own=len(misses), **sides)


def _outer(values: Array, weights: Array) -> float:
    """The weighted 95 % quantile, with UNSEEN curves at infinity (cut to the largest value)."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / (weights.sum() + UNSEEN)
    return float(values[order][min(int(np.searchsorted(share, 0.95)), len(values) - 1)])
