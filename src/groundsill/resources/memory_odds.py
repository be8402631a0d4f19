"""How far off the peak may be: the allocator, the driver, and a log-normal error around them.

The error of a forecast is a level of the software and of the way it is measured, plus noise; both start from what is
learnt over published suites and are narrowed by own runs with conjugate arithmetic (Gelman et al., Bayesian Data Analysis,
3rd edition, section 5.4, known variances).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from groundsill.resources import factors
from groundsill.terms.quantity import Z90, Z95, Array, Quantity

GIB = 2.0**30


@dataclass(frozen=True)
class MemoryFactors:
    """fragmentation: share of the tensors that the allocator holds beyond them (3 to 8 % is usual). context_bytes: of the driver and
    its kernels; communicator_bytes: of one group's buffers. level_sd, noise_sd: of the log error, between softwares and
    within one; shift: mean of the log error of this software, 0 until own runs tell; level_sd falls with them."""

    fragmentation: float = 0.055
    context_bytes: float = 0.75 * GIB
    communicator_bytes: float = 0.375 * GIB
    level_sd: float = 0.07
    noise_sd: float = 0.06
    shift: float = 0.0

    @property
    def sd(self) -> float:
        """Of the log error of one forecast."""
        return math.hypot(self.level_sd, self.noise_sd)

    def updated(self, predicted: Sequence[float], measured: Sequence[float]) -> MemoryFactors:
        """After own runs: bytes forecast (without `shift`) and measured. Shifts the level and narrows it."""
        if not predicted:
            return self
        errors = np.log(np.asarray(measured, dtype=np.float64) / np.asarray(predicted, dtype=np.float64))
        before, each = 1.0 / self.level_sd**2, 1.0 / self.noise_sd**2
        after = before + len(errors) * each
        shift = (before * self.shift + each * float(errors.sum())) / after
        return replace(self, shift=shift, level_sd=after**-0.5)


@cache
def shipped() -> MemoryFactors:
    """The coefficients that come with the package, made by benchmarks/make_resource_factors.py."""
    return from_table(factors.shipped("memory"))


def from_table(table: Mapping[str, Any]) -> MemoryFactors:
    """Read from a table; what begins with an underscore is not a coefficient."""
    return MemoryFactors(**{name: float(value) for name, value in table.items() if not name.startswith("_")})


def read_factors(given: Mapping[str, Any] | MemoryFactors | None) -> MemoryFactors:
    """Whatever was given as coefficients: a table, the type itself, or nothing for the shipped ones."""
    if given is None:
        return shipped()
    return given if isinstance(given, MemoryFactors) else from_table(given)


def fits_probability(
    bytes_: Quantity, limit_bytes: Quantity, coefficients: Mapping[str, Any] | MemoryFactors | None = None
) -> Quantity:
    """Probability that a forecast of `bytes_` stays within `limit_bytes`: () or (plans,)."""
    known = read_factors(coefficients)
    z = (np.log(np.asarray(limit_bytes) / np.asarray(bytes_, dtype=np.float64)) - known.shift) / known.sd
    odds = _normal_cdf(np.asarray(z, dtype=np.float64))
    return odds if odds.ndim else float(odds)


def interval(
    bytes_: Quantity, share: float = 0.8, coefficients: Mapping[str, Any] | MemoryFactors | None = None
) -> tuple[Quantity, Quantity]:
    """Ends of the central interval that holds the truth with probability `share` (0.8 or 0.9)."""
    known = read_factors(coefficients)
    half = {0.8: Z90, 0.9: Z95}[share] * known.sd
    return bytes_ * math.exp(known.shift - half), bytes_ * math.exp(known.shift + half)


def _normal_cdf(z: Array) -> Array:
    """Phi(z) without scipy (slow to load): Python's own erf, value by value, is exact; arrays of a million are rare."""
    erf = np.frompyfunc(math.erf, 1, 1)
    return np.asarray(0.5 * (1.0 + np.asarray(erf(z / math.sqrt(2.0)), dtype=np.float64)), dtype=np.float64)
