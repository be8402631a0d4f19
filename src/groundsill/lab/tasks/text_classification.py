"""One text in, one of several classes out.

Data: `DataSpec` with text columns and a label column, or a text file per class. Head: a linear layer from the body's
width to the classes. An answer is a class number; NO_ANSWER counts as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.lab import metrics as known
from groundsill.lab.data import Split, majority
from groundsill.lab.tasks import wording
from groundsill.lab.tasks._shared import language_of

METRIC = "accuracy"
NO_ANSWER = -1
__all__ = ["language_of"]

KIND, FORM = "text-classification", "class"
TEMPLATE = "list"


@dataclass(frozen=True)
class Prompt:
    """What is the same for all rows (task, then worked examples as question and answer), and one row's question."""

    task: str
    examples: tuple[tuple[str, str], ...]
    language: str
    template: str = TEMPLATE

    def question(self, text: str) -> str:
        """The question about one text, up to where the answer begins."""
        words = wording(KIND, self.language, self.template)
        return f"{words['text'].format(text=text)}\n{words['answer']}"


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
) -> Prompt:
    """The prompt with these worked examples (none for zero-shot). classes: what each is called in the prompt."""
    words = wording(KIND, language, template)
    shared = Prompt(words["task"].format(classes=words["between"].join(classes)), (), language, template)
    shown = tuple((shared.question(t), classes[int(y)]) for t, y in zip(texts, labels, strict=True))
    return Prompt(shared.task, shown, language, template)
