"""Power law without a floor: error = level t^-a (Hestness 2017, called M1 in Alabdulmohsin et al. 2022)."""

from __future__ import annotations

import numpy as np

from groundsill.scaling.forms import _prior
from groundsill.terms.quantity import Array

NAME = "pow2"
SOURCE = "Alabdulmohsin et al. 2022, arXiv:2209.06640 (M1)"
PARAMETERS = ("ln_level", "ln_exponent")
PRIOR = (_prior.LEVEL, (-1.8, 1.0))


def value(theta: Array, t: Array) -> Array:
    """Error (n, k); infinite at t = 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.asarray(np.exp(theta[:, :1] - np.exp(theta[:, 1:]) * np.log(t)))


def at_zero(theta: Array) -> Array:
    """No finite start."""
    return np.full(len(theta), np.inf)


def floor(theta: Array) -> Array:
    """Nothing stops it, (n,)."""
    return np.zeros(len(theta))


def sample(n: int, rng: np.random.Generator) -> Array:
    """Draws of the prior, (n, 2)."""
    return _prior.draw(PRIOR, n, rng)


def log_prior(theta: Array) -> Array:
    """Log density of the prior, (n,)."""
    return _prior.log_density(theta, PRIOR)
