"""What public loss surfaces taught: the prior of the law, and how much wider than the bootstrap an interval must be.

`loss_factors.toml` is written by benchmarks/make_loss_factors.py. Split-conformal (Vovk et al. 2005), one factor a side.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from groundsill.scaling.loss_fit import Prior
from groundsill.terms.quantity import Array

NEAR, FAR = 8.0, 16.0  # times the compute of the largest run: the two distances at which public suites were cut


@dataclass(frozen=True)
class Table:
    """Prior of the law; how far draws of ln loss move away from their median, below and above, up to NEAR times the
    compute of the largest run and (`far_`, where given) at FAR times; the largest ratio of compute at which the interval
    holds on suites that it was not made from; how many surfaces."""

    prior: Prior
    below: float = 1.0
    above: float = 1.0
    farthest: float = np.inf
    surfaces: int = 0
    far_below: float | None = None
    far_above: float | None = None

    def widen(self, draws: Array, ratio: float = 1.0) -> Array:
        """`draws` (n,) at `ratio` times the compute of the largest run, moved away from their median; their order stays.
        Between NEAR and FAR the factors grow with the log of the ratio, and go on to grow beyond."""
        beyond = max(math.log(ratio / NEAR), 0.0) / math.log(FAR / NEAR)
        near, far = (self.below, self.above), (self.far_below, self.far_above)
        below, above = (n + beyond * (max(f or n, n) - n) for n, f in zip(near, far, strict=True))
        off = draws - np.median(draws)
        return np.asarray(draws - off + np.where(off < 0, below, above) * off)


@cache
def table() -> Table:
    """The shipped values."""
    path = resources.files(__package__ or "groundsill.scaling") / "loss_factors.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    prior, factor = data["prior"], data["factor"]
    exponent, floor = prior["ln_exponent"], prior["ln_floor_share"]
    return Table(
        Prior((float(exponent[0]), float(exponent[1])), (float(floor[0]), float(floor[1]))),
        float(factor["below"]), float(factor["above"]), float(factor["farthest"]), int(factor["surfaces"]),
        float(factor["far_below"]), float(factor["far_above"]),
    )  # fmt: skip
