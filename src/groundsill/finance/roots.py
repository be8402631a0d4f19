"""Rates at which a stream of money is worth nothing: all of them for one stream, the only one for many streams.

With amounts a_i at times t_i and y = log(1 + rate) the worth is f(y) = sum a_i e^(-t_i y), an exponential sum. Between
two roots of a smooth function lies a root of its slope (Rolle), and the slope of f(y) e^(t_0 y) is an exponential sum
with one term less. So the roots of the shortest sum bracket those of the next, up to f: no grid, nothing missed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

from groundsill.terms.quantity import Array

_TOUCHES = 1e-13  # |sum| / sum of |terms| at an extreme that counts as a double root
_STEPS = 60  # of Newton; a handful is the rule
_LAST = 1e-9  # length of a Newton step after which the next changes nothing: each squares the error
_LEAST = 1e-300
_CLOSE = 1e-3  # the same for a step to the root of a parabola, times the periods: each cubes the error


def log_rates(amounts: Array, times: Array) -> Array:
    """All real y with sum amounts_i e^(-times_i y) = 0, rising; a double root once. The rate is e^y - 1.

    Terms are kept as logarithms, so nothing overflows. Empty without a change of sign.
    """
    when, place = np.unique(np.asarray(times, dtype=np.float64), return_inverse=True)
    summed = np.asarray(np.bincount(place, np.asarray(amounts, dtype=np.float64), len(when)), dtype=np.float64)
    when, summed = when[summed != 0], summed[summed != 0]
    signs = np.sign(summed)
    change = np.flatnonzero(signs[1:] != signs[:-1])
    if not len(change):
        return np.empty(0)
    logs = [np.log(np.abs(summed))]  # of the amounts of f, of its slope, of the slope of that ...
    shortest = int(change[-2]) + 1 if len(change) > 1 else 0  # from here on there is one change of sign, so one root
    for j in range(shortest):
        logs.append(logs[-1][1:] + np.log(when[j + 1 :] - when[j]))
    found = np.empty(0)
    for level in range(shortest, -1, -1):
        found = _between(signs[level:], logs[level], when[level:] - when[level], found)
    return found


def _between(signs: Array, log: Array, when: Array, extremes: Array) -> Array:
    """Roots of sum signs_i e^(log_i - when_i y), given the roots of its slope; when[0] is 0."""

    def worth(y: float) -> float:
        power = log - when * y
        terms = signs * np.exp(power - power.max())
        return float(terms.sum() / np.abs(terms).sum())

    values = [worth(y) for y in extremes]
    found = [y for y, value in zip(extremes, values, strict=True) if abs(value) < _TOUCHES]
    sides = [float(signs[-1]), *(0.0 if abs(v) < _TOUCHES else float(np.sign(v)) for v in values), float(signs[0])]
    points: list[float | None] = [None, *extremes, None]  # None: without end
    for i in range(len(points) - 1):
        left, right = sides[i], sides[i + 1]
        if left * right < 0:
            found.append(_bisect(worth, points[i], points[i + 1], left))
    return np.sort(np.array(found, dtype=np.float64))


def _bisect(worth: Callable[[float], float], low: float | None, high: float | None, left: float) -> float:
    """Root between low and high, where the sign is `left` below it; an end that is None is looked for by doubling."""
    step = 1.0
    if low is None and high is None:
        low = high = 0.0
        if worth(0.0) * left > 0:
            high = None
        else:
            low = None
    if low is None:
        assert high is not None
        low = high - step
        while worth(low) * left <= 0:
            step *= 2.0
            low = high - step
    if high is None:
        high = low + step
        while worth(high) * left > 0:
            step *= 2.0
            high = low + step
    for _ in range(200):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if worth(middle) * left > 0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def only_log_factor(periods: Array) -> Array:
    """log of the discount factor x of one period at the root of sum flow_t x^t, (draws,), for streams with one change of
    sign.

    periods: (periods + 1, draws). The function is log(what is gained) - log(what is spent) against log x: its slope is
    the mean time of the one less that of the other, never below 1, and its bend the difference of the variances of the
    times, so a parabola through value, slope and bend meets 0 close to the root (Halley's method).
    """
    first = periods[(periods != 0).argmax(axis=0), np.arange(periods.shape[1])]
    rows = periods * -np.sign(first)  # first spent, then gained
    return _parabolas(np.maximum(rows, 0.0), 0, np.maximum(-rows, 0.0))


def paid_once_log_factor(periods: Array, start: float = 0.0) -> Array:
    """The same for streams that pay once, in period 0, and then only gain: faster. start: where most roots are thought to
    be; it costs or saves a step."""
    return _parabolas(periods[1:], 1, -periods[:1], start)


def _parabolas(up: Array, first: int, down: Array, start: float = 0.0) -> Array:
    """log x where sum up_t x^(t + first) = sum down_t x^t. Draws that are done are left out once they are most of all."""
    out, left = np.empty(up.shape[1]), np.arange(up.shape[1])
    log_x: Array = np.full(up.shape[1], start)
    x: Array | float = math.exp(start)  # one for all draws: the first step needs no powers
    limit, close = 600.0 / (len(up) + 1), _CLOSE / len(up)
    for _ in range(_STEPS):
        gain, mean, bend = _moments(up, x)
        cost, mean_cost, bend_cost = _moments(down, x)
        height = gain - cost
        if first:
            height += log_x
        slope = mean - (mean_cost - first)
        square = slope * slope - 2.0 * (bend - bend_cost) * height
        height *= 2.0
        step = height / (slope + np.where(square > 0, np.sqrt(np.abs(square)), slope))
        log_x = np.clip(log_x - step, -limit, limit)
        more = np.abs(step) >= close
        count = np.count_nonzero(more)
        if 4 * count < len(more):
            out[left] = log_x
            left, log_x = left[more], log_x[more]
            up, down = up[:, more], down[:, more]
        if not count:
            return out
        x = np.exp(log_x)
    for i, place in enumerate(left):  # hardly ever: the exact way, slowly
        flows = np.concatenate((np.zeros(first), up[:, i]))
        flows[: len(down)] -= down[:, i]
        found = log_rates(flows, np.arange(len(flows), dtype=np.float64))
        out[place] = -found[0] if len(found) else np.nan
    return out


def _moments(rows: Array, x: Array | float) -> tuple[Array, Array | float, Array | float]:
    """log of sum row_t x^t; mean and variance of t, weighted by the terms."""
    if len(rows) == 1:
        return np.log(rows[0]), 0.0, 0.0
    if isinstance(x, float):
        total, mean, square = (_times(len(rows)) * x ** np.arange(len(rows))) @ rows
    else:
        terms, power = np.empty_like(rows), x
        terms[0] = rows[0]
        for t in range(1, len(rows)):
            np.multiply(rows[t], power, out=terms[t])
            power = power * x if t + 1 < len(rows) else power
        total, mean, square = _times(len(rows)) @ terms
    np.maximum(total, _LEAST, out=total)  # all terms may be too small to hold on the way; never at the root
    mean /= total
    square /= total
    square -= mean * mean
    return np.log(total), mean, square


@cache
def _times(count: int) -> Array:
    """Powers 0, 1 and 2 of t, (3, count)."""
    return np.arange(count, dtype=np.float64) ** np.arange(3.0)[:, None]


def only_log_rate(amounts: Array, times: Array) -> Array:
    """The same for any times (k,), amounts (k, draws): y = log(1 + rate) a unit of time, NaN where Newton did not end."""
    up, down = np.maximum(amounts, 0.0), np.maximum(-amounts, 0.0)
    y = np.zeros(amounts.shape[1])
    shifted = (times - times.min())[:, None]
    span = float(shifted.max())
    limit = 600.0 / span
    still: npt.NDArray[np.bool_] = np.ones(len(y), dtype=bool)
    for _ in range(_STEPS):
        weights = np.exp(-shifted * y)
        gain, cost = up * weights, down * weights
        value = [part.sum(axis=0) for part in (gain, cost)]
        mean = [(shifted * part).sum(axis=0) / total for part, total in zip((gain, cost), value, strict=True)]
        step = (np.log(value[0]) - np.log(value[1])) / (mean[0] - mean[1])
        y = np.clip(y + step, -limit, limit)
        still = np.abs(step) * span >= _LAST
        if not still.any():
            break
    return np.where(still, np.nan, y)
