"""What the right to decide later is worth: hurdles, waiting, options on options, gates, and which box to open first.

Rates are continuous where a price moves (`hurdle`, `black_scholes`, `compound_*`) and per period where a tree has
periods (`wait_or_invest`, `gates`). Trees of gates and least-squares Monte Carlo have modules of their own; their calls
are here too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from groundsill.finance.gates import Branch, Gate, Staged, chain, gates
from groundsill.finance.lsm import Exercise, lsm
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity

__all__ = [
    "Branch",
    "Exercise",
    "Gate",
    "Kind",
    "Staged",
    "Wait",
    "american",
    "black_scholes",
    "chain",
    "compound_call",
    "compound_put",
    "exponent",
    "gates",
    "hurdle",
    "lsm",
    "reservation",
    "right_to_invest",
    "search_value",
    "wait_or_invest",
]

Kind = Literal["call", "put"]
_NODES = 64  # of Gauss and Legendre on each side of an exercise border
_FAR = 10.0  # standard deviations that are integrated over


def exponent(r: Quantity, delta: Quantity, sigma: Quantity) -> Quantity:
    """Positive root of the fundamental quadratic, beta (Dixit and Pindyck 1994, ch. 5): the worth of the right to
    invest grows as the value of the project to this power.

    r: riskless rate; delta: what waiting costs (payout, lost lead, falling prices); sigma: of the value, all a year.
    Raises Problem `flows.option_input` unless r > 0, delta >= 0, sigma >= 0. Infinity where r and delta are such that
    waiting is worth nothing, 1 where waiting costs nothing.
    """
    rate, cost, spread = (np.asarray(v, dtype=np.float64) for v in (r, delta, sigma))
    if not ((rate > 0).all() and (cost >= 0).all() and (spread >= 0).all()):
        raise Problem("flows.option_input", got=f"r={r}, delta={delta}, sigma={sigma}")
    drift = rate - cost
    with np.errstate(divide="ignore", invalid="ignore"):
        a = drift / spread**2 - 0.5
        root = np.sqrt(a * a + 2.0 * rate / spread**2)
        # the two forms are equal; each is the one without cancellation on its side
        beta = np.where(a > 0, 2.0 * rate / spread**2 / (a + root), root - a)
        sure = np.where(drift > 0, rate / drift, np.inf)
    out = np.where(spread > 0, beta, sure)
    return out if out.ndim else float(out)


def hurdle(r: Quantity, delta: Quantity, sigma: Quantity) -> Quantity:
    """Value over cost at which investing beats waiting: beta / (beta - 1). Infinity where waiting costs nothing.

    Raises what `exponent` raises.
    """
    beta = np.asarray(exponent(r, delta, sigma), dtype=np.float64)
    with np.errstate(divide="ignore"):
        out = 1.0 / (1.0 - 1.0 / beta)
    return out if out.ndim else float(out)


def right_to_invest(
    value: Quantity, cost: Quantity, r: Quantity, delta: Quantity, sigma: Quantity
) -> tuple[Quantity, Quantity]:
    """Worth of the right to pay `cost` for a project of this `value` at the best moment, without end, and the value at
    which to do it (Dixit and Pindyck 1994, ch. 5)."""
    beta = np.asarray(exponent(r, delta, sigma))
    border = np.asarray(cost) * np.asarray(hurdle(r, delta, sigma))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        waiting = (border - cost) * (np.asarray(value) / border) ** beta
    out = np.where(np.asarray(value) >= border, np.asarray(value) - cost, waiting)
    return (out, border) if out.ndim else (float(out), float(border))


@dataclass(frozen=True)
class Wait:
    """now: net present value of investing now; wait: of deciding when the price has moved, today; gain: what waiting
    adds to investing now (below 0 where it costs); up, down: net present value in each state, when it is known."""

    now: float
    wait: float
    up: float
    down: float

    @property
    def gain(self) -> float:
        return self.wait - self.now


def wait_or_invest(
    cost: float, price: float, up: float, down: float, p_up: float, rate: float, periods: int | None = None
) -> Wait:
    """Invest now, or wait one period until the price is known to be `up` or `down` for good (Pindyck 1991, widgets).

    The project pays the price at once and then every period without end, or for `periods` periods in all.
    Raises Problem `flows.option_input`, `flows.probability`.
    """
    if not rate > 0 or (periods is not None and periods < 1):
        raise Problem("flows.option_input", got=f"rate={rate}, periods={periods}")
    _probability(p_up)
    v = 1.0 / (1.0 + rate)
    later = 1.0 / rate if periods is None else (1.0 - v ** (periods - 1)) / rate  # of 1 from the next period on
    high, low = (-cost + p * (1.0 + later) for p in (up, down))
    now = -cost + price + (p_up * up + (1.0 - p_up) * down) * later
    return Wait(now, v * (p_up * max(0.0, high) + (1.0 - p_up) * max(0.0, low)), high, low)


def black_scholes(
    price: Quantity, strike: Quantity, years: float, r: float, b: float, sigma: float, kind: Kind = "call"
) -> Array:
    """Worth of a European option on something that grows at the cost of carry b (Black and Scholes 1973, Merton 1973).

    b = r: no payout; b = r - q: payout q; b = 0: on a forward. Raises Problem `flows.option_input`.
    """
    from scipy.special import ndtr

    if not (years > 0 and sigma > 0):
        raise Problem("flows.option_input", got=f"years={years}, sigma={sigma}")
    s, x = np.asarray(price, dtype=np.float64), np.asarray(strike, dtype=np.float64)
    spread = sigma * math.sqrt(years)
    with np.errstate(divide="ignore"):
        d1 = np.log(s / x) / spread + (b / sigma + 0.5 * sigma) * math.sqrt(years)
    sign = 1.0 if kind == "call" else -1.0
    ahead, paid = s * math.exp((b - r) * years), x * math.exp(-r * years)
    return np.asarray(sign * (ahead * ndtr(sign * d1) - paid * ndtr(sign * (d1 - spread))))


def american(
    price: float, strike: float, years: float, r: float, b: float, sigma: float, kind: Kind = "call", steps: int = 1000
) -> float:
    """Worth of an option that may be used at any time, on a binomial tree (Cox, Ross and Rubinstein 1979)."""
    dt = years / steps
    up = math.exp(sigma * math.sqrt(dt))
    p = (math.exp(b * dt) - 1.0 / up) / (up - 1.0 / up)
    if not 0.0 < p < 1.0:
        raise Problem("flows.option_input", got=f"steps={steps}, sigma={sigma}")
    sign, discount = (1.0 if kind == "call" else -1.0), math.exp(-r * dt)
    prices = price * up ** np.arange(steps, -steps - 1, -2.0)
    value = np.maximum(sign * (prices - strike), 0.0)
    for _ in range(steps):
        prices = prices[:-1] / up
        value = np.maximum(discount * (p * value[:-1] + (1.0 - p) * value[1:]), sign * (prices - strike))
    return float(value[0])


def compound_call(
    price: float, strike: float, fee: float, first: float, last: float, r: float, b: float, sigma: float,
    on: Kind = "call",
) -> float:  # fmt: skip
    """Worth today of the right to buy, for `fee` at time `first`, an option with `strike` that ends at time `last`
    (Geske 1979): a pilot that may be followed by a launch. Times in years from now; on: the kind of that option.

    Geske's two-dimensional normal integral is taken as one over the price at `first`. Raises `flows.option_input`.
    """
    return _compound(price, strike, fee, (first, last), (r, b, sigma), "call", on)


def compound_put(
    price: float, strike: float, fee: float, first: float, last: float, r: float, b: float, sigma: float,
    on: Kind = "call",
) -> float:  # fmt: skip
    """The same for the right to sell that option for `fee`: to get out of a staged project at a set price."""
    return _compound(price, strike, fee, (first, last), (r, b, sigma), "put", on)


def _compound(
    price: float, strike: float, fee: float, times: tuple[float, float], market: tuple[float, float, float],
    outer: Kind, inner: Kind,
) -> float:  # fmt: skip
    (first, last), (r, b, sigma) = times, market
    if not (0 < first < last and sigma > 0 and price > 0):
        raise Problem("flows.option_input", got=f"first={first}, last={last}, sigma={sigma}, price={price}")
    spread, drift = sigma * math.sqrt(first), (b - 0.5 * sigma**2) * first

    def gain(z: Array) -> Array:
        at_first = price * np.exp(drift + spread * z)
        held = black_scholes(at_first, strike, last - first, r, b, sigma, inner)
        return held - fee if outer == "call" else fee - held

    low, high = -_FAR, _FAR
    sides = gain(np.array([low, high])) > 0
    borders = [low, high]
    if sides[0] != sides[1]:  # the worth of the inner option rises or falls all the way, so there is one border
        for _ in range(200):
            middle = 0.5 * (low + high)
            if bool(gain(np.array([middle]))[0] > 0) == bool(sides[0]):
                low = middle
            else:
                high = middle
        borders = [-_FAR, 0.5 * (low + high), _FAR]
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    total = 0.0
    for start, stop in pairwise(borders):
        cuts = np.linspace(start, stop, 9)
        half = np.diff(cuts)[:, None] / 2.0
        z = (cuts[:-1, None] + half * (nodes + 1.0)).ravel()
        density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
        total += float(((half * weights).ravel() * density * np.maximum(gain(z), 0.0)).sum())
    return math.exp(-r * first) * total


def reservation(costs: Array, draws: Array, discount: float = 1.0) -> Array:
    """Weitzman's reservation values, (boxes,): open boxes in falling order, stop when the best found is not below the
    next (Weitzman 1979).

    costs: of opening (boxes,); draws: what is found (n, boxes); discount: of the time that opening takes. z solves
    cost = discount E[(x - z)^+] - (1 - discount) z, exactly for the draws: the right side is straight between them.
    -infinity never comes out: a box that is not worth its cost has a reservation value below what it holds.
    Raises Problem `flows.probability` for a discount outside (0, 1].
    """
    _probability(discount)
    costs, draws = np.atleast_1d(np.asarray(costs, dtype=np.float64)), np.asarray(draws, dtype=np.float64)
    draws = draws.reshape(len(draws), -1)
    n = len(draws)
    falling = -np.sort(-draws, axis=0)
    above = np.cumsum(falling, axis=0)
    share = np.arange(1, n + 1)[:, None] / n
    # if the k largest draws lie above z: cost = discount (above_k / n - z k / n) - (1 - discount) z
    z = (discount * above / n - costs) / (discount * share + 1.0 - discount)
    return np.asarray(z.max(axis=0))


def search_value(costs: Array, draws: Array) -> float:
    """What the best order of opening is worth, with nothing in hand before: E max(0, max_i min(x_i, z_i)) (Kleinberg,
    Waggoner and Weyl 2016). Raises what `reservation` raises."""
    draws = np.asarray(draws, dtype=np.float64).reshape(len(draws), -1)
    capped = np.minimum(draws, reservation(costs, draws))
    return float(np.maximum(capped.max(axis=1), 0.0).mean())


def _probability(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise Problem("flows.probability", got=p)
