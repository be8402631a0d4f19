"""Words in, a tag for each out: named entities, parts of speech.

Data: form `words`, a column of words and one of tags (`B-PER`, `I-PER`, `O` for entities). Head: a linear layer from the state
of a word's first token to the tags. An answer is the tag number of every word, row after row; NO_ANSWER is no entity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from groundsill.lab.data import Split
from groundsill.lab.metrics import Measured, entities
from groundsill.terms.problem import Problem

KIND, FORM = "token-classification", "words"
METRIC, NO_ANSWER = "entity-f1", -1
OF_TYPE = "f1:"


def metrics(classes: Sequence[str]) -> tuple[str, ...]:
    """Metrics that this task can be judged by: of tags that are no entities, accuracy alone."""
    try:
        entities.check_tags(classes)
    except Problem:
        return ("accuracy",)
    return (METRIC, "accuracy", *(OF_TYPE + kind for kind in entities.types(classes)))


def judge(metric: str, test: Split, answers: npt.NDArray[np.int32], classes: Sequence[str]) -> Measured:
    """One metric of tag numbers `(words,)`; errors by resampling whole rows. `entity-f1`: F1 of whole spans of all types;
    `f1:<type>`: of one; `accuracy`: share of words with the right tag.

    Raises Problem `lab.unknown_metric`, `lab.tags_not_entities`, `lab.no_such_class`, `lab.class_not_tested`.
    """
    if metric == "accuracy":
        return _accuracy(test, answers)
    kind = metric.removeprefix(OF_TYPE)
    if metric != METRIC and kind == metric:
        raise Problem("lab.unknown_metric", got=metric, limit=", ".join(metrics(classes)))
    entities.check_tags(classes)
    tables = entities.counts(test.labels, answers, test.starts, classes)
    if metric == METRIC:
        return entities.f1(np.sum(list(tables.values()), axis=0))
    if kind not in tables:
        raise Problem("lab.no_such_class", at=metric, got=kind, limit=", ".join(tables))
    if not tables[kind][:, 2].any():
        raise Problem("lab.class_not_tested", at=metric, got=kind)
    return entities.f1(tables[kind])


def _accuracy(test: Split, answers: npt.NDArray[np.int32]) -> Measured:
    right = np.concatenate(([0], np.cumsum(answers == test.labels)))
    rows = np.stack((right[test.starts[1:]] - right[test.starts[:-1]], np.diff(test.starts)), axis=1)
    return entities.share(rows)


def gold(test: Split) -> npt.NDArray[np.int32]:
    """The right answers."""
    return test.labels


def empty(test: Split) -> npt.NDArray[np.int32]:
    """No entity anywhere."""
    return np.full_like(test.labels, NO_ANSWER)


def chance(metric: str, test: Split, classes: Sequence[str]) -> float:
    """Of entities 0: no guess that knows nothing finds whole spans. Of tags the share of the largest."""
    return float(np.bincount(test.labels).max() / len(test.labels)) if metric == "accuracy" else 0.0
