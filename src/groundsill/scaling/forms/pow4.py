"""Shifted power law: error = E + (level - E) ((t + c) / (1 + c))^-a; the shift c lets the start be slow (Mohr 2022)."""

from __future__ import annotations

import math

import numpy as np

from groundsill.scaling.forms import _prior
from groundsill.terms.quantity import Array

NAME = "pow4"
SOURCE = "Mohr et al. 2022, LCDB 1.0 (ECML PKDD)"
PARAMETERS = ("ln_level", "logit_floor", "ln_exponent", "ln_shift")
PRIOR = (_prior.LEVEL, (0.0, math.nan), _prior.EXPONENT, (math.log(0.1), 1.5))


def _decay(theta: Array, t: Array) -> Array:
    a, shift = np.exp(theta[:, 2]), np.exp(theta[:, 3])
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(-a[:, None] * (np.log(t[None, :] + shift[:, None]) - np.log1p(shift)[:, None])))


def value(theta: Array, t: Array) -> Array:
    """Error (n, k); finite at t = 0."""
    level, floor = np.exp(theta[:, 0]), _prior.share(theta[:, 1])
    return np.asarray(level[:, None] * (floor[:, None] + (1 - floor)[:, None] * _decay(theta, t)))


def at_zero(theta: Array) -> Array:
    """Error without labels, (n,)."""
    return value(theta, np.zeros(1))[:, 0]


def floor(theta: Array) -> Array:
    """E, (n,)."""
    return np.asarray(np.exp(theta[:, 0]) * _prior.share(theta[:, 1]))


def sample(n: int, rng: np.random.Generator) -> Array:
    """Draws of the prior, (n, 4)."""
    return _prior.draw(PRIOR, n, rng)


def log_prior(theta: Array) -> Array:
    """Log density of the prior, (n,)."""
    return _prior.log_density(theta, PRIOR)
