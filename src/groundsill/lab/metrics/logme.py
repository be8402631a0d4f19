"""LogME: how well a frozen model's features explain the labels, without training anything.

You, Liu, Wang and Long 2021, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning" (arXiv 2102.11005),
algorithm 1: the logarithm of the evidence of a Bayesian linear model from features to each class (1 or 0), with the two
precisions that make it largest, per row, mean over the classes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.terms.quantity import Array

MOST_STEPS = 100
SETTLED = 1e-3  # relative change of alpha / beta at which the iteration ends, as in the authors' code
LEAST = 1e-12  # of a squared length: a class that the features fit without any rest has no largest evidence


def logme(features: npt.NDArray[np.floating[Any]], labels: npt.NDArray[np.int32]) -> float:
    """Mean over the classes that `labels` (rows,) has, from features `(rows, width)`; higher is better.

    Only differences between models on the same rows mean anything. NaN where there are fewer than two classes.
    """
    there = np.unique(labels)
    if len(there) < 2:
        return math.nan
    left, size, _ = np.linalg.svd(np.asarray(features, dtype=np.float64), full_matrices=False)
    kept = size > size[0] * 1e-9 if len(size) and size[0] > 0 else np.zeros(len(size), dtype=bool)
    left, squares = left[:, kept], size[kept] ** 2
    width = features.shape[1]
    return float(np.mean([_evidence(left, squares, (labels == k).astype(np.float64), width) for k in there]))


def _evidence(left: Array, squares: Array, y: Array, width: int) -> float:
    """Log evidence per row of one class. left `(rows, rank)`, squares `(rank,)`: of the features' singular vectors."""
    n, seen = len(y), (left.T @ y) ** 2
    outside = max(float(y @ y) - float(seen.sum()), 0.0)
    alpha = beta = 1.0
    for _ in range(MOST_STEPS):
        before = alpha / beta
        gamma = float((beta * squares / (alpha + beta * squares)).sum())
        length, rest = _sums(squares, seen, outside, alpha, beta)
        alpha, beta = gamma / max(length, LEAST), (n - gamma) / max(rest, LEAST)
        if abs(alpha / beta - before) <= SETTLED * before:
            break
    length, rest = _sums(squares, seen, outside, alpha, beta)
    spread = float(np.log(alpha + beta * squares).sum()) + (width - len(squares)) * math.log(alpha)
    total = n * math.log(beta) + width * math.log(alpha) - n * math.log(2 * math.pi)
    return 0.5 * (total - beta * rest - alpha * length - spread) / n


def _sums(squares: Array, seen: Array, outside: float, alpha: float, beta: float) -> tuple[float, float]:
    """Squared length of the weights' mean, and of what it leaves of y."""
    under = alpha + beta * squares
    length = float((beta**2 * squares * seen / under**2).sum())
    return length, outside + float((seen * (alpha / under) ** 2).sum())
