"""Where a share of the draws, or the mean of the worst of them, crosses a level: exact, for worth that is a straight line
in the lever in every draw."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from groundsill.terms.quantity import Array

Line = tuple[Array, Array]  # worth is start + slope x amount, (draws,) each
_STEPS = 60  # of Newton; four or five are the rule
_LAST = 1e-13  # of the amount: where a step changes nothing any more


def reached(begins: Array, ends: Array, before: float, need: float) -> float | None:
    """The first place at which `need` draws count, None if there is none. begins, ends: places at which one more, or one
    less, does; before: how many count at first."""
    if before >= need - 1e-9:
        return -math.inf
    if not len(ends):  # the order statistic, without a sort
        more = math.ceil(need - before - 1e-9)
        return float(np.partition(begins, more - 1)[more - 1]) if more <= len(begins) else None
    places = np.concatenate((ends, begins))
    order = np.argsort(places, kind="stable")
    count = before + np.cumsum(np.repeat((-1.0, 1.0), (len(ends), len(begins)))[order])
    enough = count >= need - 1e-9
    return float(places[order[enough.argmax()]]) if enough.any() else None


def between(bad: Array, good: Array, need: float) -> float:
    """How far it is from one amount to the next, 0 to 1, until worth is above 0 in `need` draws; it is so at the end.
    bad, good: worth (draws,) at both."""
    rises, falls = (bad <= 0) & (good > 0), (bad > 0) & (good <= 0)
    on, off = (bad[some] / (bad[some] - good[some]) for some in (rises, falls))
    found = reached(on, off, float(np.count_nonzero(bad > 0)), need)
    return 1.0 if found is None else max(found, 0.0)


def paying(line: Line, searched: tuple[float, float], needs: Sequence[float], rising: bool) -> list[float | None]:
    """For each need the smallest amount in the range (not rising: the largest) at which worth is above 0 in so many
    draws; None where there is none. Draws that stop paying past their break-even are counted as such."""
    return leading([line], searched, needs, rising)


def leading(
    lines: Sequence[Line], searched: tuple[float, float], needs: Sequence[float], rising: bool
) -> list[float | None]:
    """The same for all of `lines` being above 0 at once: in each draw that is so between two amounts."""
    low, high = searched if rising else (-searched[1], -searched[0])
    n = len(lines[0][0])
    first, last, never = np.full(n, -np.inf), np.full(n, np.inf), np.zeros(n, dtype=bool)
    for start, slope in lines:
        slope = slope if rising else -slope
        with np.errstate(divide="ignore", invalid="ignore"):
            star = -start / slope
        first = np.where(slope > 0, np.maximum(first, star), first)
        last = np.where(slope < 0, np.minimum(last, star), last)
        never |= (slope == 0) & (start <= 0)
    counts = ~never & (first < last)
    inside = counts & (first > low) & (first <= high)
    stops = counts & (last > low) & (last <= high)
    before = float(np.count_nonzero(counts & (first <= low) & (last > low)))
    begins, ends = first[inside], last[stops]
    found = [reached(begins, ends, before, need) for need in needs]
    return [None if at is None else max(at, low) if rising else -max(at, low) for at in found]


def tail_edges(
    line: Line, count: int, more: float, searched: tuple[float, float], rising: bool
) -> tuple[float | None, float | None]:
    """Where the mean of the `count` worst draws plus `more` is first 0 or above, rising or falling, and where it fails
    again; None each if nowhere. That mean is concave in the amount, so steps along its slope come up to an edge from the side
    where it fails and never pass it."""
    ends = searched if rising else searched[::-1]
    first = _up_to(line, count, more, ends)
    if first is None:
        return None, None
    last = _up_to(line, count, more, ends[::-1])
    return first, None if last is None or last == ends[1] else last


def _up_to(line: Line, count: int, more: float, ends: tuple[float, float]) -> float | None:
    at, far = ends
    for _ in range(_STEPS):
        height, slope = _tail(line, count, at)
        height += more
        if height >= 0:
            break
        if slope == 0:
            return None
        step = -height / slope
        if (step > 0) != (far > at) or abs(step) > abs(far - at):
            return None
        at += step
        if abs(step) <= _LAST * abs(at):
            break
    return at


def _tail(line: Line, count: int, at: float) -> tuple[float, float]:
    worth = line[0] + at * line[1]
    worst = np.argpartition(worth, count - 1)[:count] if count < len(worth) else slice(None)
    return float(worth[worst].mean()), float(line[1][worst].mean())
