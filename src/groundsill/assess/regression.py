"""Regression of net benefits on what is learned: the value of choosing with it, and the error of that value.

Two halves of the draws: the choice is made with the fit of one half and valued with the fit of the other, so what cannot
change the choice is worth 0 and not a sum of noise. The error is a bootstrap over blocks of draws in which every fit is
made again; sums by block make a fit a small matter. Halves and blocks follow from the net benefits themselves, sorted
and then shuffled by a fixed rule, so the order of the draws does not matter.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from groundsill.terms.quantity import Z95, Array

__all__ = ["Target", "Z95"]

BLOCKS = 32  # of draws; even ones are one half, odd ones the other
_TIMES = 64  # bootstrap samples
_BINS = 256  # groups of draws with neighbouring values of one input
_LUMP = 0.05  # share of draws from which a single value is a group and a column of its own
_RIDGE = 1e-9  # of the mean square of a column: keeps equal columns solvable
_PER_COLUMN = 20  # draws needed for each column of a joint fit


class Target:
    """Net benefits (n, options) made ready: differences from the option that is best on average, without options that
    are never better than it (they add nothing to the worth, and noise to its estimate)."""

    def __init__(self, net_benefit: Array) -> None:
        n = len(net_benefit)
        best = int(net_benefit.mean(axis=0).argmax())
        gap = net_benefit - net_benefit[:, [best]]
        kept = (gap > 0).any(axis=0)
        self._gaps = np.ascontiguousarray(np.column_stack((np.zeros(n), gap[:, kept])).T)
        self._decided = not kept.any()
        self._block = np.empty(n, dtype=np.int64)
        order = np.argsort(self._gaps.sum(axis=0), kind="stable")
        self._block[order[np.random.default_rng(n).permutation(n)]] = np.arange(n) % BLOCKS
        rng = np.random.default_rng(BLOCKS)
        half = BLOCKS // 2
        again = np.stack([rng.multinomial(half, np.full(half, 1 / half), _TIMES) for _ in range(2)], axis=2)
        ones = np.ones((1, BLOCKS))
        self._weights = np.concatenate((ones, again.reshape(_TIMES, BLOCKS).astype(np.float64)))

    def known(self, x: Array) -> tuple[float, float]:
        """Worth of knowing x (n,), and its standard error, neither clamped."""
        n = len(x)
        if self._decided or n < 4 * BLOCKS or x.min() == x.max():
            return 0.0, 0.0
        place, heavy = _bins(x)
        cells = place * BLOCKS + self._block
        m = int(place.max()) + 1
        counts = np.bincount(cells, minlength=m * BLOCKS).reshape(m, BLOCKS).astype(np.float64)
        sums = np.zeros((len(self._gaps), m, BLOCKS))
        for d, gap in enumerate(self._gaps[1:], 1):  # the first is 0 throughout
            sums[d] = np.bincount(cells, gap, m * BLOCKS).reshape(m, BLOCKS)
        centre = np.bincount(place, x, m) / counts.sum(axis=1)
        columns = _spline(centre, counts.sum(axis=1), heavy, n)
        w = self._weights
        weight, total = [], []  # of each half: (samples, bins) and (samples, options, bins)
        for half in (0, 1):
            w_half = w[:, half::2]
            weight.append(w_half @ counts[:, half::2].T)
            total.append((w_half @ sums[:, :, half::2].swapaxes(1, 2)).swapaxes(0, 1))
        told = [_solve(_gram(columns, c), t @ columns) @ columns.T for c, t in zip(weight, total, strict=True)]
        gained = np.zeros(len(w))
        for mine, other, c in zip(told, told[::-1], weight, strict=True):
            chosen = np.take_along_axis(mine, other.argmax(axis=1)[:, None, :], axis=1)[:, 0]
            gained += (chosen * c).sum(axis=1)
        spread = sum(c.sum(axis=1) for c in weight)
        average = sum(t.sum(axis=2) for t in total) / spread[:, None]
        worth = gained / spread - average.max(axis=1)
        return float(worth[0]), float(worth[1:].std())

    def known_together(self, x: Array) -> tuple[float, float]:
        """The same for several inputs (n, k) at once."""
        n = len(x)
        if self._decided or n < 4 * BLOCKS:
            return 0.0, 0.0
        columns = _joint(x)
        c, options = columns.shape[1], len(self._gaps)
        grams, sides = np.empty((BLOCKS, c, c)), np.empty((BLOCKS, options, c))
        rows = [np.flatnonzero(self._block == b) for b in range(BLOCKS)]
        for b, row in enumerate(rows):
            part = columns[row]
            grams[b], sides[b] = part.T @ part, self._gaps[:, row] @ part
        w = self._weights
        fits = [
            _solve(np.tensordot(w[:, h::2], grams[h::2], 1), np.tensordot(w[:, h::2], sides[h::2], 1)) for h in (0, 1)
        ]
        # the choice is that of the fit to all draws of a half; a small change of a fit moves its value to first order
        # only through the value of what is chosen (envelope theorem), so samples need sums over draws, not the draws
        taken = np.zeros((BLOCKS, options, c))
        for b, row in enumerate(rows):
            part = columns[row]
            chosen = (part @ fits[1 - b % 2][0].T).argmax(axis=1)
            for d in range(options):
                taken[b, d] = part[chosen == d].sum(axis=0)
        gained = sum(np.einsum("sdc,sdc->s", np.tensordot(w[:, h::2], taken[h::2], 1), fits[h]) for h in (0, 1))
        size = w @ np.array([float(len(row)) for row in rows])
        means = np.stack([self._gaps[:, row].sum(axis=1) for row in rows])
        worth = gained / size - (w @ means / size[:, None]).max(axis=1)
        return float(worth[0]), float(worth[1:].std())


def _bins(x: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Number of the group each value is in, equal values together, and which groups are single values that many draws
    share."""
    n = len(x)
    order = np.argsort(x)
    ordered = x[order]
    sorted_place = np.arange(n) * min(_BINS, max(8, n // 8)) // n
    new = np.empty(n, dtype=bool)
    new[0], new[1:] = True, ordered[1:] != ordered[:-1]
    heavy = np.zeros(sorted_place[-1] + 1, dtype=bool)
    if not new.all():
        starts = np.flatnonzero(new)
        runs = np.diff(starts, append=n)
        sorted_place = np.repeat(sorted_place[starts], runs)
        lumps = starts[runs > _LUMP * n]
        bounds = np.zeros(n, dtype=np.int64)  # a new group begins where the place moves on, and around each lump
        bounds[1:] = sorted_place[1:] != sorted_place[:-1]
        bounds[lumps] = 1
        after = lumps + runs[np.searchsorted(starts, lumps)]
        bounds[after[after < n]] = 1
        bounds[0] = 0
        sorted_place = np.cumsum(bounds)
        heavy = np.zeros(sorted_place[-1] + 1, dtype=bool)
        heavy[sorted_place[lumps]] = True
    place = np.empty(n, dtype=np.int64)
    place[order] = sorted_place
    return place, heavy


def _spline(centre: Array, counts: Array, heavy: npt.NDArray[np.bool_], n: int) -> Array:
    """Columns (groups, k) of a natural cubic spline (Hastie, Tibshirani and Friedman 2009, eq. 5.4-5.5), and one for each
    heavy group."""
    body = ~heavy
    own = np.eye(len(centre))[:, heavy]
    if np.count_nonzero(body) < 2:
        return own if heavy.all() else np.column_stack((own, body.astype(np.float64)))
    x, share = centre[body], counts[body] / counts[body].sum()
    z = (centre - float(share @ x)) / (float(np.sqrt(share @ (x - share @ x) ** 2)) or 1.0)
    wanted = min(10, max(4, n // 200))
    levels = np.linspace(0.03, 0.97, wanted)
    knots = np.unique(np.interp(levels, np.cumsum(share) - 0.5 * share, z[body]))
    columns = np.column_stack((np.ones_like(z), z, *_bends(z, knots)))
    columns[heavy] = 0.0
    return np.column_stack((_scaled(columns, counts), own))


def _bends(z: Array, knots: Array) -> list[Array]:
    """The cubic columns of a natural spline, straight beyond the outer knots."""
    if len(knots) < 3:
        return []
    cubes = [np.maximum(z - knot, 0.0) ** 3 for knot in knots]
    slopes = [(cube - cubes[-1]) / (knots[-1] - knot) for cube, knot in zip(cubes[:-1], knots, strict=False)]
    return [slope - slopes[-1] for slope in slopes[:-1]]


def _joint(x: Array) -> Array:
    """Columns (n, c) for several inputs: a spline of each and the products of each two; products of the splines where
    there are two inputs. Fewer bends, then no products, where there are few draws."""
    n, k = x.shape
    spread = x.std(axis=0)
    x = x[:, spread > 0]
    k, z = x.shape[1], (x - x.mean(axis=0)) / spread[spread > 0]
    if not k:
        return np.ones((n, 1))
    room = max(1 + k, n // _PER_COLUMN)
    pairs = [(i, j) for i in range(k) for j in range(i + 1, k)]
    for bends in (4, 3, 1, 0):
        single = [[z[:, i], *_some_bends(z[:, i], bends)] for i in range(k)]
        columns = [c for group in single for c in group]
        if k == 2 and (1 + bends) ** 2 + len(columns) < room:
            columns += [a * b for a in single[0] for b in single[1]]
        elif len(columns) + len(pairs) < room:
            columns += [z[:, i] * z[:, j] for i, j in pairs]
        elif bends:
            continue
        break
    return _scaled(np.column_stack((np.ones(n), *columns)), np.ones(n))


def _some_bends(z: Array, bends: int) -> list[Array]:
    """Cubic columns with knots at even quantiles; the square alone for one, none for none."""
    if bends <= 1:
        return [z * z] if bends else []
    knots = np.unique(np.quantile(z, np.linspace(0.05, 0.95, bends + 2)))
    return _bends(z, knots) if len(knots) >= 3 else []


def _scaled(columns: Array, counts: Array) -> Array:
    sizes = np.sqrt((columns * columns * counts[:, None]).sum(axis=0) / counts.sum())
    return np.asarray(columns / np.where(sizes > 0, sizes, 1.0))


def _gram(columns: Array, counts: Array) -> Array:
    """(samples, k, k) for counts (samples, groups)."""
    k = columns.shape[1]
    squares = (columns[:, :, None] * columns[:, None, :]).reshape(-1, k * k)
    return np.asarray((counts @ squares).reshape(-1, k, k))


def _solve(gram: Array, sides: Array) -> Array:
    """Coefficients (samples, options, k) of gram (samples, k, k) and sides (samples, options, k)."""
    k = gram.shape[-1]
    size = np.trace(gram, axis1=1, axis2=2)[:, None, None] / k
    return np.asarray(np.linalg.solve(gram + _RIDGE * size * np.eye(k), sides.swapaxes(1, 2)).swapaxes(1, 2))
