"""Energy that the meter sees, and the CO2 of making it."""

from __future__ import annotations

import numpy as np

from groundsill.terms.quantity import KWH, Quantity

USUAL_LOAD = 0.75
"""Mean draw over rated power of a GPU in training (Cottier et al. 2024, arXiv 2405.21015: 0.75 of a server's; 0.43 for TPU)."""
HOST_SHARE = 0.63
"""Draw of host, network cards and fans for each watt that the accelerators draw: with USUAL_LOAD it gives the 6,849 W that nodes
of 8 H100 (700 W each) drew at the wall for GPT-3 (MLPerf Training v4.0 power logs, mean of a submission; unofficial)."""


def joules(accelerator_seconds: Quantity, power_w: Quantity, utilisation: Quantity, pue: Quantity) -> Quantity:
    """Rated power x load x time x power usage effectiveness; each () or (draws,).

    The draw of an idle machine is left out: at low load this is too little (`metered_joules` has it).
    """
    return accelerator_seconds * power_w * utilisation * pue


def metered_joules(
    busy_seconds: Quantity,
    power_w: Quantity,
    *,
    load: Quantity = USUAL_LOAD,
    idle_seconds: Quantity = 0.0,
    idle: Quantity = 0.15,
    host: Quantity = 0.0,
    pue: Quantity = 1.0,
) -> Quantity:
    """Joules of accelerators that work for `busy_seconds` and wait for `idle_seconds` (accelerator seconds).

    load, idle: draw over rated power while at work and while waiting; host: power of the rest of the server for each watt
    of rated accelerator power (0: the meter is on the accelerator). Each () or (draws,).
    """
    accelerator = power_w * (np.asarray(load) * busy_seconds + np.asarray(idle) * idle_seconds)
    rest = power_w * np.asarray(host) * (np.asarray(busy_seconds) + idle_seconds) * load
    total = (accelerator + rest) * pue
    return np.asarray(total) if np.ndim(total) else float(total)


def co2_kg(joules_: Quantity, grid_kg_per_kwh: Quantity) -> Quantity:
    """Kilograms of CO2 equivalents for energy at the meter and the intensity of the grid."""
    return joules_ / KWH * grid_kg_per_kwh
