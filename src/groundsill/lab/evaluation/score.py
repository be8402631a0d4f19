"""From predictions to the task's metric with its standard error, and to all its other metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab import metrics, tasks
from groundsill.lab.data import Split
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
    return judge(task, metric, Split((), truth), predicted, classes, scores)


def judge(
    task: str,
    metric: str,
    test: Split,
    answers: Any,
    classes: Sequence[str],
    scores: npt.NDArray[np.floating[Any]] | None = None,
) -> Scored:
    """As `score`, for any task: the answers to the rows of `test` are in the task's own form (class numbers, tag numbers of
    all words, texts). Raises as `score`, and `lab.wrong_form` where the task is about another kind of rows."""
    kind = tasks.find(task)
    if test.form != kind.FORM:
        raise Problem("lab.wrong_form", at=task, got=test.form, limit=kind.FORM)
    asked = metric or kind.METRIC
    main = kind.judge(asked, test, answers, classes)
    others: dict[str, float] = {}
    for name in kind.metrics(classes):
        if name == asked:
            continue
        try:
            others[name] = kind.judge(name, test, answers, classes).value
        except Problem as e:
            if e.code != "lab.class_not_tested":
                raise
    if scores is not None and kind.FORM in ("class", "pair"):
        others |= {name: found.value for name, found in metrics.judged(test.labels, scores).items()}
    return Scored(main.value, main.stderr, others)
