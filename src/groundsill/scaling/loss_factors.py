"""What public loss surfaces taught: the prior of the law, and how much wider than the bootstrap an interval must be.

`loss_factors.toml` is written by benchmarks/make_loss_factors.py. Split-conformal (Vovk et al. 2005), one factor a side.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from groundsill.scaling.loss_fit import Prior
from groundsill.terms.quantity import Array


@dataclass(frozen=True)
class Table:
    """Prior of the law; how far draws of ln loss move away from their median, below and above; the largest ratio of
    compute that was back-tested; how many surfaces."""

    prior: Prior
    below: float = 1.0
    above: float = 1.0
    farthest: float = np.inf
    surfaces: int = 0

    def widen(self, draws: Array) -> Array:
        """`draws` (n,) moved away from their median; their order stays."""
        off = draws - np.median(draws)
        return np.asarray(draws - off + np.where(off < 0, self.below, self.above) * off)


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
    )  # fmt: skip
