"""Which worked examples stand in a prompt, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from groundsill.lab.data.split import Numbers, subset

CHOICES = ("random", "balanced", "nearest")


def balanced(labels: npt.NDArray[np.int32], n: int, seed: int) -> Numbers:
    """n row numbers, the classes in turn, rows of a class by one seeded permutation; a class that has no more rows is
    passed over. Smaller choices are the beginning of larger ones."""
    order = subset(len(labels), len(labels), seed)
    queues = [list(order[labels[order] == k]) for k in np.unique(labels[order])]
    queues.sort(key=lambda q: int(np.flatnonzero(order == q[0])[0]))  # which class comes first is by chance too
    chosen: list[int] = []
    while len(chosen) < min(n, len(labels)):
        for queue in queues:
            if queue and len(chosen) < n:
                chosen.append(int(queue.pop(0)))
    return np.array(chosen, dtype=np.int64)


def nearest(store: Sequence[str], texts: Sequence[str], n: int) -> npt.NDArray[np.int64]:
    """`(texts, n)` row numbers of `store`, the most alike last, where it stands next to the question (Liu et al. 2022,
    "What makes good in-context examples for GPT-3?"). Likeness: cosine of TF-IDF over characters 2 to 4 within words, which
    needs no word splitting and so serves Chinese too."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    coder = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, dtype=np.float32)
    known = coder.fit_transform(store)
    return closest(np.asarray((coder.transform(texts) @ known.T).todense()), n)


def closest(likeness: npt.NDArray[np.floating], n: int) -> npt.NDArray[np.int64]:
    """Columns of the n largest values of each row, the largest last; the earlier column comes first in a tie."""
    order = np.argsort(-likeness, axis=1, kind="stable")[:, :n]
    return np.asarray(order[:, ::-1], dtype=np.int64)


def orders(n: int, count: int, seed: int) -> list[Numbers]:
    """`count` different orders of n examples, the given one first; fewer where there are no more."""
    rng = np.random.default_rng([seed, n])
    found = {tuple(range(n)): None}
    for _ in range(20 * count):
        if len(found) >= count:
            break
        found.setdefault(tuple(int(i) for i in rng.permutation(n)), None)
    return [np.array(order, dtype=np.int64) for order in found]
