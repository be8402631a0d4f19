"""A text in, a text out: an answer, a title, a summary.

Data: form `target`, text columns and the column of the text to write. No new head: the model's own matrix over the
vocabulary answers. An answer is a text; none is the empty text.
"""

from __future__ import annotations

from collections.abc import Sequence

from groundsill.lab.data import Split
from groundsill.lab.metrics import Measured, texts
from groundsill.lab.tasks import wording
from groundsill.lab.tasks._shared import Asked, language_of

KIND, FORM = "text-generation", "target"
METRIC, NO_ANSWER, TEMPLATE = "rouge-l", "", "plain"
__all__ = ["language_of"]


def metrics(classes: Sequence[str]) -> tuple[str, ...]:
    """Metrics that this task can be judged by."""
    return tuple(texts.KNOWN)


def judge(metric: str, test: Split, answers: Sequence[str], classes: Sequence[str]) -> Measured:
    """One metric of written texts, one a row. Raises Problem `lab.unknown_metric`."""
    return texts.compute(metric, answers, test.targets)


def gold(test: Split) -> tuple[str, ...]:
    """The right answers."""
    return test.targets


def empty(test: Split) -> tuple[str, ...]:
    """No answer to any row."""
    return ("",) * len(test)


def chance(metric: str, test: Split, classes: Sequence[str]) -> float:
    """What the right answers reach if each row gets that of the next one: such texts, written without reading."""
    return judge(metric, test, (*test.targets[1:], *test.targets[:1]), classes).value


def prompt(shown: Split, language: str, template: str = TEMPLATE) -> Asked:
    """The prompt with these worked examples (none for zero-shot)."""
    words = wording(KIND, language, template)
    bare = Asked(words["task"], (), language, words["text"], words["answer"])
    examples = tuple((bare.question(t), a) for t, a in zip(shown.texts, shown.targets, strict=True))
    return Asked(words["task"], examples, language, words["text"], words["answer"])
