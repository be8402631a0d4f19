"""Shifted power law: error = E + (level - E) ((t + c) / (1 + c))^-a; the shift c lets the start be slow (Mohr 2022)."""

from __future__ import annotations

import math

import numpy as np

from groundsill.scaling.forms._form import EXPONENT, FLOOR, LEVEL, Form
from groundsill.terms.quantity import Array

SHIFT = (math.log(0.1), 1.5)  # ln of c


def _decay(theta: Array, t: Array) -> Array:
    a, shift = np.exp(theta[:, 2]), np.exp(theta[:, 3])
    return np.asarray(np.exp(-a[:, None] * (np.log(t[None, :] + shift[:, None]) - np.log1p(shift)[:, None])))


FORM = Form("Mohr et al. 2022, LCDB 1.0 (ECML PKDD)", (LEVEL, FLOOR, EXPONENT, SHIFT), _decay, starts=True)
