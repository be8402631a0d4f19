"""Two ends at once, effects and costs, at a price that one is willing to pay for an effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groundsill.assess.information import evpi
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array


@dataclass(frozen=True)
class Acceptability:
    """icer: added cost for each added effect of every option after the first, against the first (options - 1,); at each
    price: gain, mean net benefit over that of the first (prices, options - 1); better, probability that it is better
    than the first (prices, options - 1); best, probability that each is the best of all (prices, options); evpi."""

    icer: Array
    gain: Array
    better: Array
    best: Array
    evpi: Array


def acceptability(effects: Array, costs: Array, prices: Array) -> Acceptability:
    """effects, costs: (draws, options); prices: willingness to pay for one effect (prices,).

    Raises Problem `information.rows` if the two differ in shape.
    """
    e, c = np.asarray(effects, dtype=np.float64), np.asarray(costs, dtype=np.float64)
    if e.shape != c.shape or e.ndim != 2 or e.shape[1] < 2:
        raise Problem("information.rows", got=len(c), limit=len(e))
    more_effect, more_cost = e[:, 1:] - e[:, :1], c[:, 1:] - c[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        icer = more_cost.mean(axis=0) / more_effect.mean(axis=0)
    gain, better, best, worth = [], [], [], []
    for price in np.atleast_1d(prices):
        benefit = price * e - c
        over = benefit[:, 1:] - benefit[:, :1]
        gain.append(over.mean(axis=0))
        better.append((over > 0).mean(axis=0))
        best.append(np.bincount(benefit.argmax(axis=1), minlength=e.shape[1]) / len(e))
        worth.append(evpi(benefit))
    return Acceptability(icer, np.array(gain), np.array(better), np.array(best), np.array(worth))
