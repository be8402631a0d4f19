"""Keeping the sides apart: groups that stay together, and near copies of test rows that are not learnt from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groundsill.lab.data.clean import Heap
from groundsill.lab.data.duplicates import near_pairs
from groundsill.lab.data.split import Numbers, subset


def group_rows(marks: Sequence[str], n: int, seed: int) -> Numbers:
    """Sorted numbers of at most n rows: whole groups in an order by the seed, those left out that would not fit. A row
    without a mark is a group of its own."""
    names = [mark or f"\0{i}" for i, mark in enumerate(marks)]
    known, place, sizes = np.unique(np.array(names, dtype=object), return_inverse=True, return_counts=True)
    taken, total = np.zeros(len(known), dtype=bool), 0
    for group in subset(len(known), len(known), seed).tolist():
        if total + sizes[group] <= n:
            taken[group] = True
            total += int(sizes[group])
    return np.flatnonzero(taken[place])


def leave_out_near(heap: Heap, tested: Sequence[str], numbers: Sequence[int], least: float) -> list[int]:
    """Leave every row out of `heap` that is near to a test row and is none itself, and count it as `near_test`.

    tested: texts of the test rows; numbers: where they stand in the heap, none if they come from another file. Gives their
    new numbers. The test rows stay as they are.
    """
    own = set(numbers)
    others = [i for i in range(len(heap.texts)) if i not in own]
    pairs = near_pairs([*(heap.texts[i] for i in others), *tested], least)
    gone = {others[p.first] for p in pairs if p.first < len(others) <= p.second}
    keep = [i for i in range(len(heap.texts)) if i not in gone]
    heap.texts, heap.labels = [heap.texts[i] for i in keep], [heap.labels[i] for i in keep]
    heap.dropped["near_test"] += len(gone)
    moved = {old: new for new, old in enumerate(keep)}
    return [moved[i] for i in numbers]
