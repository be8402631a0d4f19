"""Score against parameters and tokens: the arithmetic of the fit. No runs, no files.

With r = error / (1 - chance), the share of what chance leaves open, the law is
    -ln(1 - r) = E + A N^-a + B D^-b,
the three terms of Hoffmann et al. 2022 (arXiv:2203.15556, eq. 2) behind a link that ends at chance, as scores do: small
errors follow the law itself. Below, y is the ln of the left side.
Fitted as there (eq. 3): Huber loss on the logsumexp of the three terms, L-BFGS, starts from variable projection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from groundsill.scaling.three_terms import huber, predict, starts
from groundsill.terms.quantity import Z95, Array

HUBER = 0.1  # of y; families differ by about twice that
PRIOR_EXPONENT = (math.log(0.35), 0.3)  # Besiroglu et al. 2024 (arXiv:2404.10102): 0.35 and 0.37 for loss
PRIOR_FLOOR = (-2.0, 2.0)  # of ln E: a weak pull that keeps E from running away where the runs do not show it
SIGMA = 0.2  # scatter of y that weighs the priors against the runs
BOOTSTRAPS = 200
EDGE = 0.02  # r is kept within (EDGE, 1 - EDGE) of its ends
STARTS = (0.15, 0.35, 0.7)


@dataclass(frozen=True)
class Cloud:
    """Runs as numbers, all (m,): ln N and ln D about their means, y with its standard error, family index."""

    ln_n: Array
    ln_d: Array
    y: Array
    noise: Array
    family: np.ndarray[tuple[int], np.dtype[np.int64]]

    def take(self, keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Cloud:
        """Only some of the runs."""
        return Cloud(self.ln_n[keep], self.ln_d[keep], self.y[keep], self.noise[keep], self.family[keep])


def link(share: Array) -> Array:
    """y of r, kept away from both ends."""
    return np.asarray(np.log(-np.log1p(-np.clip(share, EDGE, 1 - EDGE))))


def unlink(y: Array) -> Array:
    """r of y."""
    return np.asarray(-np.expm1(-np.exp(np.minimum(y, 5.0))))


def link_slope(share: Array) -> Array:
    """dy / dr."""
    r = np.clip(share, EDGE, 1 - EDGE)
    return np.asarray(-1 / ((1 - r) * np.log1p(-r)))


def loss(theta: Array, cloud: Cloud, weight: Array) -> tuple[float, Array]:
    """Huber loss with weak priors, and its gradient (5,)."""
    scale = weight / (SIGMA**2 + cloud.noise**2)
    value, gradient = huber(theta, (cloud.ln_n, cloud.ln_d, cloud.y), scale, HUBER)
    for place, (mean, spread) in ((0, PRIOR_FLOOR), (3, PRIOR_EXPONENT), (4, PRIOR_EXPONENT)):
        value += 0.5 * float((theta[place] - mean) / spread) ** 2
        gradient[place] += (theta[place] - mean) / spread**2
    return value, gradient


def best(cloud: Cloud, weight: Array, start: Array | None = None) -> Array:
    """theta (5,) with the least loss; from `start`, or from the best cells of a grid of exponents."""
    from scipy.optimize import minimize

    begin = [start] if start is not None else _projected(cloud, weight)
    found = [minimize(loss, s, args=(cloud, weight), jac=True, method="L-BFGS-B") for s in begin]
    return np.asarray(min(found, key=lambda f: float(f.fun)).x, dtype=np.float64)


def _projected(cloud: Cloud, weight: Array) -> list[Array]:
    """Starts of the search: the best cells of a grid of exponents, by variable projection."""

    def score(start: Array) -> float:
        return loss(start, cloud, weight)[0]

    return starts((cloud.ln_n, cloud.ln_d, cloud.y), weight, STARTS, score, 1e-3, 3)


@dataclass(frozen=True)
class Fitted:
    """thetas (BOOTSTRAPS, 5) from resampled families; scatter: standard deviation of r of a new family's model about
    the law (in r it is the same near chance and far from it; in y it is not); reach: distance in (ln N, ln D) to the nearest run of another family that the scatter was seen at."""

    thetas: Array
    scatter: float
    reach: float


def fit(cloud: Cloud, rng: np.random.Generator) -> Fitted:
    """Law, its doubt (bootstrap over whole families) and the scatter between families (each left out in turn)."""
    families = np.unique(cloud.family)
    even = np.ones_like(cloud.y)
    centre = best(cloud, even)
    thetas = np.empty((BOOTSTRAPS, 5))
    for i in range(BOOTSTRAPS):
        times = rng.multinomial(len(families), np.full(len(families), 1 / len(families)))
        weight = times[np.searchsorted(families, cloud.family)].astype(np.float64)
        thetas[i] = best(cloud, weight, centre)
    scores = []
    for family in families:
        out = cloud.family == family
        rest, held = cloud.take(~out), cloud.take(out)
        theta = best(rest, np.ones_like(rest.y), centre)
        miss = unlink(held.y) - unlink(predict(theta[None, :], held.ln_n, held.ln_d))
        weight = np.full(len(miss), 1 / math.sqrt(len(miss)))  # between one vote a run and one a family
        noise = held.noise / link_slope(unlink(held.y))
        scores.append(np.stack([miss, noise, weight, distance(rest, held.ln_n, held.ln_d)]))
    miss, noise, weight, near = np.concatenate(scores, axis=1)
    return Fitted(thetas, _scatter(miss, noise, weight), float(np.quantile(near, 0.9)))


def _scatter(miss: Array, noise: Array, weight: Array) -> float:
    """Standard deviation that, with the runs' own noise, makes a normal 90 % interval hold 90 % of the misses, the
    largest counted twice for the family that is not there yet."""
    low, high = 0.0, float(np.abs(miss).max())
    for _ in range(40):
        middle = (low + high) / 2
        inside = np.abs(miss) <= Z95 * np.hypot(middle, noise)
        enough = weight[inside].sum() / (weight.sum() + weight.max()) >= 0.9
        low, high = (low, middle) if enough else (middle, high)
    return high


def distance(cloud: Cloud, ln_n: Array, ln_d: Array) -> Array:
    """Distance (k,) in (ln N, ln D) from each point to the nearest run."""
    squares = (ln_n[:, None] - cloud.ln_n) ** 2 + (ln_d[:, None] - cloud.ln_d) ** 2
    return np.asarray(np.sqrt(squares.min(axis=1)))
