"""Power law with a floor: error = E + (level - E) t^-a (Hestness 2017; the usual default)."""

from __future__ import annotations

import numpy as np

from groundsill.scaling.forms._form import EXPONENT, FLOOR, LEVEL, Form
from groundsill.terms.quantity import Array


def _decay(theta: Array, t: Array) -> Array:
    return np.asarray(np.exp(-np.exp(theta[:, 2:3]) * np.log(t)))


FORM = Form("Hestness et al. 2017, arXiv:1712.00409", (LEVEL, FLOOR, EXPONENT), _decay)
