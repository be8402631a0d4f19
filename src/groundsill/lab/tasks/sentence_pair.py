"""Two texts in, one of several classes out: how one stands to the other.

Data: form `pair`, two text columns and a label column. Head: a linear layer from both features, their distance and their
product to the classes. An answer is a class number; NO_ANSWER counts as wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

from groundsill.lab.tasks._shared import NO_CLASS, Asked, ByClass, Numbers, asked, language_of

KIND, FORM = "sentence-pair", "pair"
METRIC, NO_ANSWER, TEMPLATE = "accuracy", NO_CLASS, "list"
__all__ = ["language_of"]

metrics, judge, gold, empty, chance = ByClass.metrics, ByClass.judge, ByClass.gold, ByClass.empty, ByClass.chance


def prompt(
    classes: Sequence[str], texts: Sequence[str], labels: Numbers, language: str, template: str = TEMPLATE
) -> Asked:
    """The prompt with these worked examples (none for zero-shot). classes: what each is called in the prompt. texts: both texts with a line break between."""
    shown = [(t, classes[int(y)]) for t, y in zip(texts, labels, strict=True)]
    return asked(KIND, language, template, shown, classes)
