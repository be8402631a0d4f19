"""In which two or three ranges of inputs a candidate loses money: one box, in the manner of PRIM.

Patient rule induction (Friedman and Fisher 1999): thin slices are peeled off the range of one input after another, each
time the slice that leaves the largest share of losses, and of all boxes on the way the one is kept that balances how
surely it loses against how many of the losses it holds (harmonic mean of both).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.assess.parts import LossBox, Side
from groundsill.terms.candidate import Candidate
from groundsill.terms.quantity import Array

DRAWS = 10_000  # worlds that are peeled
INPUTS = 8  # that are looked at: those that explain most
SIDES = 3  # inputs in a box, at most
_PEEL = 0.05  # of what is left inside
_LEAST = 0.03  # of all draws: a smaller box is an accident
_RARE = 0.01  # chance of a loss below which, and below 1 minus which, there is nothing to tell
_DROP = 0.01  # a side that adds less to the balance is left out

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Axis:
    """One input: its draws (draws,), what they are divided by to be in the user's unit, and that unit."""

    values: Array
    scale: float
    unit: str


def loss_box(candidate: Candidate, npv: Array, axes: Mapping[str, Axis], trail: Sequence[str]) -> LossBox | None:
    """npv: (draws,); axes: uncertain inputs by name, those that matter most first. None where it hardly ever, or nearly
    always, loses, or where no box tells more than the average."""
    n = min(DRAWS, len(npv))
    lost = npv[:n] < 0
    p_all = float(lost.mean())
    if not _RARE < p_all < 1 - _RARE:
        return None
    names = list(axes)[:INPUTS]
    values = np.array([axes[name].values[:n] for name in names])
    best, kept = _balance(lost, np.ones(n, dtype=bool)), dict[int, tuple[float, float]]()
    for limits in _peeled(values, lost):
        now = _balance(lost, _inside(values, limits))
        if now > best:
            best, kept = now, limits
    kept = _simple(values, lost, kept, best)
    if not kept:
        return None
    inside = _inside(values, kept)
    sides = []
    for place, (low, high) in kept.items():
        axis = axes[names[place]]
        ends = [None if np.isinf(end) else float(end) / axis.scale for end in (low, high)]
        sides.append(Side(names[place], axis.unit, *ends))
    p_loss, share = float(lost[inside].mean()), float(lost[inside].sum() / lost.sum())
    return LossBox(candidate, tuple(sides), p_loss, share, float(inside.mean()), p_all, tuple(trail))


def _peeled(values: Array, lost: Flags) -> list[dict[int, tuple[float, float]]]:
    """Limits of every box on the way, from the whole range inwards."""
    limits, out = dict[int, tuple[float, float]](), list[dict[int, tuple[float, float]]]()
    some = np.arange(lost.size)
    while len(some) > _LEAST * lost.size / (1 - _PEEL):
        found: tuple[float, int, tuple[float, float], npt.NDArray[np.int64]] | None = None
        allowed = range(len(values)) if len(limits) < SIDES else list(limits)
        for place in allowed:
            x = values[place, some]
            low, high = limits.get(place, (-np.inf, np.inf))
            cut = max(1, int(_PEEL * len(x)))
            bottom, top = (float(v) for v in np.partition(x, (cut, len(x) - 1 - cut))[[cut, len(x) - 1 - cut]])
            for keep, ends in ((x >= bottom, (bottom, high)), (x <= top, (low, top))):
                if 0 < keep.sum() < len(x):
                    p = float(lost[some][keep].mean())
                    if found is None or p > found[0]:
                        found = (p, place, ends, some[keep])
        if found is None:
            break
        _, place, ends, some = found
        limits = {**limits, place: ends}
        out.append(limits)
    return out


def _inside(values: Array, limits: Mapping[int, tuple[float, float]]) -> Flags:
    inside = np.ones(values.shape[1], dtype=bool)
    for place, (low, high) in limits.items():
        inside &= (values[place] >= low) & (values[place] <= high)
    return inside


def _balance(lost: Flags, inside: Flags) -> float:
    """Harmonic mean of the chance of a loss inside and of the share of all losses that are inside."""
    hits = float((lost & inside).sum())
    return 2 * hits / (float(inside.sum()) + float(lost.sum())) if hits else 0.0


def _simple(
    values: Array, lost: Flags, limits: dict[int, tuple[float, float]], best: float
) -> dict[int, tuple[float, float]]:
    """Without the ends that add next to nothing."""
    for place in list(limits):
        for which in (0, 1):
            if place not in limits or np.isinf(limits[place][which]):
                continue
            ends = list(limits[place])
            ends[which] = (-np.inf, np.inf)[which]
            fewer = {**limits, place: (ends[0], ends[1])}
            if np.isinf(ends).all():
                fewer.pop(place)
            if fewer and _balance(lost, _inside(values, fewer)) >= best - _DROP:
                limits = fewer
    return limits
