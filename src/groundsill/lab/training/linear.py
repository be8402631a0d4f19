"""Logistic regression: the learner on top of features, sparse or dense."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.terms.problem import Problem

CHOOSE_FROM_LABELS = 200  # below, three folds are too small to tell one strength from another
FOLDS = 3
ABSENT = -1e4  # score of a class that no training row had


@dataclass(frozen=True, eq=False)
class Linear:
    """weight `(classes, features)`, bias `(classes,)`; classes without a training row score ABSENT. strength: the C
    that was used (inverse of the penalty)."""

    weight: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]
    strength: float

    def scores(self, x: Any) -> npt.NDArray[np.float64]:
        """Scores before the softmax, `(rows, classes)`."""
        return np.asarray(x @ self.weight.T + self.bias, dtype=np.float64)

    def predict(self, x: Any) -> npt.NDArray[np.int32]:
        """Class numbers `(rows,)`, the lowest on a tie."""
        return self.scores(x).argmax(axis=1).astype(np.int32)


def need_sklearn() -> None:
    """Import scikit-learn, so that no clock runs while it loads. Raises Problem `lab.missing_library`."""
    try:
        import sklearn.feature_extraction.text
        import sklearn.linear_model  # noqa: F401
    except ImportError as e:
        raise Problem("lab.missing_library", got="scikit-learn") from e


def fit(
    x: Any, y: npt.NDArray[np.int32], classes: int, *, strengths: Sequence[float], usual: float, seed: int
) -> Linear:
    """Fit on features x `(rows, features)` (dense or scipy sparse) and class numbers y.

    From 200 rows on, the strength is the one of `strengths` with the least log-loss in 3 folds; below, `usual`.
    Raises Problem `lab.missing_library` without scikit-learn.
    """
    need_sklearn()
    strength = usual
    if len(y) >= CHOOSE_FROM_LABELS and len(strengths) > 1:
        folds = np.random.default_rng([seed, 3]).permutation(len(y)) % FOLDS
        losses = [_held_out_loss(x, y, classes, folds, s) for s in strengths]
        strength = strengths[int(np.argmin(losses))]
    return _fit(x, y, classes, strength)


def _held_out_loss(
    x: Any, y: npt.NDArray[np.int32], classes: int, folds: npt.NDArray[np.int64], strength: float
) -> float:
    losses = []
    for fold in range(FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        model = _fit(x[inside], y[inside], classes, strength)
        scores = np.asarray(x[outside] @ model.weight.T + model.bias)
        scores = np.maximum(scores, scores.max(axis=1, keepdims=True) - 20)  # a class unseen in this fold: e^-20
        log_sum = np.log(np.exp(scores - scores.max(axis=1, keepdims=True)).sum(axis=1)) + scores.max(axis=1)
        losses.append(log_sum - scores[np.arange(len(outside)), y[outside]])
    return float(np.concatenate(losses).mean())


def _fit(x: Any, y: npt.NDArray[np.int32], classes: int, strength: float) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    there = np.unique(y)
    weight, bias = np.zeros((classes, x.shape[1])), np.full(classes, ABSENT)
    if len(there) == 1:
        bias[there] = 0.0
        return Linear(weight, bias, strength)
    model = LogisticRegression(C=strength, max_iter=200, tol=1e-3)
    # threads of the linear algebra library only wait for each other on such small steps: 0.4 s against 26 s on two
    # busy cores, 200 reviews
    with warnings.catch_warnings(), threadpool_limits(1, user_api="blas"):
        # a fit that stops at 200 steps predicts as well; the last digits of its loss are of no interest
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
    if len(there) == 2:
        weight[there], bias[there] = (
            np.vstack([-model.coef_, model.coef_]) / 2,
            np.array([-1, 1]) * model.intercept_ / 2,
        )
    else:
        weight[there], bias[there] = model.coef_, model.intercept_
    return Linear(weight, bias, strength)
