"""Splits: a fixed test set, and nested subsets of the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from zlib import crc32

import numpy as np
import numpy.typing as npt

from groundsill.terms.problem import Problem

Numbers = npt.NDArray[np.int64]


def subset(pool_size: int, n: int, seed: int) -> Numbers:
    """Row numbers `(n,)`: the first n of one seeded permutation, so smaller subsets lie inside larger ones.

    Raises Problem `data.subset_too_large`.
    """
    if not 0 <= n <= pool_size:
        raise Problem("data.subset_too_large", got=n, limit=pool_size)
    return _permutation("subset", pool_size, seed)[:n]


def random_rows(size: int, n: int, seed: int) -> Numbers:
    """Sorted numbers of n of `size` rows."""
    return np.sort(_permutation("test", size, seed)[:n])


def _permutation(name: str, size: int, seed: int) -> Numbers:
    return np.random.default_rng([seed, crc32(name.encode())]).permutation(size)


def rows_after(marks: Sequence[str], after: str, column: str, at: str) -> npt.NDArray[np.bool_]:
    """Which rows `(rows,)` have a date on or after `after`. Raises Problem `data.not_a_date`."""
    limit = _date(after, "test_after")
    return np.array([_date(mark, f"{at} [{column}]") >= limit for mark in marks], dtype=bool)


def _date(text: str, at: str) -> datetime:
    try:
        date = datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError as e:
        raise Problem("data.not_a_date", at=at, got=text[:40]) from e
    return date.replace(tzinfo=None)  # compared as written: a table mixes time zones too rarely to ask for them


def identity(texts: Sequence[str], labels: Sequence[str]) -> str:
    """SHA-256 over rows in order, 64 hex digits. Lengths go in too, so that no two tables share their bytes."""
    digest = hashlib.sha256()
    for text, label in zip(texts, labels, strict=True):
        for part in (text.encode(), label.encode()):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
    return digest.hexdigest()


def majority(labels: npt.NDArray[np.int32]) -> float:
    """Share of the largest class: what a guess reaches without looking."""
    return float(np.bincount(labels).max() / len(labels)) if len(labels) else 0.0
