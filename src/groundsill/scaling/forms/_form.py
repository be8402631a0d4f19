"""What all forms are made of: error = level (floor + (1 - floor) decay(t)), with decay(1) = 1, and their priors.

Values: weak priors of the back-test on public curves (see factors.toml).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from groundsill.terms.quantity import Array

LEVEL = (0.0, 0.4)  # ln of error at the largest rung over the error observed there
FLOOR = (0.0, math.nan)  # logit of the floor as a share of the level: logistic, that is a uniform share
EXPONENT = (math.log(0.35), 0.8)  # ln of the exponent: published exponents lie between 0.07 and 1 (Hestness 2017)


@dataclass(frozen=True)
class Form:
    """A shape of curve. All its parameters theta (n, p) are unbounded reals: ln level, logit floor, then those of decay.

    decay(theta, t): (n, k) at t (k,), the labels divided by those of the largest rung; the error comes in units of the
    error observed there, so that neither units of x nor the metric's scale matter. prior: mean and standard deviation
    of each parameter. floored: has the second parameter a floor in it. starts: is decay finite at t = 0.
    """

    source: str
    prior: tuple[tuple[float, float], ...]
    decay: Callable[[Array, Array], Array]
    floored: bool = True
    starts: bool = False

    def value(self, theta: Array, t: Array) -> Array:
        """Error (n, k); infinite at t = 0 where the form has no start."""
        level, floor = np.exp(theta[:, 0]), self._share(theta)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return np.asarray(level[:, None] * (floor[:, None] + (1 - floor)[:, None] * self.decay(theta, t)))

    def at_zero(self, theta: Array) -> Array:
        """Error without any label, (n,); infinite where the form has no start."""
        return self.value(theta, np.zeros(1))[:, 0] if self.starts else np.full(len(theta), np.inf)

    def floor(self, theta: Array) -> Array:
        """Error with endless labels, (n,)."""
        return np.asarray(np.exp(theta[:, 0]) * self._share(theta))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draws of the prior, (n, p)."""
        means = np.array([m for m, _ in self.prior])
        spreads = np.array([s for _, s in self.prior])
        logistic = np.isnan(spreads)
        out = means + np.where(logistic, 1.0, spreads) * rng.standard_normal((n, len(self.prior)))
        out[:, logistic] = rng.logistic(size=(n, int(logistic.sum())))
        return out

    def log_prior(self, theta: Array) -> Array:
        """Log density of the prior, up to a constant that is the same for all theta; (n,)."""
        out = np.zeros(len(theta))
        for column, (mean, spread) in zip(theta.T, self.prior, strict=True):
            if math.isnan(spread):
                out += -np.abs(column) - 2 * np.log1p(np.exp(-np.abs(column)))
            else:
                out += -0.5 * ((column - mean) / spread) ** 2 - math.log(spread * math.sqrt(2 * math.pi))
        return out

    def _share(self, theta: Array) -> Array:
        """Floor over level, (n,)."""
        return np.asarray(0.5 * (1 + np.tanh(0.5 * theta[:, 1]))) if self.floored else np.zeros(len(theta))
