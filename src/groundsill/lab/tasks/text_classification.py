"""One text in, one of several classes out.

Data: `DataSpec` with text columns and a label column, or a text file per class. Head: a linear layer from the body's
width to the classes. An answer is a class number; NO_ANSWER counts as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from groundsill.lab.tasks._shared import NO_CLASS, Asked, ByClass, Numbers, asked, language_of

KIND, FORM = "text-classification", "class"
METRIC, NO_ANSWER, TEMPLATE = "accuracy", NO_CLASS, "list"
__all__ = ["language_of"]

metrics, judge, gold, empty, chance = ByClass.metrics, ByClass.judge, ByClass.gold, ByClass.empty, ByClass.chance


def prompt(
    classes: Sequence[str], texts: Sequence[str], labels: Numbers, language: str, template: str = TEMPLATE
) -> Asked:
    """The prompt with these worked examples (none for zero-shot). classes: what each is called in the prompt."""
    shown = [(t, classes[int(y)]) for t, y in zip(texts, labels, strict=True)]
    return asked(KIND, language, template, shown, classes)
