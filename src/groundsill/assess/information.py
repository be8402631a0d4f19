"""What knowing more is worth: EVPI, and EVPPI by regression on the draws.

Net benefits are a matrix (draws, options). Strong, Oakley and Brennan 2014: the expected net benefit of every option,
given what is learned, is a smooth function of it, and a regression on the draws estimates it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groundsill.terms.quantity import Array

_KNOTS = (
    0.05,
    0.23,
    0.41,
    0.59,
    0.77,
    0.95,
)  # quantiles for six knots (Harrell, Regression Modeling Strategies, 2.4.6)
_FEW = 8  # distinct values up to which an input is treated as groups
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
        self._matrix = np.ascontiguousarray(np.column_stack((kept - best, focus)))
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
        halves = (slice(0, None, 2), slice(1, None, 2))
        fits = [_solve(columns[half], self._matrix[half]) for half in halves]
        worth, residual = 0.0, 0.0
        for mine, half in enumerate(halves):
            choose = (columns[half] @ fits[1 - mine])[:, :-1]
            judge = columns[half] @ fits[mine]
            rows = np.arange(len(choose))
            worth += float((judge[rows, choose.argmax(axis=1)]).sum()) - float(judge[:, :-1].mean(axis=0).max()) * len(
                choose
            )
            residual += float(((self._matrix[half, -1] - columns[half] @ fits[1 - mine][:, -1]) ** 2).sum())
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
    knots = np.unique(np.quantile((body - centre) / spread, _KNOTS))
    columns = [np.ones_like(z), z]
    if len(knots) >= 3:
        cubes = np.maximum(z[:, None] - knots[None, :], 0.0) ** 3
        slopes = (cubes[:, :-1] - cubes[:, -1:]) / (knots[-1] - knots[:-1])
        columns += list((slopes[:, :-1] - slopes[:, -1:]).T)
    if mixed:
        columns = [np.where(lump, 0.0, column) for column in columns] + [lump.astype(np.float64)]
    whole = np.column_stack(columns)
    size = np.sqrt((whole**2).mean(axis=0))
    return np.asarray(whole / np.where(size > 0, size, 1.0))
