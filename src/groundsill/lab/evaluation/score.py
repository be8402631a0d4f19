"""From predictions to the task's metric with its standard error, and to all its other metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab import metrics, tasks
from groundsill.terms.problem import Problem


@dataclass(frozen=True)
class Scored:
    """value and stderr of the metric asked for; scores: the value of every other metric that the test set allows."""

    value: float
    stderr: float
    scores: Mapping[str, float]


def score(
    task: str,
    metric: str,
    truth: npt.NDArray[np.int32],
    predicted: npt.NDArray[np.int32],
    classes: Sequence[str],
    scores: npt.NDArray[np.floating[Any]] | None = None,
) -> Scored:
    """Judge class numbers `(rows,)` against the true ones by `metric` ("" for the task's own). scores: of all classes
    `(rows, classes)`, for the metrics of probabilities.

    Raises Problem `lab.unknown_task`, `lab.unknown_metric`, `lab.no_such_class`, `lab.class_not_tested`.
    """
    kind = tasks.find(task)
    asked = metric or kind.METRIC
    main = metrics.compute(asked, truth, predicted, classes)
    others: dict[str, float] = {}
    for name in kind.metrics(classes):
        if name == asked:
            continue
        try:
            others[name] = metrics.compute(name, truth, predicted, classes).value
        except Problem as e:
            if e.code != "lab.class_not_tested":
                raise
    if scores is not None:
        others |= {name: found.value for name, found in metrics.judged(truth, scores).items()}
    return Scored(main.value, main.stderr, others)
