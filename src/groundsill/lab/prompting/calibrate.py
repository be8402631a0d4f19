"""Calibration of label priors: a model prefers some answers whatever the text is; take that preference away.

Every method is one number a class that is added to the log-probability of its answer, and one factor before them all.
scores: total log-likelihoods `(rows, answers)`; probabilities are shares among the answers of a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.lab import metrics
from groundsill.lab.metrics.classification import Measured
from groundsill.terms.quantity import Array

METHODS = ("none", "contextual", "batch", "shares", "scaled")
SUPERVISED = ("shares", "scaled")
EMPTY = ("N/A", "[MASK]", "")  # texts without content (Zhao et al. 2021, section 5)
ROUNDS = 500
FACTORS = (0.0, *(2.0 ** (k / 2) for k in range(-10, 3)))
Labels = npt.NDArray[np.int32]


def normalised(scores: Array) -> Array:
    """Log-probabilities among the answers, `(rows, answers)`."""
    top = scores.max(axis=1, keepdims=True)
    return np.asarray(scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True)))


def _mean(scores: Array) -> Array:
    return np.asarray(np.exp(normalised(scores)).mean(axis=0))


def contextual(empty: Array) -> Array:
    """Divide by what the prompt gives for texts without content, `(inputs, answers)` (Zhao et al. 2021, "Calibrate before
    use", W = diag(p)^-1, b = 0)."""
    return -np.log(_mean(empty))


def batch(scores: Array) -> Array:
    """Divide by the mean over texts without labels (Zhou et al. 2023, "Batch calibration"): as if all classes were as
    frequent."""
    return -np.log(_mean(scores))


def shares(scores: Array, counts: Array) -> Array:
    """So that the mean probabilities are the class shares of labelled rows, smoothed by one row a class: rows and columns
    scaled in turn (Sinkhorn and Knopp 1967). Batch calibration that knows how frequent the classes are."""
    wanted = (counts + 1) / (counts + 1).sum()
    bias = np.zeros(scores.shape[1])
    for _ in range(ROUNDS):
        step = np.log(wanted) - np.log(_mean(scores + bias))
        bias += step
        if np.abs(step).max() < 1e-9:
            break
    return bias


@dataclass(frozen=True, eq=False)
class Correction:
    """factor x log-probability + bias `(answers,)`."""

    factor: float
    bias: Array

    def apply(self, scores: Array) -> Array:
        """Log-probabilities among the answers after the correction."""
        return normalised(self.factor * normalised(scores) + self.bias)


def scaled(scores: Array, labels: Labels) -> Correction:
    """`shares` after a factor between 0 and 2 that gives labelled rows the highest likelihood (temperature, Guo et al. 2017):
    a model that knows nothing gets the factor 0, and the answer is then the most frequent class."""
    counts = np.bincount(labels, minlength=scores.shape[1]).astype(np.float64)
    log = normalised(scores)

    def at(factor: float) -> Correction:
        return Correction(factor, shares(factor * log, counts))

    tried = [at(factor) for factor in FACTORS]
    rows = np.arange(len(labels))
    return max(tried, key=lambda c: float(c.apply(log)[rows, labels].sum()))


def correction(method: str, scores: Array, labels: Labels | None, empty: Array | None) -> Correction:
    """The correction of a method from these rows. Raises ValueError where what it needs is not given."""
    count, log = scores.shape[1], normalised(scores)
    if method == "none":
        return Correction(1.0, np.zeros(count))
    if method == "contextual" and empty is not None:
        return Correction(1.0, contextual(empty))
    if method == "batch":
        return Correction(1.0, batch(log))
    if method == "shares" and labels is not None:
        return Correction(1.0, shares(log, np.bincount(labels, minlength=count).astype(np.float64)))
    if method == "scaled" and labels is not None:
        return scaled(log, labels)
    raise ValueError(method)


def crossed(
    method: str, scores: Array, labels: Labels, empty: Array | None, judge: Callable[[Labels, Labels], Measured]
) -> Measured:
    """How good a method is on labelled rows: the correction by each half is judged on the other."""
    half = np.arange(len(labels)) % 2 == 0
    answers = np.empty(len(labels), dtype=np.int32)
    for side in (half, ~half):
        answers[side] = correction(method, scores[~side], labels[~side], empty).apply(scores[side]).argmax(axis=1)
    return judge(labels, answers)


def compare(
    methods: Sequence[str], scores: Array, labels: Labels, empty: Array | None, metric: str, classes: Sequence[str]
) -> Mapping[str, Measured]:
    """Method -> metric on held-out rows by `crossed`; methods whose needs are not met are left out."""

    def judge(truth: Labels, answers: Labels) -> Measured:
        return metrics.compute(metric, truth, answers, classes)

    fit = [m for m in methods if m != "contextual" or empty is not None]
    return {m: crossed(m, scores, labels, empty, judge) for m in fit}
