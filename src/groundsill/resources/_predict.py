"""Prediction of the next value from a few positive ones: log-normal values, unknown mean and scatter."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from groundsill.resources._student import student_probability, student_quantile
from groundsill.terms.quantity import Array


def next_value(
    values: Sequence[float], u: Array, *, prior_sd: float, prior_weight: float, highest: float = math.inf
) -> Array:
    """Draws (n,) of the next value at the probabilities `u` (n,): Student's t in logs, cut off at `highest`.

    Flat prior on the mean; scaled inverse chi-squared prior on the scatter, as if `prior_weight` residuals of size
    `prior_sd` had been seen (Gelman et al., Bayesian Data Analysis, 3rd edition, sections 2.6 and 3.2). The probabilities
    are given, so that the first k draws are the same whatever n is.
    """
    logs = np.log(np.asarray(values, dtype=np.float64))
    mean = float(logs.mean())
    freedom = prior_weight + len(logs) - 1.0
    scale = math.sqrt((prior_weight * prior_sd**2 + float(((logs - mean) ** 2).sum())) / freedom)
    spread = scale * math.sqrt(1 + 1 / len(logs))
    share = 1.0 if math.isinf(highest) else student_probability((math.log(highest) - mean) / spread, freedom)
    return np.exp(mean + spread * student_quantile(np.clip(u, 1e-12, 1 - 1e-12) * share, freedom))
