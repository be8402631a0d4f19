"""What knowing more is worth: EVPI, and EVPPI and EVSI by regression on the draws.

Net benefits are a matrix (draws, options). Strong, Oakley and Brennan 2014: the expected net benefit of every option,
given what is learned, is a smooth function of it, and a regression on the draws estimates it. The same holds for what a
study would show (Strong and others 2015): row i is what it would show if draw i were the truth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from groundsill.assess import regression
from groundsill.terms.problem import Problem
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
    best = net_benefit[:, net_benefit.mean(axis=0).argmax()]
    return float((net_benefit.max(axis=1) - best).mean())  # exactly 0 where one option is best in every draw


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


@dataclass(frozen=True)
class Worth:
    """Money with its 90 % interval over the chance of the draws; value between 0 and EVPI. An interval from 0 says that
    it cannot be told from nothing."""

    value: float
    low: float
    high: float


def evppi(net_benefit: Array, x: Array) -> Worth:
    """What knowing x (n,), or several inputs together (n, k), is worth before the choice; net benefit (n, options).

    Several together are worth at least what the best of them is worth alone: a regression on all of them that falls
    below is a poor fit, and the single one is taken. Does not depend on the order of the draws.
    Raises Problem `information.rows` if the two differ in draws, `information.not_finite`.
    """
    net_benefit = _finite(net_benefit)
    return _worth(regression.Target(net_benefit), _matching(x, len(net_benefit)), evpi(net_benefit))


def evsi(net_benefit: Array, summary: Array, *, limit: float | None = None) -> Worth:
    """What a study is worth that shows `summary` (n,) or (n, k), one row a draw: what it would show if that draw were
    the truth. limit: EVPPI of what the study looks at, if known; a study is never worth more. Raises as `evppi`."""
    found = evppi(net_benefit, summary)
    most = math.inf if limit is None else max(limit, 0.0)
    return Worth(min(found.value, most), min(found.low, most), min(found.high, most))


def enbs(evsi: Worth, cost: float) -> Worth:
    """What is left of a study's worth after its cost; below 0 it does not pay."""
    return Worth(evsi.value - cost, evsi.low - cost, evsi.high - cost)


def evppi_all(net_benefit: Array, inputs: Mapping[str, Array]) -> dict[str, Worth]:
    """`evppi` of each input alone (n,), in the order given: what they share is worked out once."""
    net_benefit = _finite(net_benefit)
    target, most = regression.Target(net_benefit), evpi(net_benefit)
    return {name: _worth(target, _matching(x, len(net_benefit)), most) for name, x in inputs.items()}


def _finite(values: Array) -> Array:
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise Problem("information.not_finite")
    return values


def _matching(x: Array, rows: int) -> Array:
    if len(x) != rows or not rows:
        raise Problem("information.rows", got=len(x), limit=rows)
    return np.ascontiguousarray(_finite(x))


def _worth(target: regression.Target, x: Array, most: float) -> Worth:
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim == 1:
        value, error = target.known(x)
    else:
        alone = max((target.known(column) for column in x.T), key=lambda found: found[0])
        together = target.known_together(x)
        value, error = together if together[0] >= alone[0] else alone
    ends = (value - regression.Z95 * error, value, value + regression.Z95 * error)
    low, middle, high = (min(max(v, 0.0), most) for v in ends)
    return Worth(middle, low, high)
