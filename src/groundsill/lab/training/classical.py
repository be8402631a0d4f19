"""Words and their weights: TF-IDF with logistic regression, the route that needs no base model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.data import Split
from groundsill.lab.models.words import unsegmented
from groundsill.lab.training import linear
from groundsill.terms.problem import Problem

STRENGTHS = (10.0, 100.0)
USUAL = 100.0
MANY_TEXTS = 50


@dataclass(frozen=True, eq=False)
class Words:
    """A fitted vectoriser and its linear model, of texts or of pairs of texts."""

    vectoriser: Any
    model: linear.Linear

    def scores(self, rows: Split) -> npt.NDArray[np.float64]:
        """Scores before the softmax, `(rows, classes)`."""
        return self.model.scores(pair_features(self.vectoriser, rows) if rows.seconds else self._texts(rows))

    def _texts(self, rows: Split) -> Any:
        return self.vectoriser.transform(rows.texts)

    @property
    def weights(self) -> int:
        """Weights of the linear model, bias included."""
        return int(self.model.weight.size + self.model.bias.size)

    @property
    def model_bytes(self) -> int:
        """Bytes of what must be kept to serve: fp64 weights, inverse document frequencies, the terms as UTF-8."""
        terms = sum(len(t.encode()) for t in self.vectoriser.vocabulary_)
        return 8 * self.weights + 8 * len(self.vectoriser.vocabulary_) + terms


def fit_texts(rows: Split, classes: int, seed: int, strength: float | None) -> Words:
    """Words and their weights. Raises Problem `lab.missing_library`, `lab.no_words`."""
    return fit(rows.texts, rows.labels, classes, seed, strength)


def fit(texts: Sequence[str], labels: npt.NDArray[np.int32], classes: int, seed: int, strength: float | None) -> Words:
    """TF-IDF of the texts with logistic regression. Raises Problem `lab.missing_library`, `lab.no_words`."""
    vectoriser, x = _terms(texts)
    strengths, usual = (STRENGTHS, USUAL) if strength is None else ((strength,), strength)
    return Words(vectoriser, linear.fit(x, labels, classes, strengths=strengths, usual=usual, seed=seed))


def fit_pairs(rows: Split, classes: int, seed: int, strength: float | None) -> Words:
    """Logistic regression on `pair_features`. Raises Problem `lab.missing_library`, `lab.no_words`."""
    vectoriser, _ = _terms(rows.firsts + rows.seconds)
    strengths, usual = (STRENGTHS, USUAL) if strength is None else ((strength,), strength)
    x = pair_features(vectoriser, rows)
    return Words(vectoriser, linear.fit(x, rows.labels, classes, strengths=strengths, usual=usual, seed=seed))


def pair_features(vectoriser: Any, rows: Split) -> Any:
    """Of each pair, sparse: the terms of the first, of the second, of both (their products), and four numbers: cosine,
    share of the words in common, share of the numbers in common (they survive a translation), ratio of the lengths."""
    from scipy.sparse import csr_matrix, hstack

    u, v = vectoriser.transform(rows.firsts), vectoriser.transform(rows.seconds)
    both = u.multiply(v).tocsr()
    told = np.zeros((len(rows), 4))
    told[:, 0] = np.asarray(both.sum(axis=1)).ravel()
    for i, (a, b) in enumerate(zip(rows.firsts, rows.seconds, strict=True)):
        told[i, 1] = _common(re.findall(r"\w+", a.casefold()), re.findall(r"\w+", b.casefold()))
        told[i, 2] = _common(re.findall(r"\d+|[A-Za-z]{2,}", a), re.findall(r"\d+|[A-Za-z]{2,}", b))
        told[i, 3] = len(a) / (len(a) + len(b))
    return hstack((u, v, both, csr_matrix(told))).tocsr()


def _common(a: Sequence[str], b: Sequence[str]) -> float:
    """Jaccard's share of two lists; 1/2 where both are empty, which says neither yes nor no."""
    some = set(a) | set(b)
    return len(set(a) & set(b)) / len(some) if some else 0.5


def _terms(texts: Sequence[str]) -> tuple[Any, Any]:
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
            return vectoriser, vectoriser.fit_transform(texts)
        except ValueError as e:  # no term is left
            if fewest == 1:
                raise Problem("lab.no_words", got=len(texts)) from e
    raise AssertionError(len(texts))  # the last try either returns or raises
