"""Metrics of a classifier from three margins, so that a thousand resamples of the rows cost no thousand tables.

right: share of the rows that are of a class and were answered so; true: share that is of it; said: share of the answers; each
`(..., classes)`. The values are those of `classification` and `from_table`, which take the whole table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.terms.quantity import Array

NORMAL_90 = 1.6448536269514722  # quantile .95 of the normal distribution
MOST_CELLS = 4_000_000  # rows x classes that are held at once; counts up to 2^24 are exact in fp32


@dataclass(frozen=True, eq=False)
class Margins:
    """See above; total: share of rows (1)."""

    right: Array
    true: Array
    said: Array

    @property
    def there(self) -> npt.NDArray[np.bool_]:
        """Classes that these rows have: the others are in no mean over classes."""
        return np.asarray(self.true > 0)

    @property
    def precision(self) -> Array:
        """Of each class; 0 where it was never answered."""
        return _over(self.right, self.said)

    @property
    def recall(self) -> Array:
        """Of each class; 0 where there is none."""
        return _over(self.right, self.true)

    @property
    def f1(self) -> Array:
        """Of each class."""
        return _over(2 * self.right, self.true + self.said)


def margins(
    truth: npt.NDArray[np.int32], predicted: npt.NDArray[np.int32], classes: int, weights: Array | None = None
) -> Margins:
    """Of class numbers `(rows,)`; a predicted number outside the classes is no answer. weights: of the rows, `(draws, rows)`,
    fp32 whole numbers."""
    spots = np.arange(classes)
    each = np.ones((1, len(truth)), dtype=np.float32) if weights is None else weights
    sums = np.zeros((3, len(each), classes))
    step = max(1, MOST_CELLS // classes)
    for start in range(0, len(truth), step):
        part = slice(start, start + step)
        true, said = truth[part, None] == spots, predicted[part, None] == spots
        for place, one in enumerate((true & said, true, said)):
            sums[place] += each[:, part] @ one.astype(np.float32)
    sums /= each.sum(axis=1, dtype=np.float64)[:, None]
    return Margins(*(sums if weights is not None else sums[:, 0]))


def _over(a: Array, b: Array) -> Array:
    return np.asarray(np.divide(a, b, out=np.zeros_like(b), where=b > 0))


def _macro(values: Array, m: Margins) -> Array:
    return np.asarray(np.where(m.there, values, 0.0).sum(axis=-1) / np.maximum(m.there.sum(axis=-1), 1))


def _weighted(values: Array, m: Margins) -> Array:
    return np.asarray((values * m.true).sum(axis=-1) / m.true.sum(axis=-1))


def _accuracy(m: Margins) -> Array:
    return np.asarray(m.right.sum(axis=-1))


def _micro_precision(m: Margins) -> Array:
    return _over(np.asarray(m.right.sum(axis=-1)), np.asarray(m.said.sum(axis=-1)))


def _micro_f1(m: Margins) -> Array:
    return np.asarray(2 * m.right.sum(axis=-1) / (m.true.sum(axis=-1) + m.said.sum(axis=-1)))


def _mcc(m: Margins) -> Array:
    """Gorodkin 2004, eq. 8; rows without an answer are an answer of their own."""
    none = 1.0 - m.said.sum(axis=-1)
    square = (m.said**2).sum(axis=-1) + none**2
    spread = (1.0 - square) * (1.0 - (m.true**2).sum(axis=-1))
    top = m.right.sum(axis=-1) - (m.true * m.said).sum(axis=-1)
    return np.asarray(np.where(spread > 1e-18, top / np.sqrt(np.maximum(spread, 1e-18)), 0.0))


KNOWN: Mapping[str, Callable[[Margins], Array]] = {
    "accuracy": _accuracy,
    "macro-precision": lambda m: _macro(m.precision, m),
    "macro-recall": lambda m: _macro(m.recall, m),
    "macro-f1": lambda m: _macro(m.f1, m),
    "weighted-precision": lambda m: _weighted(m.precision, m),
    "weighted-recall": lambda m: _weighted(m.recall, m),
    "weighted-f1": lambda m: _weighted(m.f1, m),
    "micro-precision": _micro_precision,
    "micro-recall": _accuracy,
    "micro-f1": _micro_f1,
    "mcc": _mcc,
}


def wilson(right: float, n: float) -> tuple[float, float]:
    """90 % interval of a share (Wilson 1927; recommended by Brown, Cai and DasGupta 2001); (0, 1) without rows."""
    if n <= 0:
        return 0.0, 1.0
    p, z2 = right / n, NORMAL_90**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL_90 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)
