"""Label noise: rows whose label a model that never saw them would not give. Needs scikit-learn when called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.lab.data.split import Numbers, subset
from groundsill.terms.quantity import Array

FOLDS = 5
MOST_ROWS = 10_000  # more rows make the estimate little better and take minutes
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Noise:
    """rows: row numbers that were looked at `(n,)`. disagree: share whose out-of-fold answer is another class. joint
    `(classes, classes)`: estimated share of rows by given and true class. share: off its diagonal. suspects: row numbers,
    the most doubtful first, with the class that the model would give (`instead`)."""

    rows: Numbers
    disagree: float
    joint: Array
    suspects: Numbers
    instead: Labels

    @property
    def share(self) -> float:
        """Estimated share of wrong labels. A linear model's own confusions are in it: an upper estimate, no fact."""
        return float(self.joint.sum() - np.trace(self.joint))


def out_of_fold(texts: Sequence[str], labels: Labels, classes: int, seed: int = 0) -> Array:
    """Probabilities `(rows, classes)` by a linear model on words and pieces of words, each row by a model that did not see
    it. A class that a fold lacks gets probability 0 there."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(sublinear_tf=True, min_df=2, dtype=np.float32)
    pieces = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=3, max_features=50_000, dtype=np.float32)  # fmt: skip
    seen = hstack([coder.fit_transform(texts) for coder in (words, pieces)]).tocsr()
    fold = subset(len(texts), len(texts), seed) % FOLDS
    out = np.zeros((len(texts), classes))
    for k in range(FOLDS):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        if not len(outside):
            continue
        there = np.unique(labels[inside])
        if len(there) == 1:
            out[outside, there[0]] = 1.0
            continue
        net = LogisticRegression(C=10.0, max_iter=200, tol=1e-3).fit(seen[inside], labels[inside])
        out[np.ix_(outside, there)] = net.predict_proba(seen[outside])
    return out


def confident_joint(p: Array, labels: Labels) -> npt.NDArray[np.int64]:
    """Counts `(classes, classes)` by given and confident class (Northcutt, Jiang and Chuang 2021, "Confident learning",
    eq. 1 and 2): a row counts for class j where p_j is at least the mean p_j of the rows that are labelled j, for the
    likeliest such j."""
    classes = p.shape[1]
    least = np.array([p[labels == j, j].mean() if (labels == j).any() else np.inf for j in range(classes)])
    over = p >= least
    sure = over.any(axis=1)
    best = np.where(over, p, -1.0).argmax(axis=1)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (labels[sure], best[sure]), 1)
    return counts


def joint(counts: npt.NDArray[np.int64], labels: Labels) -> Array:
    """Estimated joint distribution (eq. 3): rows of the counts scaled to the counts of the labels, then to one."""
    given = np.bincount(labels, minlength=len(counts)).astype(np.float64)
    sums = counts.sum(axis=1)
    scaled = np.where(sums[:, None] > 0, counts / np.maximum(sums, 1)[:, None], np.eye(len(counts))) * given[:, None]
    return np.asarray(scaled / scaled.sum())


def find(texts: Sequence[str], labels: Labels, classes: int, seed: int = 0, most: int = MOST_ROWS) -> Noise:
    """Look for wrong labels among at most `most` rows, drawn by the seed.

    Suspects are "prune by noise rate" (section 4.2): for each pair of given and other class as many rows as the joint says,
    those with the largest p_other - p_given first; then all by that margin.
    """
    rows = np.sort(subset(len(texts), min(most, len(texts)), seed))
    chosen = labels[rows]
    p = out_of_fold([texts[i] for i in rows], chosen, classes, seed)
    estimate = joint(confident_joint(p, chosen), chosen)
    margins: dict[int, tuple[float, int]] = {}
    for given in range(classes):
        inside = np.flatnonzero(chosen == given)
        for other in range(classes):
            count = round(float(estimate[given, other]) * len(rows))
            if other == given or not count:
                continue
            margin = p[inside, other] - p[inside, given]
            for i in np.argsort(-margin, kind="stable")[:count]:
                if margin[i] > 0 and margin[i] > margins.get(int(inside[i]), (0.0, 0))[0]:
                    margins[int(inside[i])] = (float(margin[i]), other)
    order = sorted(margins, key=lambda i: -margins[i][0])
    instead = np.array([margins[i][1] for i in order], dtype=np.int32)
    return Noise(rows, float((p.argmax(axis=1) != chosen).mean()), estimate, rows[order], instead)
