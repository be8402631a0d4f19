"""Power law with a floor: error = E + (level - E) t^-a (Hestness 2017; the usual default)."""

from __future__ import annotations

import math

import numpy as np

from groundsill.scaling.forms import _prior
from groundsill.terms.quantity import Array

NAME = "pow3"
SOURCE = "Hestness et al. 2017, arXiv:1712.00409"
PARAMETERS = ("ln_level", "logit_floor", "ln_exponent")
PRIOR = (_prior.LEVEL, (0.0, math.nan), _prior.EXPONENT)


def value(theta: Array, t: Array) -> Array:
    """Error (n, k); infinite at t = 0."""
    level, floor, a = np.exp(theta[:, 0]), _prior.share(theta[:, 1]), np.exp(theta[:, 2])
    with np.errstate(divide="ignore", over="ignore"):
        decay = np.exp(-a[:, None] * np.log(t))
    return np.asarray(level[:, None] * (floor[:, None] + (1 - floor)[:, None] * decay))


def at_zero(theta: Array) -> Array:
    """No finite start."""
    return np.full(len(theta), np.inf)


def floor(theta: Array) -> Array:
    """E, (n,)."""
    return np.asarray(np.exp(theta[:, 0]) * _prior.share(theta[:, 1]))


def sample(n: int, rng: np.random.Generator) -> Array:
    """Draws of the prior, (n, 3)."""
    return _prior.draw(PRIOR, n, rng)


def log_prior(theta: Array) -> Array:
    """Log density of the prior, (n,)."""
    return _prior.log_density(theta, PRIOR)
