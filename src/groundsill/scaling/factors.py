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
from groundsill.terms.quantity import Array, quantiles

WIDEST = "widest"
LEVEL = "level"  # curves that do not move yet, or no more
_AT_ONCE = 8192  # numbers that are moved together: they stay in the cache through all steps


@dataclass(frozen=True)
class Factor:
    """How far draws of ln error move away from their median, by side and depth, and how far the median itself moves.

    `inner` holds at the quartiles, `middle` at the 10 and 90 % quantiles, `outer` at the 5 and 95 % quantiles and
    beyond, straight lines between; without `middle` the line goes from inner to outer. bias: what the median of
    ln error moves by for each unit of ln distance beyond the largest rung (curves of some kinds end lower, or higher,
    than what their forms say). weights: form -> its weight before any point is seen; empty: all alike.
    kind: the kind of curves that it was measured on, `widest` if none fits; curves: how many of them are public;
    one_run: mean and standard deviation, over curves, of ln of the scatter of one run about its rung in ln error; None
    where public curves of the kind are of single runs. own: how many finished pilots of the user's are in it. scores: side -> misses over the outer distance, as evenly
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
    one_run: tuple[float, float] | None = None
    own: int = 0
    scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def widen(self, draws: Array, away: Array | float = 0.0) -> Array:
        """`draws` (n, k) moved away from the median of each column; the order of the draws stays.

        away (k,): ln of the distance beyond the largest rung, for the bias.
        """
        levels = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
        q05, q10, q25, q50, q75, q90, q95 = quantiles(np.ascontiguousarray(draws.T), levels)
        low, high = (q50 - q25, q50 - q10, q50 - q05), (q75 - q50, q90 - q50, q95 - q50)
        out = np.empty(draws.shape)
        rows = max(1, _AT_ONCE // draws.shape[1])
        for start in range(0, len(draws), rows):
            off = draws[start : start + rows] - q50
            above = _stretched(np.maximum(off, 0.0), high, (self.above_inner, self.above_middle, self.above_outer))
            below = _stretched(np.maximum(-off, 0.0), low, (self.below_inner, self.below_middle, self.below_outer))
            out[start : start + rows] = above - below
        out += q50 + self.bias * away
        return out

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
    """Distances `off` (n, k), 0 or above, mapped by the line through 0 and the points (place, factor place), which never
    falls."""
    quarter, deep, tail = (np.maximum(p, 1e-300) for p in places)
    inner, middle, outer = factors
    last = outer * tail
    knee = np.minimum(inner * quarter, last)
    with np.errstate(over="ignore"):  # draws that do not spread: a step
        out = np.minimum(off / quarter, 1.0)
        out *= knee
        if middle is None:
            out += (last - knee) * _way(off, quarter, tail)
        else:
            bend = np.clip(middle * deep, knee, last)
            out += (bend - knee) * _way(off, quarter, deep)
            out += (last - bend) * _way(off, deep, tail)
    out += outer * np.maximum(off - tail, 0.0)
    return np.asarray(out)


def _way(off: Array, low: Array, high: Array) -> Array:
    """How far `off` is from `low` to `high`, 0 to 1."""
    share = off - low
    share /= np.maximum(high - low, 1e-300)
    return np.asarray(np.clip(share, 0.0, 1.0, out=share))


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
            one_run=(float(row["one_run"][0]), float(row["one_run"][1])) if "one_run" in row else None,
            scores=_scores(row),
            **sides,
        )
    seen = [f.one_run for f in known.values() if f.one_run is not None]
    wide = (max(m for m, _ in seen), max(s for _, s in seen)) if seen else None
    widest = Factor(WIDEST, below_middle=1.0, above_middle=1.0, one_run=wide)
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


def one_run(candidate: Candidate, higher_is_better: bool, *, fraction: bool) -> tuple[float, float] | None:
    """What is assumed of the scatter of one run where a candidate's own seeds do not show it: see `Factor.one_run`. None
    for losses: their public curves are of single runs, so that the factors hold that scatter already."""
    if not fraction:
        return None
    known = table()
    own = known.get(kind_of(candidate, higher_is_better), known[WIDEST]).one_run
    return own or known[WIDEST].one_run


def factor_for(candidate: Candidate, higher_is_better: bool, *, level: bool) -> Factor:
    """The shipped factor of a candidate's curve, see `combined`."""
    return combined(table(), kind_of(candidate, higher_is_better), level=level)
