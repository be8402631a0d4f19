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
from groundsill.lab.data import majority

METRIC = "accuracy"
NO_ANSWER = -1
HAN_SHARE = 0.2  # of the characters; Chinese text with much punctuation and some Latin letters still has more

WORDS = {
    "en": {
        "task": "Sort the text into one of these categories: {classes}. Answer with the category only.",
        "text": "Text: {text}",
        "answer": "Category:",
        "between": ", ",
    },
    "zh": {
        "task": "请把文本归入以下类别之一：{classes}。只回答类别。",
        "text": "文本：{text}",
        "answer": "类别：",
        "between": "、",
    },
}


@dataclass(frozen=True)
class Prompt:
    """What is the same for all rows (task, then worked examples as question and answer), and one row's question."""

    task: str
    examples: tuple[tuple[str, str], ...]
    language: str

    def question(self, text: str) -> str:
        """The question about one text, up to where the answer begins."""
        words = WORDS[self.language]
        return f"{words['text'].format(text=text)}\n{words['answer']}"


def metrics(classes: Sequence[str]) -> tuple[str, ...]:
    """Metrics that this task can be judged by."""
    return known.names(classes)


def chance(labels: npt.NDArray[np.int32]) -> float:
    """Share of the largest class among the test rows."""
    return majority(labels)


def language_of(texts: Sequence[str]) -> str:
    """`zh` where at least a fifth of the characters are Han, else `en`: the language of the prompt."""
    sample = "".join(texts)[:20_000]
    han = sum("\u4e00" <= c <= "\u9fff" for c in sample)
    return "zh" if sample and han >= HAN_SHARE * len(sample) else "en"


def prompt(classes: Sequence[str], texts: Sequence[str], labels: npt.NDArray[np.int32], language: str) -> Prompt:
    """The prompt with these worked examples (none for zero-shot). Classes are named as the table names them."""
    words = WORDS[language]
    shared = Prompt(words["task"].format(classes=words["between"].join(classes)), (), language)
    shown = tuple((shared.question(t), classes[int(y)]) for t, y in zip(texts, labels, strict=True))
    return Prompt(shared.task, shown, language)
