"""Rectified law (Morgan-Mercer-Flodin): error = E + B / (D + x^a), a logistic in ln x (Lin et al. 2024).

Written by the point where half of the way is gone: error = E + (level - E) (1 + h^-a) / (1 + (t / h)^a).
"""

from __future__ import annotations

import math

import numpy as np

from groundsill.scaling.forms import _prior
from groundsill.terms.quantity import Array

NAME = "mmf"
SOURCE = "Lin et al. 2024, arXiv:2402.02314"
PARAMETERS = ("ln_level", "logit_floor", "ln_exponent", "ln_half")
PRIOR = (_prior.LEVEL, (0.0, math.nan), (math.log(0.5), 0.8), (0.0, 3.0))


def _decay(theta: Array, t: Array) -> Array:
    a, half = np.exp(theta[:, 2]), theta[:, 3]
    with np.errstate(divide="ignore", over="ignore"):
        away = a[:, None] * (np.log(t)[None, :] - half[:, None])
        return np.asarray(np.exp(np.logaddexp(0.0, -a * half)[:, None] - np.logaddexp(0.0, away)))


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
