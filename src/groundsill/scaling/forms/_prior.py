"""Priors that the forms share. Values: weak priors of the back-test on public curves (see factors.toml)."""

from __future__ import annotations

import math

import numpy as np

from groundsill.terms.quantity import Array

LEVEL = (0.0, 0.4)  # ln of error at the largest rung over the error observed there
EXPONENT = (math.log(0.35), 0.8)  # ln of the exponent: published exponents lie between 0.07 and 1 (Hestness 2017)


def draw(normals: tuple[tuple[float, float], ...], n: int, rng: np.random.Generator) -> Array:
    """(n, p): normal in each column; a column given as (0, nan) is logistic, that is uniform after `share`."""
    means = np.array([m for m, _ in normals])
    spreads = np.array([s for _, s in normals])
    logistic = np.isnan(spreads)
    out = means + np.where(logistic, 1.0, spreads) * rng.standard_normal((n, len(normals)))
    out[:, logistic] = rng.logistic(size=(n, int(logistic.sum())))
    return out


def log_density(theta: Array, normals: tuple[tuple[float, float], ...]) -> Array:
    """Log density of `draw` at theta (n, p), up to a constant that is the same for all theta; shape (n,)."""
    out = np.zeros(len(theta))
    for column, (mean, spread) in zip(theta.T, normals, strict=True):
        if math.isnan(spread):
            out += -np.abs(column) - 2 * np.log1p(np.exp(-np.abs(column)))
        else:
            out += -0.5 * ((column - mean) / spread) ** 2 - math.log(spread * math.sqrt(2 * math.pi))
    return out


def share(x: Array) -> Array:
    """Real line to (0, 1)."""
    return 0.5 * (1 + np.tanh(0.5 * x))
