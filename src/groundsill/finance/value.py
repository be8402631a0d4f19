"""What a stream of money is worth: net present value, internal rate, payback, trough, tail.

Flows have shape (draws, periods + 1) or (periods + 1,); period 0 is now and is not discounted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity

_GRID = np.geomspace(0.05, 20.0, 257)  # discount factors of one period between which roots are looked for
_LAST = 1e-9  # relative length of the last Newton step
_COARSE = 8  # every eighth of them brackets a root that is known to be the only one


def npv(flows: Array, rate_per_year: Quantity, periods_per_year: int = 12) -> Array:
    """Net present value (draws,): sum of flow_t / (1 + r)^(t / periods_per_year)."""
    flows = np.atleast_2d(flows)
    times = np.arange(flows.shape[1]) / periods_per_year
    factors = (1.0 + np.asarray(rate_per_year, dtype=np.float64).reshape(-1, 1)) ** -times
    return np.asarray((flows * factors).sum(axis=1))


def npv_excel(rate: float, values: Array) -> float:
    """What a spreadsheet's NPV gives: the first value comes at the end of period 1, so it is discounted too."""
    return float(npv(np.concatenate(([0.0], np.asarray(values, dtype=np.float64))), rate, 1)[0])


@dataclass(frozen=True)
class Rates:
    """rate: internal rate of return a year (draws,), NaN unless there is exactly one real root above -1; roots: how
    many there are (draws,)."""

    rate: Array
    roots: Array


def irr(flows: Array, periods_per_year: int = 12) -> Rates:
    """Internal rate of return a year for every draw, only where it is the only one.

    A stream with one change of sign has one root (Descartes' rule of signs). For the others roots are sign changes of
    sum flow_t x^t over 257 discount factors x of one period from 0.05 to 20 and the two ends (x towards 0 and
    infinity, where the first and the last flow decide); two roots closer together than a grid step (2.4 % in x) may be
    missed, never one alone. A root outside the grid is counted, but its rate is not given.
    """
    flows = np.atleast_2d(np.asarray(flows, dtype=np.float64))
    periods = np.ascontiguousarray(flows.T)
    roots = _changes(periods)
    rate = np.full(len(flows), np.nan)
    for group, grid in ((np.flatnonzero(roots == 1), _GRID[::_COARSE]), (np.flatnonzero(roots > 1), _GRID)):
        if not len(group):
            continue
        columns = periods if len(group) == len(flows) else periods[:, group]
        found = (grid[:, None] ** np.arange(len(columns))[None, :]) @ columns
        signs = np.concatenate((_end(columns), np.sign(found), _end(columns[::-1])))
        signs[signs == 0] = 1.0  # a root on a grid point: counted with the side above it
        crossings = signs[1:] != signs[:-1]
        roots[group], place = crossings.sum(axis=0), crossings.argmax(axis=0)
        inside = np.flatnonzero((roots[group] == 1) & (place > 0) & (place < len(grid)))
        place = place[inside]
        ends = found[place - 1, inside], found[place, inside]
        start = grid[place - 1] + (grid[place] - grid[place - 1]) * ends[0] / (ends[0] - ends[1])  # the straight line's
        x = _root(columns[:, inside], grid[place - 1], grid[place], signs[place + 1, inside] > 0, start)
        rate[group[inside]] = x ** -float(periods_per_year) - 1.0
    return Rates(rate, roots.astype(np.float64))


def _changes(periods: Array) -> npt.NDArray[np.int64]:
    """Changes of sign along each stream of flows (periods + 1, draws), zeros passed over, (draws,)."""
    if (periods != 0).all():
        above = periods > 0
        return np.asarray((above[1:] != above[:-1]).sum(axis=0))
    count = np.zeros(periods.shape[1], dtype=np.int64)
    last = np.zeros(periods.shape[1])
    for flow in periods:
        sign = np.sign(flow)
        count += last * sign < 0
        last = np.where(sign != 0, sign, last)
    return count


def _end(columns: Array) -> Array:
    """Sign of the first flow that is not 0, (1, draws)."""
    first = (columns != 0).argmax(axis=0)
    return np.asarray(np.sign(columns[first, np.arange(columns.shape[1])])[None, :], dtype=np.float64)


