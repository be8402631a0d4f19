"""Exact value of information where net benefits are straight lines in normal inputs.

The best that can be expected is E max of a normal vector; what is learned changes only its covariance. One sure test of
the regressions, and exact answers for the plainest questions (Raiffa and Schlaifer 1961, ch. 5A).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groundsill.terms.quantity import Array

_FAR = 9.0  # standard deviations that are integrated over
_PANELS, _NODES = 48, 16
_POINTS = 14  # log2 of quasi-random points where more than two directions are left


@dataclass(frozen=True)
class Linear:
    """Net benefit of option d: start_d + sum_j slope_dj x_j, with x normal: mean (k,), covariance (k, k)."""

    start: Array
    slope: Array
    mean: Array
    covariance: Array

    @property
    def expected(self) -> Array:
        """Mean net benefit of every option."""
        return np.asarray(self.start + self.slope @ self.mean)

    def evpi(self) -> float:
        """Worth of knowing all inputs."""
        return self._worth(self.covariance)

    def evppi(self, which: list[int]) -> float:
        """Worth of knowing some inputs; what is known of one tells of those that go with it."""
        return self.evsi(np.eye(len(self.mean))[which], np.zeros((len(which), len(which))))

    def evsi(self, look: Array, noise: Array) -> float:
        """Worth of seeing look x + e, e normal with covariance `noise`: look (m, k), noise (m, m)."""
        cross = self.covariance @ look.T
        told = cross @ np.linalg.pinv(look @ cross + noise) @ cross.T
        return self._worth(told)

    def _worth(self, told: Array) -> float:
        mean = self.expected
        return max(0.0, expected_max(mean, self.slope @ told @ self.slope.T) - float(mean.max()))


def expected_max(mean: Array, covariance: Array) -> float:
    """E max_d of a normal vector (d,): exact in one direction, by quadrature over a second, by Sobol points over more."""
    mean = np.asarray(mean, dtype=np.float64)
    best = int(mean.argmax())
    change = np.eye(len(mean))
    change[:, best] -= 1.0  # differences from the best one: what moves all options together drops out
    values, vectors = np.linalg.eigh(change @ covariance @ change.T)
    used = values > 1e-13 * max(float(values[-1]), 1e-300)
    slopes = vectors[:, used] * np.sqrt(values[used])  # (d, rank)
    start = mean - mean[best]
    rank = slopes.shape[1]
    if rank == 0:
        return float(mean.max())
    if rank == 1:
        return float(mean[best] + line_max(start[None, :], slopes[:, 0])[0])
    slopes = slopes @ _turn(slopes)
    if rank == 2:
        nodes, weights = np.polynomial.legendre.leggauss(_NODES)
        cuts = np.linspace(-_FAR, _FAR, _PANELS + 1)
        half = np.diff(cuts)[:, None] / 2.0
        z = (cuts[:-1, None] + half * (nodes + 1.0)).reshape(-1, 1)
        w = (half * weights).ravel() * np.exp(-0.5 * z[:, 0] ** 2) / np.sqrt(2.0 * np.pi)
    else:
        z, w = _points(rank - 1)
    return float(mean[best] + w @ line_max(start + z @ slopes[:, 1:].T, slopes[:, 0]))


def _turn(slopes: Array) -> Array:
    """A rotation after which the options differ as much as can be along the first direction: what is left is smooth in
    the others."""
    rank = slopes.shape[1]
    tries = np.random.default_rng(rank).normal(size=(200, rank))
    tries /= np.linalg.norm(tries, axis=1, keepdims=True)
    along = slopes @ tries.T
    gaps = np.abs(along[:, None, :] - along[None, :, :])
    apart = np.linalg.norm(slopes[:, None, :] - slopes[None, :, :], axis=2) > 0
    first = tries[int(gaps[apart].min(axis=0).argmax())]
    return np.asarray(np.linalg.qr(np.column_stack((first, np.eye(rank))))[0])


def _points(dims: int) -> tuple[Array, Array]:
    from scipy.special import ndtri
    from scipy.stats import qmc

    u = qmc.Sobol(dims, rng=np.random.default_rng(dims)).random_base2(_POINTS)
    return np.asarray(ndtri(np.clip(u, 1e-12, 1 - 1e-12))), np.full(len(u), 1.0 / len(u))


def line_max(start: Array, slope: Array) -> Array:
    """E max_d (start_d + slope_d Z) of a standard normal Z, for many starts (n, d) and one slope (d,): (n,).

    Between the points where two lines cross one line is the highest; its part of the mean has a closed form.
    """
    from scipy.special import ndtr

    i, j = np.triu_indices(len(slope), 1)
    differ = np.abs(slope[i] - slope[j]) > 1e-14 * max(float(np.abs(slope).max()), 1e-300)
    i, j = i[differ], j[differ]
    cross = np.sort((start[:, i] - start[:, j]) / (slope[j] - slope[i]), axis=1)
    n = len(start)
    ends = np.concatenate((np.full((n, 1), -40.0), np.clip(cross, -40.0, 40.0), np.full((n, 1), 40.0)), axis=1)
    middle = 0.5 * (ends[:, 1:] + ends[:, :-1])
    density = np.exp(-0.5 * ends * ends) / np.sqrt(2.0 * np.pi)
    mass, moment = np.diff(ndtr(ends), axis=1), -np.diff(density, axis=1)
    out = np.zeros(n)
    for p in range(middle.shape[1]):
        top = (start + middle[:, [p]] * slope).argmax(axis=1)
        out += start[np.arange(n), top] * mass[:, p] + slope[top] * moment[:, p]
    return out
