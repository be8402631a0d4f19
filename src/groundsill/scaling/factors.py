"""How much wider than the posterior an interval must be, as measured on public curves (split-conformal, Vovk 2005).

`factors.toml` is written by benchmarks/make_scaling_factors.py. A kind without calibration takes the widest factor.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from groundsill.terms.candidate import Candidate
from groundsill.terms.quantity import Array

WIDEST = "widest"
LEVEL = "level"  # curves that do not move yet, or no more


@dataclass(frozen=True)
class Factor:
    """How far draws of ln error move away from their median, by side and depth.

    `inner` holds at the quartiles, `outer` at the 5 and 95 % quantiles and beyond, straight lines between.
    kind: the kind of curves that it was measured on, `widest` if none fits; curves: how many.
    """

    kind: str
    below_inner: float = 1.0
    below_outer: float = 1.0
    above_inner: float = 1.0
    above_outer: float = 1.0
    curves: int = 0

    def widen(self, draws: Array) -> Array:
        """`draws` (n, k) moved away from the median of each column; the order of the draws stays."""
        q05, q25, q50, q75, q95 = np.quantile(draws, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
        off = draws - q50
        below = _stretched(-off, q50 - q25, q50 - q05, self.below_inner, self.below_outer)
        above = _stretched(off, q75 - q50, q95 - q50, self.above_inner, self.above_outer)
        return np.asarray(q50 + np.where(off < 0, -below, above))

    def wider(self, other: Factor) -> Factor:
        """The larger of the two everywhere; kind and count stay."""
        return Factor(
            self.kind,
            max(self.below_inner, other.below_inner),
            max(self.below_outer, other.below_outer),
            max(self.above_inner, other.above_inner),
            max(self.above_outer, other.above_outer),
            self.curves,
        )


SIDES = ("below_inner", "below_outer", "above_inner", "above_outer")
PLAIN = Factor("none")


def _stretched(off: Array, quarter: Array, tail: Array, inner: float, outer: float) -> Array:
    """Distances `off` (n, k) mapped by the line through 0, (quarter, inner quarter) and (tail, outer tail)."""
    knee = np.minimum(inner * quarter, outer * tail)
    near = knee * off / np.maximum(quarter, 1e-300)
    middle = knee + (outer * tail - knee) * (off - quarter) / np.maximum(tail - quarter, 1e-300)
    return np.where(off <= quarter, near, np.where(off <= tail, middle, outer * off))


@cache
def table() -> Mapping[str, Factor]:
    """Shipped factors by kind, `widest` among them."""
    path = resources.files(__package__ or "groundsill.scaling") / "factors.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))["kinds"]
    known: dict[str, Factor] = {}
    for kind, row in data.items():
        sides = [float(row[side]) for side in SIDES]
        known[kind] = Factor(kind, sides[0], sides[1], sides[2], sides[3], int(row["curves"]))
    widest = Factor(WIDEST)
    for kind, factor in known.items():
        widest = widest if kind == LEVEL else widest.wider(factor)
    return {**known, WIDEST: widest}


def kind_of(candidate: Candidate, higher_is_better: bool) -> str:
    """Kind of public curves that a candidate's own is most like, `widest` if there is none.

    A head on a frozen encoder is a classical learner on fixed features.
    """
    if candidate.route == "classical" or (candidate.route, candidate.method) == ("tune", "head"):
        return "classical" if higher_is_better else WIDEST
    if (candidate.route, candidate.method) == ("tune", "full"):
        return "tuned" if higher_is_better else "tuned-loss"
    return WIDEST


def factor_for(candidate: Candidate, higher_is_better: bool, *, level: bool) -> Factor:
    """The factor of a candidate's curve; one that does not move takes the larger one of its kind and of such curves."""
    shipped = table()
    own = shipped.get(kind_of(candidate, higher_is_better), shipped[WIDEST])
    return own.wider(shipped[LEVEL]) if level else own
