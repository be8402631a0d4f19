"""Leakage: what makes a test set easier than the work will be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.lab.data.duplicates import NEAR, Pair, across, later, near_pairs
from groundsill.lab.data.spec import Prepared, Split

TELLING_ROWS = 0.01  # share of the rows that must have a word before it is looked at
TELLING_LEFT = 0.1  # of the usual share of other classes that may be left among those rows
FEWEST = 20
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Telling:
    """A word that nearly gives the class away: rows that have it, and the share of them in `class_name`."""

    word: str
    class_name: str
    rows: int
    share: float


@dataclass(frozen=True)
class Leakage:
    """pairs: near duplicates in the whole table, pool rows first, then test rows. across: those with a row on each side.
    tested_near: test rows that are near to a pool row. other_label: pairs whose rows have different answers. redundant: rows
    that are near to an earlier one. telling: words that nearly give the class away, the most frequent first."""

    pairs: tuple[Pair, ...]
    across: int
    tested_near: int
    other_label: int
    redundant: int
    telling: tuple[Telling, ...]


def find(data: Prepared, least: float = NEAR) -> Leakage:
    """Look for near duplicates between and within the sides, and for telling words in the pool."""
    texts = (*data.pool.texts, *data.test.texts)
    said = [*data.pool.said(data.classes), *data.test.said(data.classes)]
    pairs = near_pairs(texts, least)
    is_test = np.arange(len(texts)) >= len(data.pool)
    both = across(pairs, is_test)
    return Leakage(
        pairs=tuple(pairs),
        across=len(both),
        tested_near=len({p.second for p in both}),
        other_label=sum(said[p.first] != said[p.second] for p in pairs),
        redundant=len(later(pairs)),
        telling=telling(data.pool, data.classes) if data.pool.form in ("class", "pair") else (),
    )


def telling(rows: Split, classes: Sequence[str]) -> tuple[Telling, ...]:
    """Words that at least a hundredth of the rows (and 20) have, with a tenth or less of the other classes' usual
    share among them. Such a word may be honest; a ticket number or a folder's name is not."""
    usual = np.bincount(rows.labels, minlength=len(classes)) / max(1, len(rows))
    counts: dict[str, Counter[int]] = {}
    for text, label in zip(rows.texts, rows.labels.tolist(), strict=True):
        for word in set(_WORD.findall(text.casefold())):
            counts.setdefault(word, Counter())[label] += 1
    found = []
    for word, by_class in counts.items():
        total = by_class.total()
        label, most = by_class.most_common(1)[0]
        frequent = total >= max(FEWEST, TELLING_ROWS * len(rows))
        if frequent and total - most <= TELLING_LEFT * (1 - usual[label]) * total:
            found.append(Telling(word, classes[label], total, most / total))
    return tuple(sorted(found, key=lambda t: (-t.rows, t.word)))


def clear(data: Prepared, leak: Leakage) -> npt.NDArray[np.int64]:
    """Numbers of the pool rows that are near to no test row: what a training that must not see the test set may use."""
    pool = len(data.pool)
    near = {p.first for p in leak.pairs if p.first < pool <= p.second}
    return np.array([i for i in range(pool) if i not in near], dtype=np.int64)
