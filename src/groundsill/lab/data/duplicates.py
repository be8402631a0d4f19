"""Near duplicates: texts that share most of their pieces, found without comparing every two.

MinHash (Broder 1997) over character shingles, banded (Leskovec, Rajaraman and Ullman, "Mining of massive datasets", 3.4) to
candidates, and every candidate pair is then checked by its exact Jaccard similarity: no false pair is ever reported.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

SHINGLE = 5  # characters; Chinese words have two, English ones five on average
BANDS, ROWS = 32, 4  # a pair at Jaccard .8 is missed with chance (1 - .8^4)^32 = 5e-8, at .6 with .012
NEAR = 0.8
WIDEST = 200  # texts of one bucket that are compared each with each; of a larger one each with the first ones only
CHUNK_ROWS = 4096

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Pair:
    """Two rows, first < second, and the share of pieces that they have in common (Jaccard)."""

    first: int
    second: int
    likeness: float


def plain(text: str) -> str:
    """What is compared: NFKC, no case, white space as single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def shingles(text: str) -> Hashes:
    """Different hashes of all runs of 5 characters, sorted; of the whole text where it is shorter."""
    codes = np.frombuffer(plain(text).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    size = min(SHINGLE, len(codes))
    if not size:
        return np.zeros(0, dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = np.zeros(len(codes) - size + 1, dtype=np.uint64)
        for i in range(size):
            mixed = (mixed ^ codes[i : i + len(mixed)]) * np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio
            mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)


def jaccard(a: Hashes, b: Hashes) -> float:
    """Share of the pieces of both that both have."""
    both = len(np.intersect1d(a, b, assume_unique=True))
    whole = len(a) + len(b) - both
    return both / whole if whole else 0.0


def signatures(sets: Sequence[Hashes], seed: int = 0) -> Hashes:
    """MinHash `(texts, BANDS x ROWS)`: the least of a x h + b over the pieces, odd a (multiply-add modulo 2^64)."""
    rng = np.random.default_rng([seed, SHINGLE])
    count = BANDS * ROWS
    a = rng.integers(0, 2**63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    b = rng.integers(0, 2**64 - 1, count, dtype=np.uint64, endpoint=True)
    out = np.full((len(sets), count), np.iinfo(np.uint64).max, dtype=np.uint64)
    for begin in range(0, len(sets), CHUNK_ROWS):
        part = list(sets[begin : begin + CHUNK_ROWS])
        there = np.array([i for i, s in enumerate(part) if len(s)], dtype=np.int64)
        if not len(there):
            continue
        flat = np.concatenate([part[i] for i in there])
        starts = np.concatenate(([0], np.cumsum([len(part[i]) for i in there])[:-1]))
        with np.errstate(over="ignore"):
            for k in range(count):
                out[begin + there, k] = np.minimum.reduceat((flat * a[k] + b[k]) >> np.uint64(16), starts)
    return out


def near_pairs(texts: Sequence[str], least: float = NEAR) -> list[Pair]:
    """Pairs of rows whose likeness is at least `least`, in order of rows. Texts without any character are left out."""
    sets = [shingles(text) for text in texts]
    signs = signatures(sets)
    candidates: set[tuple[int, int]] = set()
    for band in range(BANDS):
        keys = np.ascontiguousarray(signs[:, band * ROWS : (band + 1) * ROWS]).view(f"V{8 * ROWS}").ravel()
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] == keys[order][:-1]
        cuts = np.flatnonzero(np.concatenate(([True], ~same, [True])))
        for begin, end in pairwise(cuts.tolist()):
            if end - begin > 1:
                candidates |= _within(np.sort(order[begin:end]).tolist())
    found = []
    for first, second in sorted(candidates):
        if len(sets[first]) and len(sets[second]):
            likeness = jaccard(sets[first], sets[second])
            if likeness >= least:
                found.append(Pair(first, second, likeness))
    return found


def _within(rows: list[int]) -> set[tuple[int, int]]:
    heads = rows if len(rows) <= WIDEST else rows[:10]
    return {(a, b) for i, a in enumerate(heads) for b in rows[i + 1 :]}


def later(pairs: Sequence[Pair]) -> list[int]:
    """Rows to leave out so that no two near ones stay: those that are near to an earlier row that stays."""
    gone: set[int] = set()
    for pair in sorted(pairs, key=lambda p: (p.second, p.first)):
        if pair.first not in gone:
            gone.add(pair.second)
    return sorted(gone)


def across(pairs: Sequence[Pair], test: npt.NDArray[np.bool_]) -> list[Pair]:
    """Pairs with one row on each side. test: which rows are test rows."""
    return [p for p in pairs if test[p.first] != test[p.second]]
