"""What rivals leave: shares, margins, concentration, entry, and a lead that wears off.

Shares are fractions; the Herfindahl-Hirschman index is on the usual scale of 0 to 10,000 (squares of percentages).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity

MONOPOLY = 1e4  # the index of a market with one firm


def logit_shares(appeal: Array, *, outside: bool = True) -> Array:
    """Share of each firm, e^v / (1 + sum e^v) over the last axis (McFadden 1974); outside: people may also buy nothing,
    whose appeal is 0."""
    v = np.asarray(appeal, dtype=np.float64)
    top = np.maximum(v.max(axis=-1, keepdims=True), 0.0) if outside else v.max(axis=-1, keepdims=True)
    e = np.exp(v - top)
    total = e.sum(axis=-1, keepdims=True)
    return np.asarray(e / (total + np.exp(-top) if outside else total))


def hhi(shares: Array) -> Array:
    """Concentration: 10^4 times the sum of squared shares over the last axis. Shares need not sum to 1: what is missing
    belongs to firms too small to count. Raises Problem `flows.shares` for a negative share or a sum above 1."""
    s = np.asarray(shares, dtype=np.float64)
    if not ((s >= 0).all() and (s.sum(axis=-1) <= 1 + 1e-9).all()):
        raise Problem("flows.shares", got=", ".join(f"{v:g}" for v in s.ravel()[:8]))
    return np.asarray(MONOPOLY * (s * s).sum(axis=-1))


def after_entry(shares: Array, entrant: float) -> Array:
    """Shares when a new firm takes `entrant` of the market from all in proportion; the newcomer is last."""
    s = np.asarray(shares, dtype=np.float64)
    return np.concatenate((s * (1.0 - entrant), np.full((*s.shape[:-1], 1), entrant)), axis=-1)


def after_merger(shares: Array, first: int, second: int) -> Array:
    """Shares when two firms become one; it stands in the place of the first."""
    s = np.array(shares, dtype=np.float64)
    s[..., first] += s[..., second]
    return np.delete(s, second, axis=-1)


def merger_rise(first: Quantity, second: Quantity) -> Quantity:
    """By how much the index rises when two firms with these shares merge: 2 a b."""
    return 2.0 * MONOPOLY * first * second


def cournot_margin(concentration: Quantity, elasticity: Quantity) -> Quantity:
    """(price - cost) / price, averaged over output, of firms that choose amounts: HHI / (10^4 |elasticity|) (Cowling and
    Waterson 1976). Above 1 means that no such market exists at this elasticity."""
    return concentration / (MONOPOLY * np.abs(elasticity))


def lead(years: Quantity, now: Quantity, at_last: Quantity, years_to_lose: Quantity) -> Array:
    """Share that falls from `now` to `at_last`: s + (s0 - s) e^(-t / tau), tau = years_to_lose."""
    keeps = np.exp(-np.asarray(years, dtype=np.float64) / years_to_lose)
    return np.asarray(at_last + (np.asarray(now) - at_last) * keeps)


def entrants(threshold: Quantity, margin: Quantity, scale: Quantity, power: float = 1.0) -> Array:
    """Mean number of rivals that come: scale x margin / threshold^power. Fewer can pay a higher threshold, and a higher
    margin draws more; numbers are Poisson around it."""
    with np.errstate(divide="ignore"):
        return np.asarray(scale * np.maximum(margin, 0.0) / np.asarray(threshold, dtype=np.float64) ** power)


def free_entry(worth: Callable[[int], float], most: int = 1000) -> int:
    """Firms in the market when nobody gains by entering: the largest n such that the n-th entrant still has a net
    present value of 0 or above. worth: of one firm among n, falling in n; 0 if not even one can live."""
    n = 0
    while n < most and worth(n + 1) >= 0.0:
        n += 1
    return n


def cournot_profit(size: float, slope: float, cost: float, firms: int, threshold: float = 0.0) -> float:
    """Profit of one of `firms` equal firms that choose amounts, at demand price = size - slope x amount and marginal
    cost `cost`, less the threshold each has to pay: ((size - cost) / (firms + 1))^2 / slope - threshold."""
    return float((max(size - cost, 0.0) / (firms + 1)) ** 2 / slope - threshold)


def by_threshold(thresholds: Sequence[float], size: float, slope: float, cost: float) -> tuple[Array, Array, Array]:
    """What a higher entry threshold does to equal Cournot firms with free entry: firms, index and margin at each
    threshold (k,). Firms 0, and NaN for the rest, where nobody can pay it."""
    counts, index, margins = [], [], []
    for threshold in thresholds:
        n = free_entry(partial(cournot_profit, size, slope, cost, threshold=threshold))
        price = (size + n * cost) / (n + 1)
        counts.append(float(n))
        index.append(MONOPOLY / n if n else float("nan"))
        margins.append((price - cost) / price if n else float("nan"))
    return np.array(counts), np.array(index), np.array(margins)
