"""Flows with dates of their own: XNPV and XIRR as spreadsheets define them, actual days over 365."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from groundsill.finance.roots import log_rates, only_log_rate
from groundsill.finance.value import Rates
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity

YEAR_DAYS = 365.0


def years(dates: Sequence[date | str]) -> Array:
    """Years from the first of the dates given, (k,): actual days over 365, leap years too.

    Raises Problem `flows.date` for what is no ISO date.
    """
    days = []
    for one in dates:
        try:
            days.append((one if isinstance(one, date) else date.fromisoformat(one)).toordinal())
        except ValueError:
            raise Problem("flows.date", got=one) from None
    return (np.array(days, dtype=np.float64) - days[0]) / YEAR_DAYS


def xnpv(flows: Array, dates: Sequence[date | str], rate_per_year: Quantity) -> Array:
    """Worth at the first of the dates, (draws,), of flows (k,) or (draws, k).

    Raises Problem `flows.lengths`, `flows.date`, `flows.rate`.
    """
    flows, when = _paired(flows, dates)
    rate = np.asarray(rate_per_year, dtype=np.float64)
    if not (rate > -1).all():
        raise Problem("flows.rate", got=float(rate.min()), limit=-1)
    return np.asarray((flows * (1.0 + rate.reshape(-1, 1)) ** -when).sum(axis=1))


def xirr(flows: Array, dates: Sequence[date | str]) -> Rates:
    """Rate a year at which `xnpv` is 0, only where it is the only one above -1, (draws,), and how many there are.

    A stream with one change of sign has one; streams with more are taken one by one (`xirr_roots`).
    Raises Problem `flows.lengths`, `flows.date`.
    """
    flows, when = _paired(flows, dates)
    order = np.argsort(when, kind="stable")
    when, first = np.unique(when[order], return_index=True)
    summed = np.add.reduceat(flows[:, order], first, axis=1)  # one amount a day
    rate, count = np.full(len(flows), np.nan), np.zeros(len(flows))
    changes = np.array([np.count_nonzero(np.diff(np.sign(row[row != 0]))) for row in summed])
    single = np.flatnonzero(changes == 1)
    if len(single):
        rate[single] = np.expm1(only_log_rate(summed[single].T, when))
        count[single] = 1
    for i in np.flatnonzero((changes > 1) | ((changes == 1) & np.isnan(rate))):
        found = log_rates(summed[i], when)
        count[i] = len(found)
        rate[i] = np.expm1(found[0]) if len(found) == 1 else np.nan
    return Rates(rate, count)


def xirr_roots(flows: Array, dates: Sequence[date | str]) -> Array:
    """All real rates above -1 of one stream (k,), a year, in rising order. Raises as `xirr`."""
    flows, when = _paired(flows, dates)
    return np.asarray(np.expm1(log_rates(flows[0], when)))


def _paired(flows: Array, dates: Sequence[date | str]) -> tuple[Array, Array]:
    flows = np.atleast_2d(np.asarray(flows, dtype=np.float64))
    if flows.shape[1] != len(dates) or not len(dates):
        raise Problem("flows.lengths", got=flows.shape[1], limit=len(dates))
    return flows, years(dates)
