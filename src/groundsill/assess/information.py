"""What knowing more is worth: EVPI, and EVPPI by regression on the draws.

Net benefits are a matrix (draws, options). Strong, Oakley and Brennan 2014: the expected net benefit of every option,
given what is learned, is a smooth function of it, and a regression on the draws estimates it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from groundsill.terms.quantity import Array, quantiles

_KNOTS = (
    0.05,
    0.23,
    0.41,
    0.59,
    0.77,
    0.95,
)  # quantiles for six knots (Harrell, Regression Modeling Strategies, 2.4.6)
_FEW = 8  # distinct values up to which an input is treated as groups
_HALVES = (slice(0, None, 2), slice(1, None, 2))  # even and odd draws
_RIDGE = 1e-9  # of the mean square of a standardised basis column: keeps equal columns solvable


def evpi(net_benefit: Array) -> float:
    """Expected value of perfect information: E max_d NB_d - max_d E NB_d, 0 or above."""
    return max(0.0, float(net_benefit.max(axis=1).mean() - net_benefit.mean(axis=0).max()))


@dataclass(frozen=True)
class Known:
    """worth: EVPPI; share: of the variance of the focus column that this input explains alone (first-order index)."""

    worth: float
    share: float


class Learner:
    """EVPPI of one input after another over one matrix of net benefits (draws, options)."""

    def __init__(self, net_benefit: Array, focus: Array) -> None:
        """focus: the column (draws,) whose variance is shared out. Options that are never better than the best on
        average are left out first: they add nothing to either term, and noise to the second."""
        means = net_benefit.mean(axis=0)
        best = net_benefit[:, [int(means.argmax())]]
        kept = net_benefit[:, (net_benefit > best).any(axis=0) | (means == means.max())]
        matrix = np.column_stack((kept - best, focus))
        self._halves = tuple(np.ascontiguousarray(matrix[half]) for half in _HALVES)
        self.perfect = evpi(net_benefit)
        self._variance = float(focus.var())

    def known(self, x: Array) -> Known:
        """EVPPI and share of variance of an input (draws,).

        Two halves of the draws (even and odd): the choice is made with the fit of one half and valued with the fit of
        the other, so an input that cannot change the choice is worth 0 and not a sum of noise. Clamped to [0, EVPI].
        """
        columns = basis(np.asarray(x, dtype=np.float64))
        if columns.shape[1] == 1 or len(x) < 4 * columns.shape[1]:
            return Known(0.0, 0.0)
        bases = [np.ascontiguousarray(columns[half]) for half in _HALVES]
        fits = [_solve(base, target) for base, target in zip(bases, self._halves, strict=True)]
        worth, residual = 0.0, 0.0
        for base, target, fit, other in zip(bases, self._halves, fits, fits[::-1], strict=True):
            judge, told = base @ fit, base @ other
            chosen = judge[np.arange(len(judge)), told[:, :-1].argmax(axis=1)]
            worth += float(chosen.sum()) - float(judge[:, :-1].mean(axis=0).max()) * len(judge)
            residual += float(((target[:, -1] - told[:, -1]) ** 2).sum())
        explained = 1.0 - residual / len(x) / self._variance if self._variance > 0 else 0.0
        return Known(min(max(worth / len(x), 0.0), self.perfect), min(max(explained, 0.0), 1.0))


def _solve(columns: Array, targets: Array) -> Array:
    gram = columns.T @ columns
    gram[np.diag_indices_from(gram)] += _RIDGE * len(columns)
    return np.asarray(np.linalg.solve(gram, columns.T @ targets))


def basis(x: Array) -> Array:
    """Columns (draws, k) that a smooth function of x is made of: a natural cubic spline with up to six knots (Hastie,
    Tibshirani and Friedman 2009, eq. 5.4-5.5); one column a value where there are few; a column of its own for a value
    that many draws share (an event that does not happen)."""
    values, counts = np.unique(x, return_counts=True)
    if len(values) == 1:
        return np.ones((len(x), 1))
    if len(values) <= _FEW:
        return np.asarray(x[:, None] == values[None, :], dtype=np.float64)
    heavy = counts.argmax()
    lump = x == values[heavy]
    mixed = bool(counts[heavy] > len(x) / 20)
    body = x[~lump] if mixed else x
    centre, spread = float(body.mean()), float(body.std()) or 1.0
    z = np.where(lump, 0.0, (x - centre) / spread) if mixed else (x - centre) / spread
    knots = np.unique(quantiles((body - centre) / spread, _KNOTS))
    rows = [np.ones_like(z), z]  # columns lie side by side in memory until the end: that is what takes the time
    if len(knots) >= 3:
        above = [np.maximum(z - knot, 0.0) for knot in knots]
        cubes = [part * part * part for part in above]
        slopes = [(cube - cubes[-1]) / (knots[-1] - knot) for cube, knot in zip(cubes[:-1], knots, strict=False)]
        rows += [slope - slopes[-1] for slope in slopes[:-1]]
    if mixed:
        rows = [np.where(lump, 0.0, row) for row in rows] + [lump.astype(np.float64)]
    sizes = [math.sqrt(float(row @ row) / len(row)) for row in rows]
    return np.column_stack([row / size if size > 0 else row for row, size in zip(rows, sizes, strict=True)])
