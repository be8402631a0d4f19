"""Lengths: what each place to cut texts would lose and save. Where training cuts is chosen in `models.tokens`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Cut:
    """Texts cut at `at` tokens: share of texts that stay whole, share of all tokens that are kept, and tokens that are read
    of a mean text, padding within batches of like length not counted."""

    at: int
    whole: float
    kept: float
    mean_tokens: float


def cut_at(lengths: npt.NDArray[np.int64], at: int) -> Cut:
    """What a cut does to texts of these lengths (in tokens or characters)."""
    short = np.minimum(lengths, at)
    return Cut(at, float((lengths <= at).mean()), float(short.sum() / lengths.sum()), float(short.mean()))


def table(lengths: Sequence[int], ceiling: int) -> tuple[Cut, ...]:
    """Cuts at each power of two from 32 on that changes anything, then `ceiling`."""
    given = np.asarray(lengths, dtype=np.int64)
    places = [2**k for k in range(5, 16) if 2**k < min(ceiling, int(given.max()))]
    return tuple(cut_at(given, at) for at in (*places, ceiling))
