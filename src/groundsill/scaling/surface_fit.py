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


def predict(theta: Array, ln_n: Array, ln_d: Array) -> Array:
    """y, (n,) or broadcast, at parameters theta (n, 5): ln E, ln A, ln B, ln a, ln b."""
    e, a, b, alpha, beta = theta.T
    return np.asarray(np.logaddexp(np.logaddexp(e, a - np.exp(alpha) * ln_n), b - np.exp(beta) * ln_d))


def loss(theta: Array, cloud: Cloud, weight: Array) -> tuple[float, Array]:
    """Huber loss with weak priors, and its gradient (5,)."""
    e, a, b = theta[:3]
    alpha, beta = np.exp(theta[3:])
    terms = np.stack([np.full_like(cloud.y, e), a - alpha * cloud.ln_n, b - beta * cloud.ln_d])
    top = terms.max(axis=0)
    parts = np.exp(terms - top)
    total = parts.sum(axis=0)
    share = parts / total
    off = top + np.log(total) - cloud.y
    scale = weight / (SIGMA**2 + cloud.noise**2)
    small = np.abs(off) <= HUBER
    value = scale @ np.where(small, 0.5 * off**2, HUBER * (np.abs(off) - 0.5 * HUBER))
    slope = scale * np.clip(off, -HUBER, HUBER)
    gradient = np.array([
        slope @ share[0], slope @ share[1], slope @ share[2],
        -(slope * share[1]) @ cloud.ln_n * alpha, -(slope * share[2]) @ cloud.ln_d * beta,
    ])  # fmt: skip
    for place, (mean, spread) in ((0, PRIOR_FLOOR), (3, PRIOR_EXPONENT), (4, PRIOR_EXPONENT)):
        value += 0.5 * ((theta[place] - mean) / spread) ** 2
        gradient[place] += (theta[place] - mean) / spread**2
    return float(value), gradient


def best(cloud: Cloud, weight: Array, start: Array | None = None) -> Array:
    """theta (5,) with the least loss; from `start`, or from the best cells of a grid of exponents."""
    from scipy.optimize import minimize

    starts = [start] if start is not None else _projected(cloud, weight)
    found = [minimize(loss, s, args=(cloud, weight), jac=True, method="L-BFGS-B") for s in starts]
    return np.asarray(min(found, key=lambda f: float(f.fun)).x, dtype=np.float64)


def _projected(cloud: Cloud, weight: Array, most: int = 3) -> list[Array]:
    """Variable projection: at each pair of exponents E, A, B by non-negative least squares; the best few pairs."""
    from scipy.optimize import nnls

    found = []
    scale = np.sqrt(weight) / np.exp(cloud.y)  # residuals relative to the value
    for alpha in STARTS:
        for beta in STARTS:
            columns = np.column_stack([np.ones_like(cloud.y), np.exp(-alpha * cloud.ln_n), np.exp(-beta * cloud.ln_d)])
            terms, _ = nnls(columns * scale[:, None], np.exp(cloud.y) * scale)
            start = np.array([*np.log(np.maximum(terms, 1e-3)), math.log(alpha), math.log(beta)])
            found.append((loss(start, cloud, weight)[0], start))
    found.sort(key=lambda pair: pair[0])
    return [start for _, start in found[:most]]


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
