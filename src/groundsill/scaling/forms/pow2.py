"""Power law without a floor: error = level t^-a (Hestness 2017, called M1 in Alabdulmohsin et al. 2022)."""

from __future__ import annotations

import numpy as np

from groundsill.scaling.forms._form import LEVEL, Form
from groundsill.terms.quantity import Array


def _decay(theta: Array, t: Array) -> Array:
    return np.asarray(np.exp(-np.exp(theta[:, 1:2]) * np.log(t)))


FORM = Form("Alabdulmohsin et al. 2022, arXiv:2209.06640 (M1)", (LEVEL, (-1.8, 1.0)), _decay, floored=False)