def _root(columns: Array, low: Array, high: Array, rising: npt.NDArray[np.bool_], x: Array) -> Array:
    """Root in x of sum flow_t x^t between low and high, (draws,): Newton steps from x, halving where they leave the
    bracket.

    A step shorter than _LAST is the last one: a Newton step squares the error. It is taken even where it leaves the
    bracket, whose end may itself be the root but for rounding. Draws that are done are left out
    once they are more than half.
    """
    out, left = np.empty(len(low)), np.arange(len(low))
    for _ in range(100):
        value, slope = _horner(columns, x)
        above = (value > 0) == rising
        high, low = np.where(above, x, high), np.where(above, low, x)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = x - value / slope
        step = np.where(value == 0, x, step)
        more = ~(np.abs(step - x) <= _LAST * x)
        new = np.where(more & ~((step > low) & (step < high)), np.sqrt(low * high), step)
        out[left] = new
        if not more.any():
            break
        x = new
        if 2 * np.count_nonzero(more) < len(x):
            columns, left = columns[:, more], left[more]
            low, high, rising, x = low[more], high[more], rising[more], x[more]
    return out


def _horner(columns: Array, x: Array) -> tuple[Array, Array]:
    """Value and slope at x of the polynomials whose coefficients are the rows of `columns`, constant first."""
    value, slope = columns[-1].copy(), np.zeros_like(x)
    for row in columns[-2::-1]:
        slope *= x
        slope += value
        value *= x
        value += row
    return value, slope


def irr_roots(flows: Array) -> Array:
    """All real rates above -1 of one stream (periods + 1,), per period, in rising order. Slow and exact (eigenvalues)."""
    flows = np.trim_zeros(np.asarray(flows, dtype=np.float64))
    if len(flows) < 2:
        return np.empty(0)
    found = np.roots(flows)  # in 1 + rate: sum flow_t (1 + rate)^(T - t)
    real = found.real[(np.abs(found.imag) < 1e-9 * np.maximum(1.0, np.abs(found.real))) & (found.real > 0)]
    return np.sort(real) - 1.0


def mirr(flows: Array, finance_rate: float, reinvest_rate: float) -> float:
    """Modified internal rate per period of one stream, as spreadsheets define it.

    Raises Problem `finance.one_sided` where there is no inflow or no outflow.
    """
    flows = np.asarray(flows, dtype=np.float64)
    last = len(flows) - 1
    spent = -npv(np.minimum(flows, 0.0), finance_rate, 1)[0]
    earned = npv(np.maximum(flows, 0.0), reinvest_rate, 1)[0]
    if spent <= 0 or earned <= 0:
        raise Problem("finance.one_sided", got=flows.tolist())
    return float((earned * (1.0 + reinvest_rate) ** last / spent) ** (1.0 / last) - 1.0)


def payback(flows: Array) -> Array:
    """Periods until the cumulative flow is 0 or above for good, (draws,); linear inside the period; 0 if it is never
    below, NaN if it ends below. For discounted payback pass discounted flows."""
    return payback_of(np.cumsum(np.atleast_2d(flows), axis=1))


def payback_of(cumulative: Array) -> Array:
    """The same from cumulative flows (draws, periods + 1)."""
    below = cumulative < 0
    width = cumulative.shape[1]
    last = width - 1 - below[:, ::-1].argmax(axis=1)  # last period below 0
    rows = np.arange(len(cumulative))
    ends_below = below[:, -1]
    before, after = cumulative[rows, last], cumulative[rows, np.minimum(last + 1, width - 1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        when = last + before / (before - after)
    return np.where(ends_below, np.nan, np.where(below.any(axis=1), when, 0.0))


def trough(flows: Array) -> Array:
    """Deepest point of the cumulative flow, (draws,), 0 or below: the money that must be at hand."""
    return np.asarray(np.minimum(np.cumsum(np.atleast_2d(flows), axis=1).min(axis=1), 0.0))


def tail(values: Array, share: float = 0.05) -> float:
    """Mean of the worst `share` of the values (conditional value at risk; Rockafellar and Uryasev 2000)."""
    values = np.asarray(values, dtype=np.float64)
    count = max(1, round(share * len(values)))
    return float(np.partition(values, count - 1)[:count].mean())
