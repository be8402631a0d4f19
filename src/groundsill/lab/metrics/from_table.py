"""Metrics that are smooth functions of the confusion table, with errors by the delta method."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.float64]  # (classes, classes + 1): share of the rows by true and answered class; last: no answer
STEP = 1e-6  # of the numerical derivative, in share of the rows


def weighted_f1(p: Table) -> float:
    """F1 of each class, weighted by its share of the test rows."""
    return sum(float(p[k].sum()) * one_f1(p, k) for k in range(len(p)) if p[k].sum() > 0) / float(p.sum())


def micro_f1(p: Table) -> float:
    """F1 over all answers at once: rows without a valid answer cost recall, not precision."""
    given = float(p[:, :-1].sum())
    return 2 * float(np.trace(p)) / (float(p.sum()) + given)


def one_f1(p: Table, k: int) -> float:
    """F1 of class k: 2 p_kk / (row k + column k)."""
    both = float(p[k].sum() + p[:, k].sum())
    return 2 * float(p[k, k]) / both if both else 0.0


def precision(p: Table, k: int) -> float:
    """Share of the answers `k` that are right; 0 where it was never answered."""
    said = float(p[:, k].sum())
    return float(p[k, k]) / said if said else 0.0


def mcc(p: Table) -> float:
    """Matthews correlation of several classes (Gorodkin 2004, eq. 8), -1 to 1; 0 where either side never varies. A row
    without a valid answer is an answer of its own."""
    square = np.vstack((p, np.zeros((1, p.shape[1]))))
    total, right = float(square.sum()), float(np.trace(square))
    true, said = square.sum(axis=1), square.sum(axis=0)
    spread = (total**2 - float(said @ said)) * (total**2 - float(true @ true))
    return (right * total - float(true @ said)) / math.sqrt(spread) if spread > 1e-18 else 0.0


PLAIN: Mapping[str, Callable[[Table], float]] = {"weighted-f1": weighted_f1, "micro-f1": micro_f1, "mcc": mcc}
BY_CLASS: Mapping[str, Callable[[Table, int], float]] = {"precision": precision, "f1": one_f1}


def variance(p: Table, f: Callable[[Table], float], rows: int) -> float:
    """Variance of f over test sets of `rows` rows: multinomial delta method, slopes by central differences (one-sided
    at an empty cell, which has no weight in the sum)."""
    slope = np.zeros_like(p)
    for place in zip(*np.nonzero(p), strict=True):
        step = min(STEP, 0.5 * float(p[place]))
        up, down = p.copy(), p.copy()
        up[place] += step
        down[place] -= step
        slope[place] = (f(up) - f(down)) / (2 * step)
    return max(0.0, float((p * slope**2).sum() - (p * slope).sum() ** 2)) / rows
