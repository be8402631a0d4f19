"""Shares of the variance of a result: Sobol indices by the estimators of Saltelli 2010 and Jansen 1999."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array


@dataclass(frozen=True)
class Indices:
    """first: share of the variance that an input explains alone; total: share that is lost when all others are known;
    both (dims,). second: share that two explain together beyond each alone, (dims, dims), upper triangle, if asked for.
    mean, variance: of the result."""

    first: Array
    total: Array
    second: Array | None
    mean: float
    variance: float


def indices(
    f: Callable[[Array], Array],
    quantile: Callable[[Array], Array] | None,
    dims: int,
    n: int,
    seed: int,
    *,
    second: bool = False,
) -> Indices:
    """Indices of f for independent inputs, from n (dims + 2) results; n (2 dims + 2) with `second`.

    f: inputs (n, dims) -> results (n,); quantile: probabilities (n, dims) -> inputs, None if f takes probabilities; n is
    rounded up to a power of 2: points are a shifted Sobol net. A constant result has indices of 0.
    Raises Problem `information.dims` unless dims and n are above 0.
    """
    if dims < 1 or n < 1:
        raise Problem("information.dims", got=f"{dims}, {n}")
    points = _net(2 * dims, n, seed)
    a, b = points[:, :dims], points[:, dims:]

    def result(u: Array) -> Array:
        return np.asarray(f(u if quantile is None else quantile(u)), dtype=np.float64)

    f_a, f_b = result(a), result(b)
    both = np.concatenate((f_a, f_b))
    mean, variance = float(both.mean()), float(both.var())
    if not variance > 1e-24 * (1e-300 + float(np.abs(both).max()) ** 2):
        nothing = np.zeros(dims)
        return Indices(nothing, nothing, np.zeros((dims, dims)) if second else None, mean, 0.0)
    f_a, f_b = f_a - mean, f_b - mean
    first, total = np.empty(dims), np.empty(dims)
    mixed = np.empty((2, dims if second else 0, len(a)))
    for i in range(dims):
        u = a.copy()
        u[:, i] = b[:, i]
        one = result(u) - mean
        first[i] = _shared(f_b, one, f_a) / variance
        total[i] = 0.5 * ((f_a - one) ** 2).mean() / variance
        if second:
            u = b.copy()
            u[:, i] = a[:, i]
            mixed[:, i] = one, result(u) - mean
    if not second:
        return Indices(first, total, None, mean, variance)
    pairs = np.zeros((dims, dims))
    for i in range(dims):
        for j in range(i + 1, dims):
            closed = (mixed[1, i] * mixed[0, j] - f_a * f_b).mean() / variance
            pairs[i, j] = closed - first[i] - first[j]
    return Indices(first, total, pairs, mean, variance)


def _shared(f_b: Array, one: Array, f_a: Array) -> float:
    """Covariance of f_b and `one`, which share an input, with f_b f_a as control variate: its mean is known to be 0.
    Saltelli 2010 takes it with weight 1, which is best for small indices only."""
    product, control = f_b * one, f_b * f_a
    centred = control - control.mean()
    weight = float(centred @ product) / max(float(centred @ centred), 1e-300)
    return float(product.mean() - weight * control.mean())


def _net(dims: int, n: int, seed: int) -> Array:
    """Sobol points (n rounded up to a power of 2, dims), shifted by chance and wrapped (Cranley and Patterson 1976): on
    these estimators a third of the error of scrambling."""
    from scipy.stats import qmc  # slow to load, so only here

    points = qmc.Sobol(dims, scramble=False).random_base2(max(0, int(n - 1).bit_length()))
    moved = (points + np.random.default_rng(seed).random(dims)) % 1.0
    return np.clip(moved, 2.0**-40, 1.0 - 2.0**-40)
