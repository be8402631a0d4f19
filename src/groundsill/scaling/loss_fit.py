"""Loss against parameters and tokens: the arithmetic of the fit. No files, no refusals.

The law of Hoffmann et al. 2022 (arXiv:2203.15556, eq. 2), L = E + A N^-a + B D^-b, fitted as there (eq. 3) and in its
replication (Besiroglu et al. 2024, arXiv:2404.10102): Huber loss with delta 1e-3, summed over the runs, on
ln L = logsumexp(ln E, ln A - a ln N, ln B - b ln D), by L-BFGS. Below, y is ln L.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groundsill.scaling.three_terms import huber, predict, starts
from groundsill.terms.quantity import Array

HUBER = 1e-3
STARTS = (0.15, 0.25, 0.35, 0.5, 0.75)  # exponents of the grid that the search starts from
BOOTSTRAPS = 200
REFITS = 40  # steps of a refit from the optimum of all runs
SCATTER = 0.004  # of y between runs of one suite; it weighs the prior against the runs
RANGE = 1.0  # of ln N and of ln D over which the misses of the law fade: what runs close by have in common
ALONE = 0.5  # variance that a run shares with no neighbour, against the variance it shares
CLIP = 3.0  # standard deviations beyond which a miss is an accident


@dataclass(frozen=True)
class Points:
    """Runs as numbers, all (m,): ln N and ln D about `middle`, y."""

    ln_n: Array
    ln_d: Array
    y: Array
    middle: tuple[float, float]

    @property
    def ln_c(self) -> Array:
        """ln (N D) of each run (m,)."""
        return self.ln_n + self.ln_d + sum(self.middle)


@dataclass(frozen=True)
class Prior:
    """Normal priors (mean, standard deviation): of ln a and ln b, and of ln (E / lowest loss of the runs).

    It counts against runs that scatter by `SCATTER`; a suite of a hundred runs does not feel it.
    """

    exponent: tuple[float, float]
    floor: tuple[float, float]


def points(parameters: Array, tokens: Array, loss: Array) -> Points:
    """Runs (m,) as numbers about their means."""
    ln_n, ln_d = np.log(parameters), np.log(tokens)
    middle = float(ln_n.mean()), float(ln_d.mean())
    return Points(ln_n - middle[0], ln_d - middle[1], np.log(loss), middle)


def objective(theta: Array, runs: Points, weight: Array, prior: Prior | None = None) -> tuple[float, Array]:
    """Summed Huber loss, with the prior if there is one, and its gradient (5,)."""
    value, gradient = huber(theta, (runs.ln_n, runs.ln_d, runs.y), weight, HUBER)
    for place, mean, spread in _pulls(runs, prior):
        away = float(theta[place]) - mean
        value += HUBER * SCATTER * 0.5 * (away / spread) ** 2  # Huber is HUBER |off| beyond HUBER: unit HUBER SCATTER
        gradient[place] += HUBER * SCATTER * away / spread**2
    return value, gradient


def best(runs: Points, weight: Array, prior: Prior | None = None) -> Array:
    """theta (5,) of the least objective, from the best cells of a grid of exponents."""
    from scipy.optimize import minimize

    def scaled(theta: Array) -> tuple[float, Array]:
        value, gradient = objective(theta, runs, weight, prior)
        return value / HUBER, gradient / HUBER

    found = [
        minimize(scaled, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000, "ftol": 1e-12, "gtol": 1e-9})
        for start in projected(runs, weight, prior)
    ]
    return np.asarray(min(found, key=lambda f: float(f.fun)).x, dtype=np.float64)


def projected(runs: Points, weight: Array, prior: Prior | None, most: int = 4) -> list[Array]:
    """Starts of the search: the best cells of a grid of exponents, by variable projection."""

    def score(start: Array) -> float:
        return objective(start, runs, weight, prior)[0]

    least = 1e-3 * float(np.exp(runs.y).min())
    return starts((runs.ln_n, runs.ln_d, runs.y), weight, STARTS, score, least, most)


def resampled(
    runs: Points, weight: Array, prior: Prior | None, centre: Array, rng: np.random.Generator, count: int = BOOTSTRAPS
) -> Array:
    """theta (count, 5): the fit repeated on runs drawn with replacement, all at once, each from the optimum `centre`.

    Reweighted least squares with damped Gauss-Newton steps; a step that does not lower the objective is not taken.
    """
    m = len(runs.y)
    weights = weight * rng.multinomial(m, np.full(m, 1 / m), size=count)
    thetas = np.tile(centre, (count, 1))
    damping = np.full(count, 1e-3)
    value, curved, slope = _quadratic(thetas, runs, weights, prior)
    for _ in range(REFITS):
        steep = curved + (damping[:, None] * np.einsum("bii->bi", curved) + 1e-12)[:, :, None] * np.eye(5)
        there = thetas - np.clip(np.linalg.solve(steep, slope[:, :, None])[:, :, 0], -1, 1)
        value_there, curved_there, slope_there = _quadratic(there, runs, weights, prior)
        lower = value_there < value
        thetas[lower], value[lower] = there[lower], value_there[lower]
        curved[lower], slope[lower] = curved_there[lower], slope_there[lower]
        damping = np.clip(np.where(lower, damping / 5, damping * 4), 1e-6, 1e6)
    return thetas


def _quadratic(thetas: Array, runs: Points, weights: Array, prior: Prior | None) -> tuple[Array, Array, Array]:
    """Of the objective in units of HUBER, at thetas (k, 5) with weights (k, m): its value (k,), the curvature (k, 5, 5)
    of the least squares that touch it from above, its slope (k, 5)."""
    e, a, b, ln_alpha, ln_beta = (column[:, None] for column in thetas.T)
    alpha, beta = np.exp(ln_alpha), np.exp(ln_beta)
    parts = np.stack([np.exp(e + 0 * runs.y), np.exp(a - alpha * runs.ln_n), np.exp(b - beta * runs.ln_d)], axis=2)
    total = parts.sum(axis=2)
    share = parts / total[:, :, None]
    off = np.log(total) - runs.y
    far = np.abs(off)
    value = (weights * np.where(far <= HUBER, 0.5 * off**2 / HUBER, far - 0.5 * HUBER)).sum(axis=1)
    slopes = np.concatenate(
        [share, -share[:, :, 1:2] * (alpha * runs.ln_n)[:, :, None], -share[:, :, 2:] * (beta * runs.ln_d)[:, :, None]],
        axis=2,
    )
    pulled = slopes * (weights / np.maximum(far, HUBER))[:, :, None]
    curved = pulled.transpose(0, 2, 1) @ slopes
    slope = (pulled.transpose(0, 2, 1) @ off[:, :, None])[:, :, 0]
    for place, mean, spread in _pulls(runs, prior):
        away = thetas[:, place] - mean
        value += SCATTER * 0.5 * (away / spread) ** 2
        slope[:, place] += SCATTER * away / spread**2
        curved[:, place, place] += SCATTER / spread**2
    return value, curved, slope


def _pulls(runs: Points, prior: Prior | None) -> list[tuple[int, float, float]]:
    """Place in theta, mean and standard deviation of each normal prior."""
    if prior is None:
        return []
    floor = prior.floor[0] + float(runs.y.min())
    return [(0, floor, prior.floor[1]), (3, *prior.exponent), (4, *prior.exponent)]


@dataclass(frozen=True)
class Misses:
    """What the law leaves unexplained at the runs, carried to points nearby (kriging, exponential covariance).

    Runs of the same model, or of models alike, miss the law on the same side. left (m, n): misses of n laws, accidents
    cut; inverse (m, m): of the runs' covariance; spread: standard deviation of a miss.
    """

    runs: Points
    left: Array
    inverse: Array
    spread: float

    def carried(self, ln_n: float, ln_d: float) -> tuple[Array, float]:
        """Part of the misses that a run at the point shares (n,), and the standard deviation of the rest."""
        near = _likeness(np.array([ln_n]), np.array([ln_d]), self.runs)[0]
        pull = near @ self.inverse
        rest = max(1 + ALONE - float(pull @ near), ALONE) / (1 + ALONE)
        return np.asarray(pull @ self.left), self.spread * math.sqrt(rest)


def misses(runs: Points, weight: Array, centre: Array, thetas: Sequence[Array] | Array) -> Misses:
    """Misses of the laws `thetas` (n, 5) at the runs. Their spread is that of the law `centre`."""
    off = runs.y - predict(centre, runs.ln_n, runs.ln_d)
    robust = 1.4826 * float(np.median(np.abs(off)))
    kept = np.clip(off, -CLIP * robust, CLIP * robust)
    spread = math.sqrt(float(weight @ kept**2) / float(weight.sum()))
    laws = np.asarray(thetas)
    left = runs.y[:, None] - predict(laws, runs.ln_n[:, None], runs.ln_d[:, None])
    covariance = _likeness(runs.ln_n, runs.ln_d, runs) + ALONE * np.eye(len(off))
    return Misses(
        runs,
        np.clip(left, -CLIP * robust, CLIP * robust),
        np.asarray(np.linalg.inv(covariance), dtype=np.float64),
        spread,
    )


def _likeness(ln_n: Array, ln_d: Array, runs: Points) -> Array:
    """Covariance (k, m) of what points and runs share, 1 for the same point."""
    away = np.abs(ln_n[:, None] - runs.ln_n) + np.abs(ln_d[:, None] - runs.ln_d)
    return np.asarray(np.exp(-away / RANGE))
