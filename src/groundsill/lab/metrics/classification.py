"""Metrics of a classifier, from its confusion table. Every value comes with the standard error of a finite test set."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.lab.metrics import from_table
from groundsill.terms.problem import Problem

Counts = npt.NDArray[np.int64]
RECALL = "recall:"
KNOWN = ("accuracy", "macro-f1", *from_table.PLAIN)
OF_CLASS = ("recall", *from_table.BY_CLASS)  # `<metric>:<class>`


@dataclass(frozen=True)
class Measured:
    """A metric's value and its standard error, both as fractions."""

    value: float
    stderr: float


def confusion(truth: npt.NDArray[np.int32], predicted: npt.NDArray[np.int32], classes: int) -> Counts:
    """Counts `(classes, classes + 1)`: row = true class, column = predicted class, last column = no valid answer."""
    answer = np.where((predicted >= 0) & (predicted < classes), predicted, classes)
    flat = truth.astype(np.int64) * (classes + 1) + answer
    return np.bincount(flat, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def accuracy(table: Counts) -> Measured:
    """Share of right answers; binomial standard error sqrt(p (1 - p) / n)."""
    return _share(int(np.trace(table[:, :-1])), int(table.sum()))


def recall(table: Counts, one: int) -> Measured:
    """Share of class `one` that was found, among its own test rows."""
    return _share(int(table[one, one]), int(table[one].sum()))


def macro_f1(table: Counts) -> Measured:
    """Mean F1 over the classes that the test set has.

    Standard error by the delta method on the multinomial confusion table (Takahashi et al. 2022, "Confidence interval
    for micro-averaged F1 and macro-averaged F1 scores", Applied Intelligence 52). With F_k = 2 p_kk / (r_k + c_k) the
    derivative by p_ij is 2 [i = j = k] / (r_k + c_k) - F_k ([i = k] + [j = k]) / (r_k + c_k).
    """
    n = int(table.sum())
    there = np.flatnonzero(table.sum(axis=1))
    p = table / n
    slope = np.zeros_like(p)
    scores = []
    for k in there:
        both = p[k].sum() + p[:, k].sum()
        f1 = 2 * p[k, k] / both
        scores.append(f1)
        slope[k, k] += 2 / both / len(there)
        slope[k, :] -= f1 / both / len(there)
        slope[:, k] -= f1 / both / len(there)
    variance = float((p * slope**2).sum() - (p * slope).sum() ** 2) / n
    error = math.sqrt(variance) if variance > 1e-12 else edge_error(int(np.trace(table[:, :-1])), n)
    return Measured(float(np.mean(scores)), error)


def _share(right: int, n: int) -> Measured:
    p = right / n
    return Measured(p, math.sqrt(p * (1 - p) / n) if 0 < right < n else edge_error(right, n))


def edge_error(right: int, n: int) -> float:
    """All right or all wrong says little on a small test set: the deviation of Jeffreys' Beta(x + 1/2, n - x + 1/2)
    instead of zero (Brown, Cai & DasGupta 2001, Statistical Science 16)."""
    a, b = right + 0.5, n - right + 0.5
    return math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))


def smooth(table: Counts, f: Callable[[from_table.Table], float]) -> Measured:
    """A metric of `from_table` with its standard error."""
    n = int(table.sum())
    p = table / n
    spread = from_table.variance(p, f, n)
    error = math.sqrt(spread) if spread > 1e-12 / n else edge_error(int(np.trace(table[:, :-1])), n)
    return Measured(f(p), error)


def names(classes: Sequence[str]) -> tuple[str, ...]:
    """Every metric that is kept with a run on these classes. `compute` also knows precision and F1 of one class."""
    return (*KNOWN, *(RECALL + c for c in classes))


def higher_is_better(metric: str) -> bool:
    """Direction of a metric. Raises Problem `lab.unknown_metric`."""
    if metric in KNOWN or (metric.partition(":")[0] in OF_CLASS and ":" in metric):
        return True
    known = ", ".join((*KNOWN, *(f"{name}:<class>" for name in OF_CLASS)))
    raise Problem("lab.unknown_metric", got=metric, limit=known)


def compute(
    metric: str, truth: npt.NDArray[np.int32], predicted: npt.NDArray[np.int32], classes: Sequence[str]
) -> Measured:
    """One metric. truth, predicted: class numbers `(rows,)`; a number outside the classes is a wrong answer.

    Raises Problem `lab.unknown_metric`, `lab.no_such_class`, `lab.class_not_tested`.
    """
    higher_is_better(metric)
    if len(truth) != len(predicted) or not len(truth):
        raise ValueError(f"{len(truth)} true and {len(predicted)} predicted labels")
    table = confusion(truth, predicted, len(classes))
    if metric == "accuracy":
        return accuracy(table)
    if metric == "macro-f1":
        return macro_f1(table)
    if metric in from_table.PLAIN:
        return smooth(table, from_table.PLAIN[metric])
    kind, _, name = metric.partition(":")
    if name not in classes:
        raise Problem("lab.no_such_class", at=metric, got=name, limit=", ".join(classes))
    one = list(classes).index(name)
    if not table[one].sum():
        raise Problem("lab.class_not_tested", at=metric, got=name)
    if kind == "recall":
        return recall(table, one)
    of_class = from_table.BY_CLASS[kind]
    return smooth(table, lambda p: of_class(p, one))
