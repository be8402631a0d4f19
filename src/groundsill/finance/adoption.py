"""How a market takes something up: the Bass model (Bass 1969), where some begin by themselves and others follow them.

p: share of those left who begin by themselves in a year; q: pull of those who have it already. Sultan, Farley and
Lehmann 1990 found p = 0.03 and q = 0.38 on average over 213 applications. Floats or arrays throughout.
"""

from __future__ import annotations

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity


def adopted(years: Quantity, p: Quantity, q: Quantity) -> Array:
    """Share of all who will ever adopt that have done so, F(t) = (1 - e^-(p+q)t) / (1 + q/p e^-(p+q)t); 0 before t = 0.

    Raises Problem `flows.bass` unless p > 0 and q >= 0.
    """
    p, q = _checked(p, q)
    left = np.exp(-(p + q) * np.maximum(np.asarray(years, dtype=np.float64), 0.0))
    return np.asarray((1.0 - left) / (1.0 + q / p * left))


def rate(years: Quantity, p: Quantity, q: Quantity) -> Array:
    """New adopters a year as a share of all who ever will, f(t) = (p + q F)(1 - F). Raises as `adopted`."""
    done = adopted(years, p, q)
    p, q = _checked(p, q)
    return np.asarray((p + q * done) * (1.0 - done))


def peak(p: Quantity, q: Quantity) -> tuple[Array, Array, Array]:
    """Years until most begin at once, that rate, and the share that has adopted by then. Where q <= p the most begin at
    the start: (0, p, 0). Raises as `adopted`."""
    p, q = _checked(p, q)
    later = q > p
    with np.errstate(divide="ignore", invalid="ignore"):
        when = np.where(later, np.log(q / p) / (p + q), 0.0)
        most = np.where(later, (p + q) ** 2 / (4.0 * q), p)
        share = np.where(later, 0.5 - p / (2.0 * q), 0.0)
    return when, most, share


def _checked(p: Quantity, q: Quantity) -> tuple[Array, Array]:
    first, second = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if not ((first > 0).all() and (second >= 0).all()):
        raise Problem("flows.bass", got=f"p={p}, q={q}")
    return first, second
