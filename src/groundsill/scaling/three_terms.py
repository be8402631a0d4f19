"""The law that losses and scores share, y = ln(E + A N^-a + B D^-b), and the steps of its fit (Hoffmann et al. 2022,
arXiv:2203.15556, eq. 2 and 3). Parameters theta: ln E, ln A, ln B, ln a, ln b, with ln N and ln D about a middle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from groundsill.terms.quantity import Array


def predict(theta: Array, ln_n: Array, ln_d: Array) -> Array:
    """y, (n,) or broadcast, at theta (n, 5) or (5,)."""
    e, a, b, alpha, beta = theta.T
    return np.asarray(np.logaddexp(np.logaddexp(e, a - np.exp(alpha) * ln_n), b - np.exp(beta) * ln_d))


def huber(theta: Array, runs: tuple[Array, Array, Array], weight: Array, delta: float) -> tuple[float, Array]:
    """Weighted sum of the Huber loss at theta (5,) over runs (ln N, ln D, y), each (m,), and its gradient (5,)."""
    ln_n, ln_d, y = runs
    e, a, b = theta[:3]
    alpha, beta = np.exp(theta[3:])
    terms = np.stack([np.full_like(y, e), a - alpha * ln_n, b - beta * ln_d])
    top = terms.max(axis=0)
    parts = np.exp(terms - top)
    total = parts.sum(axis=0)
    share = parts / total
    off = top + np.log(total) - y
    far = np.abs(off)
    value = float(weight @ np.where(far <= delta, 0.5 * off**2, delta * (far - 0.5 * delta)))
    slope = weight * np.clip(off, -delta, delta)
    gradient = np.array([
        slope @ share[0], slope @ share[1], slope @ share[2],
        -(slope * share[1]) @ ln_n * alpha, -(slope * share[2]) @ ln_d * beta,
    ])  # fmt: skip
    return value, gradient


def starts(
    runs: tuple[Array, Array, Array],
    weight: Array,
    exponents: Sequence[float],
    objective: Callable[[Array], float],
    least: float,
    most: int,
) -> list[Array]:
    """Variable projection: at each pair of exponents E, A, B by non-negative least squares on misses relative to the
    value, none below `least`; the `most` pairs of the lowest objective."""
    from scipy.optimize import nnls

    ln_n, ln_d, y = runs
    found = []
    value = np.exp(y)
    scale = np.sqrt(weight) / value
    for alpha in exponents:
        for beta in exponents:
            columns = np.column_stack([np.ones_like(value), np.exp(-alpha * ln_n), np.exp(-beta * ln_d)])
            terms, _ = nnls(columns * scale[:, None], value * scale)
            start = np.array([*np.log(np.maximum(terms, least)), math.log(alpha), math.log(beta)])
            found.append((objective(start), start))
    found.sort(key=lambda pair: pair[0])
    return [start for _, start in found[:most]]
