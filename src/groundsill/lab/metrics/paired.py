"""Is one model better than another on the same test rows? Paired tests see differences that two intervals hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.lab.metrics.classification import compute
from groundsill.terms.quantity import Array

DRAWS = 2_000
Answers = Sequence[npt.NDArray[np.int32]]


@dataclass(frozen=True)
class Paired:
    """difference: metric of the first less that of the second; low, high: its 90 % interval over test rows and seeds;
    p: chance of a difference in right answers at least as large if both were alike (two-sided). wins, losses: rows that
    only the first, only the second has right, mean over seeds."""

    difference: float
    low: float
    high: float
    p: float
    wins: float
    losses: float


def mcnemar(wins: int, losses: int) -> float:
    """Mid-p value of McNemar's test: two-sided binomial with half of the weight of what was seen (Fagerland, Lydersen and
    Laake 2013, BMC Medical Research Methodology 13:91)."""
    from scipy.special import bdtr

    n, few = wins + losses, min(wins, losses)
    if not n:
        return 1.0
    below = float(bdtr(few - 1, n, 0.5)) if few else 0.0
    return min(1.0, float(bdtr(few, n, 0.5)) + below)


def compare(
    metric: str,
    truth: npt.NDArray[np.int32],
    first: Answers,
    second: Answers,
    classes: Sequence[str],
    rng: np.random.Generator,
) -> Paired:
    """first, second: class numbers `(rows,)` of each seed, the same seeds in the same order.

    The interval is a bootstrap over rows and seeds (Efron 1979); p is McNemar's with one seed, else that of flipping the
    sign of each row's mean difference (Fisher's randomisation test). Raises the Problems of `compute`.
    """
    a, b = np.stack(list(first)), np.stack(list(second))
    seeds, rows = a.shape
    gaps = [_gap(metric, truth, a, b, classes)]
    for _ in range(DRAWS):
        which, some = rng.integers(0, seeds, seeds), rng.integers(0, rows, rows)
        if metric == "accuracy" or len(np.unique(truth[some])) > 1:
            gaps.append(_gap(metric, truth[some], a[which][:, some], b[which][:, some], classes))
    low, high = np.quantile(gaps[1:], (0.05, 0.95))
    better, worse = (a == truth) & (b != truth), (b == truth) & (a != truth)
    wins, losses = float(better.sum() / seeds), float(worse.sum() / seeds)
    if seeds == 1:
        p = mcnemar(int(wins), int(losses))
    else:
        p = _flipped((better.astype(np.float64) - worse).mean(axis=0), rng)
    return Paired(gaps[0], float(low), float(high), p, wins, losses)


def _gap(
    metric: str,
    truth: npt.NDArray[np.int32],
    a: npt.NDArray[np.int32],
    b: npt.NDArray[np.int32],
    classes: Sequence[str],
) -> float:
    if metric == "accuracy":
        return float((a == truth).mean() - (b == truth).mean())
    values = [[compute(metric, truth, one, classes).value for one in side] for side in (a, b)]
    return float(np.mean(values[0]) - np.mean(values[1]))


def _flipped(gap: Array, rng: np.random.Generator) -> float:
    """Two-sided p of the mean of `gap` (rows,) under random signs; what was seen counts as one of the draws."""
    seen = abs(gap.sum()) - 1e-12
    moved = gap[gap != 0]
    signs = rng.integers(0, 2, (DRAWS, len(moved)), dtype=np.int8) * 2.0 - 1.0
    return (1 + int((np.abs(signs @ moved) >= seen).sum())) / (DRAWS + 1)
