"""Energy that the meter sees."""

from __future__ import annotations

from groundsill.terms.quantity import Quantity


def joules(accelerator_seconds: Quantity, power_w: Quantity, utilisation: Quantity, pue: Quantity) -> Quantity:
    """Rated power x load x time x power usage effectiveness; each () or (draws,).

    The draw of an idle machine is left out: at low load this is too little.
    """
    return accelerator_seconds * power_w * utilisation * pue
