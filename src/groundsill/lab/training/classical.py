"""Words and their weights: TF-IDF with logistic regression, the route that needs no base model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.training import linear
from groundsill.terms.problem import Problem

STRENGTHS = (10.0, 100.0)
USUAL = 100.0
UNSEGMENTED_SHARE = 0.2
MANY_TEXTS = 50
# Scripts written without blanks between words: Han, Kana, Thai, Lao, Khmer, Burmese (Unicode blocks).
UNSEGMENTED = ((0x4E00, 0x9FFF), (0x3040, 0x30FF), (0x0E00, 0x0EFF), (0x1780, 0x17FF), (0x1000, 0x109F))


@dataclass(frozen=True, eq=False)
class Words:
    """A fitted vectoriser and its linear model."""

    vectoriser: Any
    model: linear.Linear

    def scores(self, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """Scores before the softmax, `(rows, classes)`."""
        return self.model.scores(self.vectoriser.transform(texts))

    def predict(self, texts: Sequence[str]) -> npt.NDArray[np.int32]:
        """Class numbers `(rows,)`."""
        return self.scores(texts).argmax(axis=1).astype(np.int32)

    @property
    def weights(self) -> int:
        """Weights of the linear model, bias included."""
        return int(self.model.weight.size + self.model.bias.size)

    @property
    def model_bytes(self) -> int:
        """Bytes of what must be kept to serve: fp64 weights, inverse document frequencies, the terms as UTF-8."""
        terms = sum(len(t.encode()) for t in self.vectoriser.vocabulary_)
        return 8 * self.weights + 8 * len(self.vectoriser.vocabulary_) + terms


def unsegmented(texts: Sequence[str]) -> bool:
    """Whether at least a fifth of the characters belong to scripts without blanks between words."""
    sample = "".join(texts)[:50_000]
    inside = sum(any(low <= ord(c) <= high for low, high in UNSEGMENTED) for c in sample)
    return bool(sample) and inside >= UNSEGMENTED_SHARE * len(sample)


def fit(texts: Sequence[str], labels: npt.NDArray[np.int32], classes: int, seed: int, strength: float | None) -> Words:
    """Words and pairs of words, or 1 to 4 characters where words are not marked; 1 + log(count) x idf, rows of
    length 1 (Manning, Raghavan & Schütze 2008, ch. 6). Raises Problem `lab.missing_library`, `lab.no_words`."""
    linear.need_sklearn()
    from sklearn.feature_extraction.text import TfidfVectorizer

    form: dict[str, Any] = {"ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
    if unsegmented(texts):
        form = {"ngram_range": (1, 4), "analyzer": "char"}
    # terms that one text alone has cost most of the fitting time and, from about 50 texts on, lower the accuracy
    for fewest in (2, 1) if len(texts) >= MANY_TEXTS else (1,):
        vectoriser = TfidfVectorizer(sublinear_tf=True, dtype=np.float64, min_df=fewest, **form)
        try:
            x = vectoriser.fit_transform(texts)
            break
        except ValueError as e:  # no term is left
            if fewest == 1:
                raise Problem("lab.no_words", got=len(texts)) from e
    strengths, usual = (STRENGTHS, USUAL) if strength is None else ((strength,), strength)
    return Words(vectoriser, linear.fit(x, labels, classes, strengths=strengths, usual=usual, seed=seed))
