"""What a stream of money is worth: net present value, internal rate, payback, return on cost, peak funding, tail.

Flows have shape (draws, periods + 1) or (periods + 1,); period 0 is now and is not discounted. Flows with dates of
their own are in `dated`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.finance.roots import log_rates, only_log_factor, paid_once_log_factor
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity

_GRID = np.geomspace(0.05, 20.0, 257)  # discount factors of one period between which roots are looked for
_WIDEST = 12 * np.log(20.0) * (1 + 1e-9)  # of log(1 + rate a year): beyond it a rate says nothing any more
_LAST = 1e-9  # relative length of the last Newton step
_BLOCK = 65536  # flows worked on together
_NEAR = 0.5  # of log x: no start of a search is farther from 0 than that


def npv(flows: Array, rate_per_year: Quantity, periods_per_year: int = 12, *, mid_year: bool = False) -> Array:
    """Net present value (draws,): sum of flow_t / (1 + r)^(t / periods_per_year).

    mid_year: flows after now come in the middle of their period, so they are discounted for half a period less.
    Raises Problem `flows.rate` for a rate of -100 % or below.
    """
    flows = np.atleast_2d(np.asarray(flows, dtype=np.float64))
    rate = np.asarray(rate_per_year, dtype=np.float64)
    if not (rate > -1).all():
        raise Problem("flows.rate", got=float(rate.min()), limit=-1)
    one = (1.0 + rate) ** (-1.0 / periods_per_year)  # discount factor of one period
    later = np.zeros(flows.shape[0])
    for flow in flows.T[:0:-1]:  # Horner: no power for every draw and period
        later += flow
        later *= one
    return np.asarray(flows[:, 0] + (later / np.sqrt(one) if mid_year else later))


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
    missed, never one alone; one outside the grid is counted, but its rate is not given. Nor is a rate a year of more than
    20^12. `irr_roots` lists all.
    """
    flows = np.atleast_2d(np.asarray(flows, dtype=np.float64))
    periods = np.ascontiguousarray(flows.T)
    block = min(8192, max(512, _BLOCK // len(periods)))
    log_x, roots = np.full(len(flows), np.nan), np.empty(len(flows), dtype=np.int64)
    plain, near = np.zeros(len(flows), dtype=bool), 0.0
    for start in range(0, len(flows), block):  # a block of draws stays in the cache through all steps
        part = slice(start, start + block)
        columns = periods[:, part]
        roots[part] = _changes(columns)
        once = (columns[0] < 0) & (columns[1:] >= 0).all(axis=0) & (roots[part] == 1)
        if 2 * np.count_nonzero(once) > len(once):  # to fill the places of the others is faster than to take them out
            ready = columns if once.all() else np.where(once, columns, _filler(len(periods)))
            log_x[part] = paid_once_log_factor(ready, near)
            plain[part] = once
            near = min(max(float(log_x[part][once].mean()), -_NEAR), _NEAR)
    log_x[~plain] = np.nan
    rest, several = np.flatnonzero(~plain & (roots == 1)), np.flatnonzero(roots > 1)
    for start in range(0, len(rest), block):
        group = rest[start : start + block]
        log_x[group] = only_log_factor(periods[:, group])
    for start in range(0, len(several), block):
        group = several[start : start + block]
        log_x[group], roots[group] = _on_grid(periods[:, group])
    with np.errstate(invalid="ignore"):
        log_x[np.abs(log_x) * periods_per_year > _WIDEST] = np.nan
    return Rates(np.exp(-float(periods_per_year) * log_x) - 1.0, roots.astype(np.float64))


def _filler(periods: int) -> Array:
    """A stream with one root, (periods, 1)."""
    return np.concatenate((np.full((1, 1), -1.0), np.ones((periods - 1, 1))))


def _on_grid(columns: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """log of the discount factor where there is one root, else NaN, and the number of roots, of streams with more than
    one change of sign (periods + 1, draws)."""
    values = (_GRID[:, None] ** np.arange(len(columns))[None, :]) @ columns
    signs = np.concatenate((_end(columns), np.sign(values), _end(columns[::-1])))
    signs[signs == 0] = 1.0  # a root on a grid point: counted with the side above it
    crossings = signs[1:] != signs[:-1]
    roots, place = crossings.sum(axis=0), crossings.argmax(axis=0)
    inside = np.flatnonzero((roots == 1) & (place > 0) & (place < len(_GRID)))
    place = place[inside]
    ends = values[place - 1, inside], values[place, inside]
    start = _GRID[place - 1] + (_GRID[place] - _GRID[place - 1]) * ends[0] / (ends[0] - ends[1])  # straight line
    found = np.full(len(roots), np.nan)
    rising = signs[place + 1, inside] > 0
    found[inside] = np.log(_root(columns[:, inside], _GRID[place - 1], _GRID[place], rising, start))
    return found, roots


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
    """All real rates above -1 of one stream (periods + 1,), per period, in rising order. Slow and exact: see `roots`."""
    flows = np.asarray(flows, dtype=np.float64)
    return np.asarray(np.expm1(log_rates(flows, np.arange(len(flows), dtype=np.float64))))


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


def payback_of(cumulative: Array, *, first: bool = False) -> Array:
    """The same from cumulative flows (draws, periods + 1). first: the first time that it is 0 or above again, even if
    it falls below later; NaN if there is none."""
    below = cumulative < 0
    width = cumulative.shape[1]
    rows = np.arange(len(cumulative))
    if first:
        rises = below[:, :-1] & ~below[:, 1:]
        last, never = rises.argmax(axis=1), below.any(axis=1) & ~rises.any(axis=1)
    else:
        last, never = width - 1 - below[:, ::-1].argmax(axis=1), below[:, -1]  # last period below 0
    before, after = cumulative[rows, last], cumulative[rows, np.minimum(last + 1, width - 1)]
    with np.errstate(divide="ignore", invalid="ignore"):
        when = last + before / (before - after)
    return np.where(never, np.nan, np.where(below.any(axis=1), when, 0.0))


def discounted(flows: Array, rate_per_year: Quantity, periods_per_year: int = 12) -> Array:
    """Present value of every flow, shape kept: what discounted payback looks at."""
    flows = np.atleast_2d(np.asarray(flows, dtype=np.float64))
    factors = (1.0 + np.asarray(rate_per_year, dtype=np.float64).reshape(-1, 1)) ** (-1.0 / periods_per_year)
    return np.asarray(flows * factors ** np.arange(flows.shape[1]))


def crossings(flows: Array) -> npt.NDArray[np.int64]:
    """How often the cumulative flow comes up from below 0, (draws,). Above 1 `payback` gives the last time, and a report
    says so; 0 means that it never was below, or never came back."""
    below = np.cumsum(np.atleast_2d(flows), axis=1) < 0
    return np.asarray((below[:, :-1] & ~below[:, 1:]).sum(axis=1))


def profitability_index(flows: Array, rate_per_year: Quantity, periods_per_year: int = 12) -> Array:
    """Present value of all flows after now over what is paid now, (draws,); NaN where nothing is paid now."""
    flows = np.atleast_2d(np.asarray(flows, dtype=np.float64))
    paid = -flows[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(paid > 0, (npv(flows, rate_per_year, periods_per_year) + paid) / paid, np.nan)


def roi(benefits: Quantity, costs: Quantity) -> Array:
    """Return on cost: (benefits - costs) / costs from two present values, both positive; NaN where nothing is spent."""
    gain, spent = np.asarray(benefits, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(spent > 0, (gain - spent) / spent, np.nan)


def peak_funding(flows: Array) -> Array:
    """The most money that is ever out at once, (draws,), 0 or above: the trough with its sign turned."""
    return -trough(flows)


def trough(flows: Array) -> Array:
    """Deepest point of the cumulative flow, (draws,), 0 or below: the money that must be at hand."""
    return np.asarray(np.minimum(np.cumsum(np.atleast_2d(flows), axis=1).min(axis=1), 0.0))


def tail(values: Array, share: float = 0.05) -> float:
    """Mean of the worst `share` of the values (conditional value at risk; Rockafellar and Uryasev 2000)."""
    values = np.asarray(values, dtype=np.float64)
    count = max(1, round(share * len(values)))
    return float(np.partition(values, count - 1)[:count].mean())
