"""Power law with one smooth break: error = E + B t^-a (1 + (t / d)^(1/f))^-((c - a) f), with f fixed.

The slope in logs goes from a, before the break at d, to c after it; both are positive, so more labels never do harm.
f, the sharpness of the break, cannot be told from a few rungs.
"""

from __future__ import annotations

import math

import numpy as np

from groundsill.scaling.forms._form import EXPONENT, FLOOR, LEVEL, Form
from groundsill.terms.quantity import Array

BEFORE = (math.log(0.25), 0.9)  # ln of a; c has the prior of all exponents
BREAK = (-1.0, 2.0)  # ln of d
SHARPNESS = 0.3


def _decay(theta: Array, t: Array) -> Array:
    before, after, where = np.exp(theta[:, 2:3]), np.exp(theta[:, 3:4]), theta[:, 4:5]
    u = np.log(t)[None, :]
    bend = np.logaddexp(0.0, (u - where) / SHARPNESS) - np.logaddexp(0.0, -where / SHARPNESS)
    return np.asarray(np.exp(-before * u - (after - before) * SHARPNESS * bend))


FORM = Form("Caballero et al. 2022, arXiv:2210.14891 (one break)", (LEVEL, FLOOR, BEFORE, EXPONENT, BREAK), _decay)
