"""Student's t distribution: probability and quantile. Our own because loading scipy.special takes longer than a forecast.

With t = sqrt(freedom) sinh(s) the upper tail is half of I_x(freedom / 2, 1 / 2) at x = cosh(s)^-2 (DLMF 8.17), and falls
with s at a rate in proportion to cosh(s)^-freedom: so close to a straight line in logs that a few Newton steps invert it.
"""

from __future__ import annotations

import math

import numpy as np

from groundsill.terms.quantity import Array, beta_probability, normal_quantile

_STEPS = 3  # each doubles the digits of the start, which has two to four


def student_probability(t: float, freedom: float) -> float:
    """Probability of a value up to `t`, with `freedom` degrees of freedom (> 0)."""
    tail = float(_tail(np.array([math.asinh(abs(t) / math.sqrt(freedom))]), freedom)[0])
    return 1.0 - tail if t > 0 else tail


def student_quantile(u: Array, freedom: float) -> Array:
    """Quantiles at the probabilities `u` (n,), inside (0, 1), with `freedom` degrees of freedom, 1 or more.

    Start: Wallace 1959 (Annals of Mathematical Statistics 30 (4), 1121-1130), which turns t into a nearly normal value.
    """
    tail = np.minimum(u, 1.0 - u)
    near_normal = normal_quantile(tail) * ((8.0 * freedom + 3.0) / (8.0 * freedom + 1.0))
    s = np.arcsinh(np.sqrt(np.expm1(near_normal**2 / freedom)))
    top = math.exp(math.lgamma((freedom + 1.0) / 2.0) - math.lgamma(freedom / 2.0)) / math.sqrt(math.pi)
    for _ in range(_STEPS):
        found = _tail(s, freedom)
        s = np.maximum(s + np.log(found / tail) * found / (top * np.cosh(s) ** -freedom), 0.0)
    return np.asarray(np.copysign(math.sqrt(freedom) * np.sinh(s), u - 0.5))


def _tail(s: Array, freedom: float) -> Array:
    """Probability (n,) above t = sqrt(freedom) sinh(s), s (n,) >= 0."""
    return 0.5 * beta_probability(freedom / 2.0, 0.5, np.cosh(s) ** -2.0, np.tanh(s) ** 2)
