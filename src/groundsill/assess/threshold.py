"""Break-even and confidence thresholds of one lever: from which amount on, or up to which, an option pays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from groundsill.terms.quantity import Z95, Array, Quantity

Direction = Literal[">=", "<="]
Net = Callable[[Quantity], Array]  # amount of the lever, a number or (draws,), -> NPV (draws,)
_STEPS = 14  # halvings of the searched range; a straight line finishes inside the last piece
_SAME = 1e-7  # relative misfit up to which NPV counts as a straight line in the lever


@dataclass(frozen=True)
class Crossing:
    """Where NPV changes sign in each draw. star: the amount (draws,), -inf or inf where it never does; rising: whether
    NPV is above 0 past it; direction: side on which the option pays, by the mean effect of the lever; searched: range
    of amounts; line: (mean intercept, mean slope, draws' NPV as intercept and slope) where NPV is a straight line."""

    star: Array
    rising: Array
    direction: Direction
    searched: tuple[float, float]
    line: tuple[Array, Array] | None


@dataclass(frozen=True)
class Edge:
    """A threshold with its 90 % interval from the finite number of draws; None: nowhere in the searched range."""

    value: float | None
    low: float | None
    high: float | None


Shape = Literal["flat", "straight", "bent", "unknown"]


def shape(net: Net, middle: float) -> Shape:
    """How NPV answers to a lever around a typical amount (> 0): not at all, in a straight line in every draw, or not."""
    return _points(net, middle)[0]


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

    If NPV is a straight line in the lever for every draw, this is exact; else each draw is bisected between the ends
    of the range, which finds one sign change and takes it for the only one.
    """
    form, start, slope = _points(net, middle)
    if form == "flat":
        return None
    if form != "straight":
        return _bisected(net, searched)
    direction: Direction = ">=" if float(slope.mean()) > 0 else "<="
    with np.errstate(divide="ignore", invalid="ignore"):
        star = np.where(slope != 0, -start / slope, np.where(start > 0, -np.inf, np.inf))
    return Crossing(star, slope >= 0, direction, searched, (start, slope))


def _bisected(net: Net, searched: tuple[float, float]) -> Crossing | None:
    first, last = net(searched[0]), net(searched[1])
    if not (np.isfinite(first).all() and np.isfinite(last).all()):
        return None
    direction: Direction = ">=" if float((last - first).mean()) > 0 else "<="
    rising = last > 0
    changes = (first > 0) != rising
    star = np.where(changes, _search(net, searched, np.where(rising, 1.0, -1.0)), np.where(rising, -np.inf, np.inf))
    return Crossing(star, rising | ~changes, direction, searched, None)


def _search(net: Net, searched: tuple[float, float], sign: Array) -> Array:
    """Root (draws,) of sign x NPV, which rises from below 0 to above it: halving, on a log scale where the range is
    all positive, then a straight line in the last piece."""
    log = searched[0] > 0
    ends = np.log(searched) if log else np.asarray(searched)
    low, high = np.full(len(sign), ends[0]), np.full(len(sign), ends[1])
    scale: Callable[[Array], Array] = np.exp if log else (lambda t: t)
    below, above = sign * net(scale(low)), sign * net(scale(high))
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        value = sign * net(scale(middle))
        up = value > 0
        low, below = np.where(up, low, middle), np.where(up, below, value)
        high, above = np.where(up, middle, high), np.where(up, value, above)
    left, right = scale(low), scale(high)
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(above > below, -below / (above - below), 0.5)
    return np.asarray(left + np.clip(part, 0.0, 1.0) * (right - left))


def confidence(found: Crossing, probability: float) -> Edge:
    """The amount from which on (or up to which) NPV > 0 with `probability`: T_p, the p-quantile of the draws' own
    break-evens. The interval is that of the order statistic: levels p -+ 1.645 sqrt(p (1 - p) / n)."""
    n = len(found.star)
    reach = Z95 * math.sqrt(probability * (1 - probability) / n)
    at, easy, hard = (
        _quantile(found, level) for level in (probability, probability - reach, min(probability + reach, 1.0))
    )
    return Edge(at, *((easy, hard) if found.direction == ">=" else (hard, easy)))


def _quantile(found: Crossing, level: float) -> float | None:
    """Smallest amount in the range (for `<=`: largest) at which the share of draws with NPV > 0 is `level` or more."""
    star, step, (low, high) = found.star, np.where(found.rising, 1.0, -1.0), found.searched
    if found.direction == "<=":
        star, step, low, high = -star, -step, -high, -low
    below = star <= low
    paying = float((below & (step > 0)).sum() + (~below & (step < 0)).sum())
    need = level * len(star) - 1e-9
    edge: float | None = low
    if paying < need:
        inside = (star > low) & (star <= high)
        order = np.argsort(star[inside], kind="stable")
        count = paying + np.cumsum(step[inside][order])
        reached = np.flatnonzero(count >= need)
        edge = float(star[inside][order][reached[0]]) if len(reached) else None
    return edge if edge is None or found.direction == ">=" else -edge


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
    sign = np.array([1.0 if last > 0 else -1.0])
    root = float(_search(lambda t: np.array([net(float(np.asarray(t)[0])).mean()]), found.searched, sign)[0])
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
