"""Energy that the meter sees, and the CO2 of making it."""

from __future__ import annotations

from groundsill.terms.quantity import KWH, Quantity


def joules(accelerator_seconds: Quantity, power_w: Quantity, utilisation: Quantity, pue: Quantity) -> Quantity:
    """Rated power x load x time x power usage effectiveness; each () or (draws,).

    utilisation: power that is drawn over the rated power of the accelerators. Where the meter is at the wall it holds hosts, network
    cards and fans, and is above 1 in training (the catalogue's `sites/hardware/training_power`).
    """
    return accelerator_seconds * power_w * utilisation * pue


def co2_kg(joules_: Quantity, grid_kg_per_kwh: Quantity) -> Quantity:
    """Kilograms of CO2 equivalents for energy at the meter and the intensity of the grid."""
    return joules_ / KWH * grid_kg_per_kwh
