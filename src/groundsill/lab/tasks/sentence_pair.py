"""Two texts in, one of several classes out: how one stands to the other.

Data: form `pair`, two text columns and a label column. Head: a linear layer from both features, their distance and their
product to the classes. An answer is a class number; NO_ANSWER counts as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from groundsill.lab import metrics as known
from groundsill.lab.data import Split, majority
from groundsill.lab.tasks import wording
from groundsill.lab.tasks._shared import Asked, language_of

KIND, FORM = "sentence-pair", "pair"
METRIC, NO_ANSWER, TEMPLATE = "accuracy", -1, "list"
__all__ = ["language_of"]


def metrics(classes: Sequence[str]) -> tuple[str, ...]:
    """Metrics that this task can be judged by."""
    return known.names(classes)


def judge(metric: str, test: Split, answers: npt.NDArray[np.int32], classes: Sequence[str]) -> known.Measured:
    """One metric of class numbers `(rows,)`. Raises as `metrics.compute`."""
    return known.compute(metric, test.labels, answers, classes)


def gold(test: Split) -> npt.NDArray[np.int32]:
    """The right answers."""
    return test.labels


def empty(test: Split) -> npt.NDArray[np.int32]:
    """No answer to any row."""
    return np.full_like(test.labels, NO_ANSWER)


def chance(metric: str, test: Split, classes: Sequence[str]) -> float:
    """Share of the largest class among the test rows."""
    return majority(test.labels)


def prompt(
    classes: Sequence[str], texts: Sequence[str], labels: npt.NDArray[np.int32], language: str, template: str = TEMPLATE
) -> Asked:
    """The prompt with these worked examples. texts: both texts with a line break between."""
    words = wording(KIND, language, template)
    task = words["task"].format(classes=words["between"].join(classes))
    bare = Asked(task, (), language, words["text"], words["answer"])
    shown = tuple((bare.question(t), classes[int(y)]) for t, y in zip(texts, labels, strict=True))
    return Asked(task, shown, language, words["text"], words["answer"])
