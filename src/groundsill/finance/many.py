"""Net present value and internal rate of very many draws, in groups that stay in the cache of a core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from groundsill.finance import value
from groundsill.terms.quantity import Array

GROUP = 8192  # draws worked on together: 30 inputs of it are 2 MB, about the second cache of a core
_GROUPS = 8  # whose rates are looked for together, so that the few streams of other kinds fill a group of their own


@dataclass(frozen=True)
class Many:
    """npv, rate (NaN unless it is the only one), roots: (draws,) each."""

    npv: Array
    rate: Array
    roots: Array


def valued(
    flows: Callable[[int, np.random.Generator], Array],
    n: int,
    rng: np.random.Generator,
    rate_per_year: float,
    *,
    periods_per_year: int = 1,
) -> Many:
    """flows: (draws wanted, source of chance) -> money by period (periods + 1, draws), period 0 now. Memory does not grow
    with n but for the results. The same rng gives the same numbers. Raises Problem `flows.rate`."""
    out = Many(np.empty(n), np.empty(n), np.empty(n))
    for start in range(0, n, GROUP * _GROUPS):
        stop = min(start + GROUP * _GROUPS, n)
        held = list[Array]()
        for begin in range(start, stop, GROUP):
            part = slice(begin, min(begin + GROUP, stop))
            held.append(flows(part.stop - part.start, rng))
            out.npv[part] = value.npv(held[-1].T, rate_per_year, periods_per_year)
        found = value.irr(np.concatenate(held, axis=1).T, periods_per_year)
        out.rate[start:stop], out.roots[start:stop] = found.rate, found.roots
    return out
