"""ROC and precision-recall of one class against the rest: the curves, and the area under the second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from groundsill.terms.quantity import Array

MOST_POINTS = 200  # of a curve that is kept: a plot shows no more


def _counts(inside: npt.NDArray[np.bool_], score: Array, weights: Array) -> tuple[Array, Array]:
    """Weight of the class and of the others at or above each distinct score, highest first, `(..., scores)`."""
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # rows of equal score come together
    w, y = weights[..., order], inside[order]
    return np.cumsum(w * y, axis=-1)[..., last], np.cumsum(w * ~y, axis=-1)[..., last]


def roc(inside: npt.NDArray[np.bool_], score: Array) -> list[tuple[float, float]]:
    """(share of the others, share of the class) at or above each threshold, from (0, 0) to (1, 1). inside: whether a row is
    of the class `(rows,)`, both kinds among them."""
    hit, wrong = _counts(inside, score, np.ones(len(score)))
    return _thinned(np.append(0.0, wrong / wrong[-1]), np.append(0.0, hit / hit[-1]))


def precision_recall(inside: npt.NDArray[np.bool_], score: Array) -> list[tuple[float, float]]:
    """(recall, precision) at each threshold, highest first; the first point repeats its precision at recall 0."""
    hit, wrong = _counts(inside, score, np.ones(len(score)))
    precision, recall = hit / (hit + wrong), hit / hit[-1]
    return _thinned(np.append(0.0, recall), np.append(precision[0], precision))


def average_precision(inside: npt.NDArray[np.bool_], score: Array, weights: Array | None = None) -> Array:
    """Area under precision-recall as a sum of steps, `sum (R_i - R_(i-1)) P_i`, not joined by straight lines, which would be
    too kind (Davis and Goadrich 2006). weights: of the rows, `(draws, rows)` -> `(draws,)`; a draw without a row of the
    class gives NaN."""
    hit, wrong = _counts(inside, score, np.ones(len(score)) if weights is None else weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(hit + wrong > 0, hit / (hit + wrong), 0.0)
        recall = hit / hit[..., -1:]
    return np.asarray((np.diff(recall, axis=-1, prepend=0.0) * precision).sum(axis=-1))


def _thinned(x: Array, y: Array) -> list[tuple[float, float]]:
    places = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(int))
    return [(float(x[i]), float(y[i])) for i in places]
