"""Power law with one smooth break: error = E + B t^-a (1 + (t / d)^(1/f))^-((c - a) f), with f fixed.

The slope in logs goes from a, before the break at d, to c after it; both are positive, so more labels never do harm.
f, the sharpness of the break, cannot be told from a few rungs.
"""

from __future__ import annotations

import math

import numpy as np

from groundsill.scaling.forms import _prior
from groundsill.terms.quantity import Array

NAME = "bnsl"
SOURCE = "Caballero et al. 2022, arXiv:2210.14891 (one break)"
PARAMETERS = ("ln_level", "logit_floor", "ln_before", "ln_after", "ln_break")
PRIOR = (_prior.LEVEL, (0.0, math.nan), (math.log(0.25), 0.9), _prior.EXPONENT, (-1.0, 2.0))
SHARPNESS = 0.3


def _decay(theta: Array, t: Array) -> Array:
    before, after, where = np.exp(theta[:, 2:3]), np.exp(theta[:, 3:4]), theta[:, 4:5]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        u = np.log(t)[None, :]
        bend = np.logaddexp(0.0, (u - where) / SHARPNESS) - np.logaddexp(0.0, -where / SHARPNESS)
        return np.asarray(np.exp(-before * u - (after - before) * SHARPNESS * bend))


def value(theta: Array, t: Array) -> Array:
    """Error (n, k); infinite at t = 0."""
    level, floor = np.exp(theta[:, 0]), _prior.share(theta[:, 1])
    return np.asarray(level[:, None] * (floor[:, None] + (1 - floor)[:, None] * _decay(theta, t)))


def at_zero(theta: Array) -> Array:
    """No finite start."""
    return np.full(len(theta), np.inf)


def floor(theta: Array) -> Array:
    """E, (n,)."""
    return np.asarray(np.exp(theta[:, 0]) * _prior.share(theta[:, 1]))


def sample(n: int, rng: np.random.Generator) -> Array:
    """Draws of the prior, (n, 5)."""
    return _prior.draw(PRIOR, n, rng)


def log_prior(theta: Array) -> Array:
    """Log density of the prior, (n,)."""
    return _prior.log_density(theta, PRIOR)
