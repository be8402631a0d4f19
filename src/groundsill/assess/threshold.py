"""Break-even and confidence thresholds of one lever: from which amount on, or up to which, an option pays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from groundsill.terms.quantity import Z95, Array, Quantity

Direction = Literal[">=", "<="]
Net = Callable[[Quantity], Array]  # amount of the lever, a number or (draws,), -> NPV (draws,)
Flags = npt.NDArray[np.bool_]
Shape = Literal["flat", "straight", "bent", "unknown"]
_STEPS = 14  # steps of a search at most
_CLOSE = 3e-3  # relative change of the amount at which a draw counts as found
_LEFT = 0.01  # share of all draws that may still move when a search ends; each is inside a bracket by then
_SAME = 1e-7  # relative misfit up to which NPV counts as a straight line in the lever


@dataclass(frozen=True)
class Crossing:
    """Where NPV changes sign in each draw. star: the amount (draws,), -inf or inf where it never does; rising: whether
    NPV is above 0 past it; direction: side on which the option pays, by the mean effect of the lever; searched: range
    of amounts; line: (mean intercept, mean slope, draws' NPV as intercept and slope) where NPV is a straight line."""

    star: Array
    rising: Flags
    direction: Direction
    searched: tuple[float, float]
    line: tuple[Array, Array] | None


@dataclass(frozen=True)
class Edge:
    """A threshold with its 90 % interval from the finite number of draws; None: nowhere in the searched range."""

    value: float | None
    low: float | None
    high: float | None


def _points(net: Net, middle: float) -> tuple[Shape, Array, Array]:
    """Shape, intercept and slope (draws,) through NPV at a tenth and ten times `middle`, checked at `middle`."""
    low, mid, high = (net(middle * factor) for factor in (0.1, 1.0, 10.0))
    slope = (high - low) / (9.9 * middle)
    start = low - slope * 0.1 * middle
    scale = float(np.abs(np.concatenate((low, mid, high))).max())
    if not math.isfinite(scale):
        return "unknown", start, slope
    if max(float(np.abs(high - low).max()), float(np.abs(mid - low).max())) <= _SAME * scale:
        return "flat", start, slope
    straight = float(np.abs(start + slope * middle - mid).max()) <= _SAME * scale
    return "straight" if straight else "bent", start, slope


def crossing(net: Net, middle: float, searched: tuple[float, float]) -> Crossing | None:
    """Where each draw breaks even. middle: a typical amount (> 0). None if the lever does not move NPV, or NPV is not
    known at both ends of the range.

    If NPV is a straight line in the lever for every draw, this is exact; else each draw is searched between the ends
    of the range, which finds one sign change and takes it for the only one.
    """
    form, start, slope = _points(net, middle)
    if form == "flat":
        return None
    if form != "straight":
        return bent(net, searched)
    direction: Direction = ">=" if float(slope.mean()) > 0 else "<="
    with np.errstate(divide="ignore", invalid="ignore"):
        star = np.where(slope != 0, -start / slope, np.where(start > 0, -np.inf, np.inf))
    return Crossing(star, slope >= 0, direction, searched, (start, slope))


def bent(net: Net, searched: tuple[float, float]) -> Crossing | None:
    """The same for a lever that is known to bend NPV: one sign change is looked for between the ends of the range."""
    first, last = net(searched[0]), net(searched[1])
    if not (np.isfinite(first).all() and np.isfinite(last).all()):
        return None
    direction: Direction = ">=" if float((last - first).mean()) > 0 else "<="
    rising = last > 0
    changes = (first > 0) != rising
    root = _search(net, searched, first, last, changes)
    star = np.where(changes, root, np.where(rising, -np.inf, np.inf))
    return Crossing(star, rising | ~changes, direction, searched, None)


def _search(net: Net, searched: tuple[float, float], first: Array, last: Array, sought: Flags) -> Array:
    """Root (draws,) of NPV between the ends of the range, where it is `first` and `last`; only where `sought`.

    False position with the Illinois rule (Dowell and Jarratt 1971), and a halving (of the logarithm, where the range is
    positive) every fourth step, so that a bent line cannot hold it up. NPV is nearly straight in most levers.
    """
    low, high = np.full(len(first), searched[0]), np.full(len(first), searched[1])
    below, above = first.copy(), last.copy()
    side, x = np.zeros(len(first)), np.full(len(first), np.nan)
    found: Flags = ~sought
    for step in range(_STEPS):
        with np.errstate(divide="ignore", invalid="ignore"):
            new = high - above * (high - low) / (above - below)
        middle = np.sqrt(low * high) if searched[0] > 0 else 0.5 * (low + high)
        usable = np.isfinite(new) & (new > low) & (new < high) & (found | (step % 4 != 3))
        new = np.where(usable, new, middle)
        value = net(new)
        up = (value > 0) == (last > 0)
        high, above, low, below = (
            np.where(up, new, high),
            np.where(up, value, np.where(side < 0, 0.5 * above, above)),
            np.where(up, low, new),
            np.where(up, np.where(side > 0, 0.5 * below, below), value),
        )
        side = np.where(up, 1.0, -1.0)
        found = found | (np.abs(new - x) <= _CLOSE * np.abs(new))
        x = new
        if np.mean(~found) <= _LEFT:
            break
    return x


def confidence(found: Crossing, probability: float) -> Edge:
    """The amount from which on (or up to which) NPV > 0 with `probability`: T_p, the p-quantile of the draws' own
    break-evens. The interval is that of the order statistic: levels p -+ 1.645 sqrt(p (1 - p) / n)."""
    n = len(found.star)
    reach = Z95 * math.sqrt(probability * (1 - probability) / n)
    levels = (probability, probability - reach, min(probability + reach, 1.0))
    at, easy, hard = _edges(found, levels)
    return Edge(at, *((easy, hard) if found.direction == ">=" else (hard, easy)))


def _edges(found: Crossing, levels: tuple[float, ...]) -> list[float | None]:
    """For each level the smallest amount in the range (for `<=`: the largest) at which the share of draws with NPV > 0
    is that or more; None where there is none. Draws that stop paying past their break-even are counted as such."""
    star, step, (low, high) = found.star, np.where(found.rising, 1.0, -1.0), found.searched
    if found.direction == "<=":
        star, step, low, high = -star, -step, -high, -low
    below = star <= low
    paying = float((below & (step > 0)).sum() + (~below & (step < 0)).sum())
    inside = (star > low) & (star <= high)
    order = np.argsort(star[inside], kind="stable")
    places = np.concatenate(([low], star[inside][order]))
    count = np.concatenate(([paying], paying + np.cumsum(step[inside][order])))
    out = list[float | None]()
    for level in levels:
        reached = count >= level * len(star) - 1e-9
        edge = float(places[reached.argmax()]) if reached.any() else None
        out.append(edge if edge is None or found.direction == ">=" else -edge)
    return out


def break_even(net: Net, found: Crossing) -> Edge:
    """The amount at which the mean NPV is 0, with an interval from the standard error of the mean there."""
    low, high = found.searched
    if found.line is not None:
        start, slope = found.line
        pitch = float(slope.mean())
        root = -float(start.mean()) / pitch if pitch else math.inf
        return _edge(found, root, start + slope * root if math.isfinite(root) else start, pitch)
    first, last = float(net(low).mean()), float(net(high).mean())
    if (first > 0) == (last > 0):
        pays = found.direction == ">="
        return (
            Edge(low, low, low)
            if first > 0 and pays
            else Edge(high, high, high)
            if last > 0 and not pays
            else Edge(None, None, None)
        )
    ends = (np.array([first]), np.array([last]))

    def mean(amount: Quantity) -> Array:
        return np.array([net(float(np.asarray(amount)[0])).mean()])

    root = float(_search(mean, found.searched, *ends, np.array([True]))[0])
    step = 1e-3 * max(abs(root), 1e-3 * (high - low))
    pitch = float((net(root + step) - net(root)).mean()) / step
    return _edge(found, root, net(root), pitch)


def _edge(found: Crossing, root: float, there: Array, pitch: float) -> Edge:
    low, high = found.searched
    if not math.isfinite(root) or not pitch:
        return Edge(None, None, None)
    half = Z95 * float(there.std()) / math.sqrt(len(there)) / abs(pitch)
    pays_above = found.direction == ">="
    if (root > high) if pays_above else (root < low):
        return Edge(None, None, None)
    return Edge(*(float(np.clip(value, low, high)) for value in (root, root - half, root + half)))
