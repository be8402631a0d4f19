"""Posterior of one form by tempered importance sampling with moves (Chopin 2002; Del Moral, Doucet and Jasra 2006).

Draws of the prior are weighted towards the posterior in steps small enough that half of them count, resampled, and
moved by differences of other draws (ter Braak 2006), which follow a bent posterior where a fitted ellipse cannot.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from groundsill.terms.quantity import Array

SIZE = 1500  # draws of one form; resampled to what the caller asks for
MOVES, LAST_MOVES = 4, 12
KEPT_SHARE = 0.5  # effective share of the draws that one step may leave
SCALES = (1.0, 0.5, 0.15)


@dataclass(frozen=True)
class Posterior:
    """Equally likely draws theta (SIZE, p); evidence: log of the marginal likelihood."""

    theta: Array
    evidence: float


def posterior(
    log_likelihood: Callable[[Array], Array],
    log_prior: Callable[[Array], Array],
    start: Array,
    rng: np.random.Generator,
) -> Posterior:
    """Draws of prior x likelihood, from prior draws `start` (m, p). Both functions map (m, p) to (m,)."""
    theta, fit, prior = start, log_likelihood(start), log_prior(start)
    heat, evidence = 0.0, 0.0
    while heat < 1.0:
        step = _step(fit, 1.0 - heat)
        gain = step * fit
        top = float(gain.max())
        weight = np.exp(gain - top)
        evidence += top + math.log(float(weight.mean()))
        heat = 1.0 if step >= 1.0 - heat else heat + step
        chosen = _resample(weight / weight.sum(), rng)
        theta, fit, prior = theta[chosen], fit[chosen], prior[chosen]
        for _ in range(MOVES if heat < 1.0 else LAST_MOVES):
            proposed = _moved(theta, rng)
            new_fit, new_prior = log_likelihood(proposed), log_prior(proposed)
            better = heat * (new_fit - fit) + new_prior - prior
            taken = np.log(rng.random(len(theta))) < better
            theta = np.where(taken[:, None], proposed, theta)
            fit, prior = np.where(taken, new_fit, fit), np.where(taken, new_prior, prior)
    return Posterior(theta, evidence)


def _step(fit: Array, most: float) -> float:
    """Largest rise of the power of the likelihood, at most `most`, that leaves KEPT_SHARE of the draws effective."""
    centred = fit - fit.max()

    def enough(step: float) -> bool:
        weight = np.exp(step * centred)
        return bool(weight.sum() ** 2 >= KEPT_SHARE * len(fit) * (weight**2).sum())

    if enough(most):
        return most
    low, high = -30.0, math.log(most)  # of ln step
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(math.exp(middle)) else (low, middle)
    return math.exp(low)


def _resample(weight: Array, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Systematic resampling: indices (m,)."""
    m = len(weight)
    edges = np.cumsum(weight)
    edges[-1] = 1.0
    return np.searchsorted(edges, (np.arange(m) + rng.random()) / m).astype(np.int64)


def _moved(theta: Array, rng: np.random.Generator) -> Array:
    """Each draw moved by a scaled difference of two others."""
    m, p = theta.shape
    one, two = rng.integers(m, size=m), rng.integers(m, size=m)
    scale = 2.38 / math.sqrt(2 * p) * np.asarray(SCALES)[rng.integers(len(SCALES), size=m)]
    jitter = 1e-4 * rng.standard_normal((m, p))
    return np.asarray(theta + scale[:, None] * (theta[one] - theta[two]) + jitter)
