"""Tags by the words around: logistic regression on each word, its neighbours and its spelling, the route for tagged words
that needs no base model. Each word is tagged on its own; sloppy spans are read as the scorer reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.data import Split
from groundsill.lab.training import linear

USUAL = 10.0
AROUND = 2  # neighbours on either side
AFFIX = 3  # longest beginning and end of a word that is a feature of its own
EDGE = "\x1e"  # stands for what is before the first and behind the last word


@dataclass(frozen=True, eq=False)
class Window:
    """A fitted vectoriser of features and its linear model."""

    vectoriser: Any
    model: linear.Linear

    def scores(self, rows: Split) -> npt.NDArray[np.float64]:
        """Scores before the softmax of every word, row after row, `(words, classes)`."""
        return self.model.scores(self.vectoriser.transform(_all(rows)))

    @property
    def weights(self) -> int:
        """Weights of the linear model, bias included."""
        return int(self.model.weight.size + self.model.bias.size)

    @property
    def model_bytes(self) -> int:
        """Bytes of what must be kept to serve: fp64 weights and the features' names as UTF-8."""
        return 8 * self.weights + sum(len(name.encode()) for name in self.vectoriser.vocabulary_)


def fit(rows: Split, classes: int, seed: int, strength: float | None) -> Window:
    """Features as Ratnaparkhi 1996 (EMNLP, table 1) without the tags before. Raises Problem `lab.missing_library`."""
    linear.need_sklearn()
    from sklearn.feature_extraction.text import CountVectorizer

    vectoriser = CountVectorizer(
        analyzer=_same, binary=True, min_df=2 if len(rows.labels) > 1000 else 1, dtype=np.float64
    )
    x = vectoriser.fit_transform(_all(rows))
    c = USUAL if strength is None else strength
    return Window(vectoriser, linear.fit(x, rows.labels, classes, strengths=(c,), usual=c, seed=seed))


def _same(features: Sequence[str]) -> Sequence[str]:
    return features


def _all(rows: Split) -> Iterator[list[str]]:
    for words in rows.words:
        yield from features_of(words)


def features_of(words: Sequence[str]) -> list[list[str]]:
    """Of each word: itself, neighbours up to two away, pairs of neighbours, beginnings and ends, and how it is spelt."""
    edges = [EDGE] * AROUND
    padded = [*edges, *words, *edges]
    out = []
    for i, word in enumerate(words, AROUND):
        near = [f"{k}={padded[i + k]}" for k in range(-AROUND, AROUND + 1)]
        pairs = [f"{k}&{padded[i + k]}{EDGE}{padded[i + k + 1]}" for k in range(-AROUND, AROUND)]
        ends = [f"<{word[:n]}" for n in range(1, AFFIX + 1)] + [f">{word[-n:]}" for n in range(1, AFFIX + 1)]
        out.append([*near, *pairs, *dict.fromkeys(ends if len(word) > 1 else ()), f"~{_spelt(word)}"])
    return out


def _spelt(word: str) -> str:
    """Kinds of characters in their order, each once in a run: `Aa` for a name, `0` for a number, `.` for a mark."""
    kinds = ["A" if c.isupper() else "a" if c.isalpha() else "0" if c.isdigit() else "." for c in word]
    return "".join(kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind)
