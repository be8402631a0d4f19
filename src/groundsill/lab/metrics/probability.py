"""Metrics of the scores behind the answers: how well they rank, and whether they mean what they say.

scores: (rows, classes), before or after a softmax up to a constant a row (log-probabilities or logits).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.metrics.classification import Measured
from groundsill.terms.quantity import Array

NAMES = ("log-loss", "brier", "roc-auc", "ece")
BINS = 15  # of equally many rows (Nixon et al. 2019, arXiv 1904.01685: equal counts are less biased than equal widths)
RESAMPLES = 200
LEAST = 1e-15  # of a probability in a logarithm, as scikit-learn has it


def probabilities(scores: Array) -> Array:
    """Softmax of each row."""
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def judged(truth: npt.NDArray[np.int32], scores: npt.NDArray[np.floating[Any]]) -> dict[str, Measured]:
    """Every metric of NAMES that these rows allow (`roc-auc` needs two classes among them), with standard errors."""
    p = probabilities(np.asarray(scores, dtype=np.float64))
    found = {"log-loss": log_loss(truth, p), "brier": brier(truth, p), "ece": ece(truth, p)}
    if len(np.unique(truth)) > 1:
        found["roc-auc"] = roc_auc(truth, p)
    return {name: found[name] for name in NAMES if name in found}


def log_loss(truth: npt.NDArray[np.int32], p: Array) -> Measured:
    """Mean of -ln of the probability given to the true class, in nats."""
    return _mean(-np.log(np.maximum(p[np.arange(len(truth)), truth], LEAST)))


def brier(truth: npt.NDArray[np.int32], p: Array) -> Measured:
    """Mean squared distance of the probabilities from the truth, summed over classes, 0 to 2 (Brier 1950)."""
    return _mean(((p - np.eye(p.shape[1])[truth]) ** 2).sum(axis=1))


def roc_auc(truth: npt.NDArray[np.int32], p: Array) -> Measured:
    """Chance that a row of a class gets a higher probability of it than a row of another, mean over the classes that the
    rows have; standard error by placements (DeLong, DeLong and Clarke-Pearson 1988)."""
    there = np.unique(truth)
    pull = np.zeros(len(truth))  # what each row adds to the mean: its influence
    values = []
    for k in there:
        inside, outside = np.flatnonzero(truth == k), np.flatnonzero(truth != k)
        s = p[:, k]
        high, low = s[inside], s[outside]
        above = _below(low, high)  # share of the others below each row of the class
        beside = 1.0 - _below(high, low)
        area = float(above.mean())
        values.append(area)
        pull[inside] += (above - area) / len(inside) / len(there)
        pull[outside] += (beside - area) / len(outside) / len(there)
    return Measured(float(np.mean(values)), math.sqrt(float((pull**2).sum())))


def ece(truth: npt.NDArray[np.int32], p: Array) -> Measured:
    """Expected calibration error: mean gap between the probability of the answer and how often it is right, over bins of
    equally many rows (Guo et al. 2017). It is above 0 on a finite test set even where nothing is wrong; the standard
    error is that of resampled rows."""
    sure, right = p.max(axis=1), p.argmax(axis=1) == truth
    rng = np.random.default_rng(0)
    again = [_gap(sure[rows], right[rows]) for rows in rng.integers(0, len(truth), (RESAMPLES, len(truth)))]
    return Measured(_gap(sure, right), float(np.std(again)))


def reliability(truth: npt.NDArray[np.int32], p: Array) -> list[tuple[float, float, int]]:
    """Of each bin: mean probability of the answer, share that is right, rows. For a plot."""
    sure, right = p.max(axis=1), p.argmax(axis=1) == truth
    parts = np.array_split(np.argsort(sure, kind="stable"), min(BINS, len(sure)))
    return [(float(sure[part].mean()), float(right[part].mean()), len(part)) for part in parts]


def _gap(sure: Array, right: npt.NDArray[np.bool_]) -> float:
    parts = np.array_split(np.argsort(sure, kind="stable"), min(BINS, len(sure)))
    return float(sum(abs(float(sure[part].sum()) - float(right[part].sum())) for part in parts) / len(sure))


def _below(low: Array, high: Array) -> Array:
    """For each of `high` the share of `low` below it, equals counted by half."""
    ordered = np.sort(low)
    return np.asarray(
        (np.searchsorted(ordered, high, "left") + np.searchsorted(ordered, high, "right")) / (2.0 * len(low))
    )


def _mean(rows: Array) -> Measured:
    spread = float(rows.std(ddof=1)) if len(rows) > 1 else math.nan
    return Measured(float(rows.mean()), spread / math.sqrt(len(rows)))
