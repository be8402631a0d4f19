"""Least loss for a compute, least compute for a loss: searches on L = E + A N^-a + B D^-b, all draws at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from groundsill.terms.quantity import Array

STEPS = 80  # of the golden section: the bracket shrinks to its 1e-16th
GOLDEN = (5**0.5 - 1) / 2
BRACKET = 14.0  # of ln N: from the smallest size that can reach a loss to a million times that


@dataclass(frozen=True)
class Terms:
    """Draws of the law, all (n,)."""

    floor: Array
    a: Array
    b: Array
    alpha: Array
    beta: Array

    def loss(self, parameters: Array, tokens: Array) -> Array:
        return np.asarray(self.floor + self.a * parameters**-self.alpha + self.b * tokens**-self.beta)


@dataclass(frozen=True)
class Choice:
    """Draws (n,): parameters, training tokens, loss of the law, FLOP of training and serving together.

    reached: share of the draws in which there is such a choice; the others are not a number.
    """

    parameters: Array
    tokens: Array
    loss: Array
    compute: Array
    reached: float


def least_loss(terms: Terms, compute: float, served: float) -> Choice:
    """Least loss with 6 N D + 2 N served = compute. Without serving in closed form (Hoffmann et al. 2022, eq. 4)."""
    if served == 0:
        power = terms.beta / (terms.alpha + terms.beta)
        scale = (terms.alpha * terms.a / (terms.beta * terms.b)) ** (1 / (terms.alpha + terms.beta))
        n = scale * (compute / 6) ** power
    else:
        top = np.full_like(terms.a, np.log(compute / (2 * served)))  # a larger model spends all of it on serving

        def lost(ln_n: Array) -> Array:
            size = np.exp(ln_n)
            return terms.loss(size, np.maximum(compute / (6 * size) - served / 3, 1e-300))

        n = np.exp(_golden(lost, top - 4 * BRACKET, top))
    d = compute / (6 * n) - served / 3
    return Choice(n, d, terms.loss(n, d), np.full_like(n, compute), 1.0)


def least_compute(terms: Terms, loss: float | Array, served: float) -> Choice:
    """Least 6 N D + 2 N served with L(N, D) = loss."""
    open_part = np.broadcast_to(np.asarray(loss, dtype=np.float64), terms.floor.shape) - terms.floor
    within = open_part > 0
    gap = np.where(within, open_part, np.nan)
    least = np.log(terms.a / gap) / terms.alpha  # ln of the size that would need endless tokens

    def tokens(ln_n: Array) -> Array:
        rest = np.maximum(gap - terms.a * np.exp(-terms.alpha * ln_n), 1e-300)
        return np.asarray((terms.b / rest) ** (1 / terms.beta))

    if served == 0:
        ln_n = least + np.log1p(terms.alpha / terms.beta) / terms.alpha  # a A N^-a = b B D^-b
    else:

        def cost(at: Array) -> Array:
            with np.errstate(over="ignore"):
                return np.asarray(at + np.log(6 * tokens(at) + 2 * served))

        ln_n = _golden(cost, least, least + BRACKET)
    n, d = np.exp(ln_n), tokens(ln_n)
    return Choice(n, d, terms.loss(n, d), 6 * n * d + 2 * n * served, float(within.mean()))


def _golden(value: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Place (n,) of the least value in [low, high] for each draw, by golden section."""
    for _ in range(STEPS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        smaller = value(left) < value(right)
        low, high = np.where(smaller, low, left), np.where(smaller, right, high)
    return np.asarray((low + high) / 2)
