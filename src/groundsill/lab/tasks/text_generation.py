"""A text in, a text out: an answer, a title, a summary.

Data: form `target`, text columns and the column of the text to write. No new head: the model's own matrix over the
vocabulary answers. An answer is a text; none is the empty text.
"""

from __future__ import annotations

from groundsill.lab.data import Split
from groundsill.lab.tasks._shared import Asked, Written, asked, language_of

KIND, FORM = "text-generation", "target"
METRIC, NO_ANSWER, TEMPLATE = "rouge-l", "", "plain"
__all__ = ["language_of"]

metrics, judge, gold, empty, chance = Written.metrics, Written.judge, Written.gold, Written.empty, Written.chance


def prompt(shown: Split, language: str, template: str = TEMPLATE) -> Asked:
    """The prompt with these worked examples (none for zero-shot)."""
    return asked(KIND, language, template, list(zip(shown.texts, shown.targets, strict=True)))
