"""What knowing more is worth: EVPI, and EVPPI and EVSI by regression on the draws.

Net benefits are a matrix (draws, options). Strong, Oakley and Brennan 2014: the expected net benefit of every option,
given what is learned, is a smooth function of it, and a regression on the draws estimates it. The same holds for what a
study would show (Strong and others 2015): row i is what it would show if draw i were the truth.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from groundsill.assess import regression
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array


def evpi(net_benefit: Array) -> float:
    """Expected value of perfect information: E max_d NB_d - max_d E NB_d, 0 or above."""
    best = net_benefit[:, net_benefit.mean(axis=0).argmax()]
    return float((net_benefit.max(axis=1) - best).mean())  # exactly 0 where one option is best in every draw


@dataclass(frozen=True)
class Worth:
    """Money with its 90 % interval over the chance of the draws; value between 0 and EVPI. An interval from 0 says that
    it cannot be told from nothing."""

    value: float
    low: float
    high: float

    def at_most(self, most: float) -> Worth:
        """The same where no more can be had."""
        return Worth(min(self.value, most), min(self.low, most), min(self.high, most))


def evppi(net_benefit: Array, x: Array) -> Worth:
    """What knowing x (n,), or several inputs together (n, k), is worth before the choice; net benefit (n, options).

    Several together are worth at least what the best of them is worth alone: a regression on all of them that falls
    below is a poor fit, and the single one is taken. Does not depend on the order of the draws.
    Raises Problem `information.rows` if the two differ in draws, `information.not_finite`.
    """
    net_benefit = _finite(net_benefit)
    return _worth(regression.Target(net_benefit), _matching(x, len(net_benefit)), evpi(net_benefit))


def evsi(net_benefit: Array, summary: Array, *, limit: float | None = None) -> Worth:
    """What a study is worth that shows `summary` (n,) or (n, k), one row a draw: what it would show if that draw were
    the truth. limit: EVPPI of what the study looks at, if known; a study is never worth more. Raises as `evppi`."""
    found = evppi(net_benefit, summary)
    most = math.inf if limit is None else max(limit, 0.0)
    return found.at_most(most)


def enbs(evsi: Worth, cost: float) -> Worth:
    """What is left of a study's worth after its cost; below 0 it does not pay."""
    return Worth(evsi.value - cost, evsi.low - cost, evsi.high - cost)


def evppi_all(net_benefit: Array, inputs: Mapping[str, Array]) -> dict[str, Worth]:
    """`evppi` of each input alone (n,), in the order given: what they share is worked out once."""
    net_benefit = _finite(net_benefit)
    target, most = regression.Target(net_benefit), evpi(net_benefit)
    return {name: _worth(target, _matching(x, len(net_benefit)), most) for name, x in inputs.items()}


def _finite(values: Array) -> Array:
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).all():
        raise Problem("information.not_finite")
    return values


def _matching(x: Array, rows: int) -> Array:
    if len(x) != rows or not rows:
        raise Problem("information.rows", got=len(x), limit=rows)
    return np.ascontiguousarray(_finite(x))


def _worth(target: regression.Target, x: Array, most: float) -> Worth:
    if x.ndim == 2 and x.shape[1] == 1:
        x = x[:, 0]
    if x.ndim == 1:
        value, error = target.known(x)
    else:
        alone = max((target.known(column) for column in x.T), key=lambda found: found[0])
        together = target.known_together(x)
        value, error = together if together[0] >= alone[0] else alone
    ends = (value - regression.Z95 * error, value, value + regression.Z95 * error)
    low, middle, high = (min(max(v, 0.0), most) for v in ends)
    return Worth(middle, low, high)
