"""How much wider than the posterior an interval must be, as measured on public curves (split-conformal, Vovk 2005).

`factors.toml` is written by benchmarks/make_scaling_factors.py. A kind without calibration takes the widest factor.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from groundsill.terms.candidate import Candidate

WIDEST = "widest"
FLAT = "flat"


@dataclass(frozen=True)
class Factor:
    """Draws below the median (of ln error) move away from it by `below`, those above it by `above`.

    kind: the kind of curves that it was measured on, `widest` if none fits; curves: how many.
    """

    kind: str
    below: float
    above: float
    curves: int


PLAIN = Factor("none", 1.0, 1.0, 0)


@cache
def table() -> Mapping[str, Factor]:
    """Shipped factors by kind, `widest` among them."""
    path = resources.files(__package__ or "groundsill.scaling") / "factors.toml"
    data = tomllib.loads(path.read_text(encoding="utf-8"))["kinds"]
    known = {k: Factor(k, float(v["below"]), float(v["above"]), int(v["curves"])) for k, v in data.items()}
    steep = [f for f in known.values() if f.kind != FLAT]
    known[WIDEST] = Factor(WIDEST, max(f.below for f in steep), max(f.above for f in steep), 0)
    return known


def kind_of(candidate: Candidate, higher_is_better: bool) -> str:
    """Kind of public curves that a candidate's own is most like, `widest` if there is none.

    A head on a frozen encoder is a classical learner on fixed features.
    """
    if candidate.route == "classical" or (candidate.route, candidate.method) == ("tune", "head"):
        return "classical" if higher_is_better else WIDEST
    if (candidate.route, candidate.method) == ("tune", "full"):
        return "tuned" if higher_is_better else "tuned-loss"
    return WIDEST


def factor_for(candidate: Candidate, higher_is_better: bool, *, flat: bool) -> Factor:
    """The factor of a candidate's curve; a flat curve takes the larger one of its kind and of flat curves."""
    shipped = table()
    own = shipped.get(kind_of(candidate, higher_is_better), shipped[WIDEST])
    if not flat or FLAT not in shipped:
        return own
    level = shipped[FLAT]
    return Factor(own.kind, max(own.below, level.below), max(own.above, level.above), own.curves)
