"""Rectified law (Morgan-Mercer-Flodin): error = E + B / (D + x^a), a logistic in ln x (Lin et al. 2024).

Written by the point where half of the way is gone: error = E + (level - E) (1 + h^-a) / (1 + (t / h)^a).
"""

from __future__ import annotations

import math

import numpy as np

from groundsill.scaling.forms._form import FLOOR, LEVEL, Form
from groundsill.terms.quantity import Array

STEEPNESS = (math.log(0.5), 0.8)  # ln of a
HALF = (0.0, 3.0)  # ln of h


def _decay(theta: Array, t: Array) -> Array:
    a, half = np.exp(theta[:, 2]), theta[:, 3]
    away = a[:, None] * (np.log(t)[None, :] - half[:, None])
    return np.asarray(np.exp(np.logaddexp(0.0, -a * half)[:, None] - np.logaddexp(0.0, away)))


FORM = Form("Lin et al. 2024, arXiv:2402.02314", (LEVEL, FLOOR, STEEPNESS, HALF), _decay, starts=True)
