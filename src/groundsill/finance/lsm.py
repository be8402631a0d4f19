"""Least-squares Monte Carlo (Longstaff and Schwartz 2001): when to use a right whose worth depends on what is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

Basis = Callable[[Array], Array]


@dataclass(frozen=True)
class Exercise:
    """value: today, at least that of using the right now; low, high: with the rule fitted on one half of the paths and
    valued on the other, and fitted and valued on the same paths; error: standard error of `value`; european: if it can
    be used on the last date only; coefficients: date -> (basis,) of the value of going on; when: date at which each
    path uses it (paths,), -1 for never."""

    value: float
    low: float
    high: float
    error: float
    european: float
    coefficients: dict[int, Array]
    when: npt.NDArray[np.int64]


def lsm(
    paths: Array,
    exercise: Callable[[Array], Array] | Array,
    discount: float | Sequence[float] | Array,
    basis: Sequence[Basis] | int = 2,
    *,
    split: bool = False,
    all_paths: bool = False,
) -> Exercise:
    """Worth of a right that may be used on one of the dates, once.

    paths: what is seen (n, dates) or (n, dates, k), date 0 is now; exercise: what using it pays, an array (n, dates) or
    a function of what is seen on one date; discount: factor of one step, or one for each step (dates - 1,); basis:
    functions of what is seen (n,) or (n, k), or the power up to which one number is taken. The value of going on is
    regressed on the basis over the paths on which using it would pay, or over all_paths. split: `value` is `low`.
    Raises Problem `flows.lengths`.
    """
    paths = np.asarray(paths, dtype=np.float64)
    n, dates = paths.shape[:2]
    if callable(exercise):
        pays = np.column_stack([exercise(paths[:, t]) for t in range(dates)])
    else:
        pays = np.asarray(exercise, dtype=np.float64)
    factors = np.broadcast_to(np.asarray(discount, dtype=np.float64), (dates - 1,))
    if pays.shape != (n, dates):
        raise Problem("flows.lengths", got=pays.shape[1], limit=dates)
    functions = powers(basis) if isinstance(basis, int) else tuple(basis)
    half = np.arange(n) % 2 == 0
    value, coefficients, when = _back(paths, pays, factors, functions, np.ones(n, dtype=bool), all_paths)
    other = np.empty(n)
    for fit in (half, ~half) if n > 4 * len(functions) else ():
        told = _back(paths, pays, factors, functions, fit, all_paths)[0]
        other[~fit] = told[~fit]
    now = float(pays[:, 0].mean())
    high = max(now, float(value.mean()))
    low = max(now, float(other.mean())) if n > 4 * len(functions) else high
    european = float((pays[:, -1] * factors.prod()).mean())
    taken = low if split else high
    return Exercise(taken, low, high, float(value.std() / np.sqrt(n)), european, coefficients, when)


def powers(highest: int) -> tuple[Basis, ...]:
    """1, x, ..., x^highest."""
    return tuple((lambda x, p=p: x**p) for p in range(highest + 1))


def _back(
    paths: Array, pays: Array, factors: Array, basis: Sequence[Basis], fit: npt.NDArray[np.bool_], all_paths: bool
) -> tuple[Array, dict[int, Array], npt.NDArray[np.int64]]:
    """Worth at date 0 on every path if it is not used there, with rules fitted on the paths `fit`."""
    last = pays.shape[1] - 1
    worth = np.maximum(pays[:, last], 0.0)
    when = np.where(pays[:, last] > 0, last, -1)
    coefficients = {}
    for t in range(last - 1, 0, -1):
        worth = worth * factors[t]
        good = np.ones(len(worth), dtype=bool) if all_paths else pays[:, t] > 0
        learn = good & fit
        if np.count_nonzero(learn) >= len(basis):
            seen = paths[good, t]
            columns = np.column_stack([np.broadcast_to(f(seen), len(seen)) for f in basis])
            rows = learn[good]
            found = np.linalg.lstsq(columns[rows], worth[good][rows], rcond=None)[0]
            coefficients[t] = found
            use = np.zeros(len(worth), dtype=bool)
            use[good] = (pays[good, t] > columns @ found) & (pays[good, t] > 0)
            worth, when = np.where(use, pays[:, t], worth), np.where(use, t, when)
    return worth * factors[0], coefficients, when
