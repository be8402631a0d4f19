"""How much wider than the posterior an interval must be, as measured on public curves (split-conformal, Vovk 2005).

`factors.toml` is written by benchmarks/make_scaling_factors.py. A kind without calibration takes the widest factor.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from groundsill.terms.candidate import Candidate
from groundsill.terms.quantity import Array

WIDEST = "widest"
LEVEL = "level"  # curves that do not move yet, or no more


@dataclass(frozen=True)
class Factor:
    """How far draws of ln error move away from their median, by side and depth, and how far the median itself moves.

    `inner` holds at the quartiles, `middle` at the 10 and 90 % quantiles, `outer` at the 5 and 95 % quantiles and
    beyond, straight lines between; without `middle` the line goes from inner to outer. bias: what the median of
    ln error moves by for each unit of ln distance beyond the largest rung (curves of some kinds end lower, or higher,
    than what their forms say). weights: form -> its weight before any point is seen; empty: all alike.
    kind: the kind of curves that it was measured on, `widest` if none fits; curves: how many of them are public;
    own: how many finished pilots of the user's are in it. scores: side -> misses over the outer distance, as evenly
    spaced quantiles of the public curves, so that own misses can join them.
    """

    kind: str
    below_inner: float = 1.0
    below_outer: float = 1.0
    above_inner: float = 1.0
    above_outer: float = 1.0
    curves: int = 0
    below_middle: float | None = None
    above_middle: float | None = None
    bias: float = 0.0
    weights: Mapping[str, float] = field(default_factory=dict)
    own: int = 0
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def widen(self, draws: Array, away: Array | float = 0.0) -> Array:
        """`draws` (n, k) moved away from the median of each column; the order of the draws stays.

        away (k,): ln of the distance beyond the largest rung, for the bias.
        """
        q05, q10, q25, q50, q75, q90, q95 = np.quantile(draws, (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95), axis=0)
        off = draws - q50
        below = _stretched(
            -off, (q50 - q25, q50 - q10, q50 - q05), (self.below_inner, self.below_middle, self.below_outer)
        )
        above = _stretched(
            off, (q75 - q50, q90 - q50, q95 - q50), (self.above_inner, self.above_middle, self.above_outer)
        )
        return np.asarray(q50 + self.bias * away + np.where(off < 0, -below, above))

    def wider(self, other: Factor) -> Factor:
        """The larger of the two everywhere; kind, counts, bias and weights stay."""
        larger: dict[str, Any] = {side: max(self.side(side), other.side(side)) for side in SIDES}
        return replace(self, **larger)

    def side(self, name: str) -> float:
        """The factor of one of SIDES; a `middle` that is not given is the larger of inner and outer."""
        own: float | None = getattr(self, name)
        if own is None:
            inner, outer = (
                getattr(self, name.replace("middle", "inner")),
                getattr(self, name.replace("middle", "outer")),
            )
            own = float(max(inner, outer))
        return own


SIDES = ("below_inner", "below_middle", "below_outer", "above_inner", "above_middle", "above_outer")
PLAIN = Factor("none")


def _stretched(off: Array, places: tuple[Array, Array, Array], factors: tuple[float, float | None, float]) -> Array:
    """Distances `off` (n, k) mapped by the line through 0 and the points (place, factor place), which never falls."""
    quarter, deep, tail = (np.maximum(p, 1e-300) for p in places)
    inner, middle, outer = factors
    last = outer * tail
    knee = np.minimum(inner * quarter, last)
    near = knee * off / quarter
    if middle is None:
        between = knee + (last - knee) * (off - quarter) / np.maximum(tail - quarter, 1e-300)
    else:
        bend = np.clip(middle * deep, knee, last)
        between = np.where(
            off <= deep,
            knee + (bend - knee) * (off - quarter) / np.maximum(deep - quarter, 1e-300),
            bend + (last - bend) * (off - deep) / np.maximum(tail - deep, 1e-300),
        )
    return np.where(off <= quarter, near, np.where(off <= tail, between, outer * off))


@cache
def table() -> Mapping[str, Factor]:
    """Shipped factors by kind, `widest` among them."""
    path = resources.files(__package__ or "groundsill.scaling") / "factors.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))["kinds"]
    known: dict[str, Factor] = {}
    for kind, row in data.items():
        sides: dict[str, Any] = {side: float(row[side]) for side in SIDES if side in row}
        weights = {str(form): float(share) for form, share in row.get("weights", {}).items()}
        known[kind] = Factor(
            kind,
            curves=int(row["curves"]),
            bias=float(row.get("bias", 0.0)),
            weights=weights,
            scores=_scores(row),
            **sides,
        )
    widest = Factor(WIDEST, below_middle=1.0, above_middle=1.0)
    for kind, factor in known.items():
        widest = widest if kind == LEVEL else widest.wider(factor)
    return {**known, WIDEST: widest}


def _scores(row: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    return {
        side: tuple(float(v) for v in row[f"{side}_scores"]) for side in ("below", "above") if f"{side}_scores" in row
    }


def kind_of(candidate: Candidate, higher_is_better: bool) -> str:
    """Kind of public curves that a candidate's own is most like, `widest` if there is none.

    A head on a frozen encoder is a classical learner on fixed features.
    """
    if candidate.route == "classical" or (candidate.route, candidate.method) == ("tune", "head"):
        return "classical" if higher_is_better else WIDEST
    if (candidate.route, candidate.method) == ("tune", "full"):
        return "tuned" if higher_is_better else "tuned-loss"
    return WIDEST


def combined(known: Mapping[str, Factor], kind: str, *, level: bool) -> Factor:
    """The factor of a kind among `known`, or the widest; a curve that does not move takes the larger one of its kind
    and of such curves."""
    own = known.get(kind, known[WIDEST])
    return own.wider(known[LEVEL]) if level and LEVEL in known else own


def factor_for(candidate: Candidate, higher_is_better: bool, *, level: bool) -> Factor:
    """The shipped factor of a candidate's curve, see `combined`."""
    return combined(table(), kind_of(candidate, higher_is_better), level=level)
