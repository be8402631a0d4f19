"""Pretraining loss against parameters and tokens, L(N, D), from a suite of trained runs: forecast, best size, serving.

Forecasts take the law of `loss_fit` with runs weighted by compute (what is largest says most about what is larger),
then carry over what neighbouring runs missed it by. Doubt: runs drawn with replacement, the scatter of runs, and a
discrepancy that grows with compute beyond the largest run; widened by what public surfaces taught (`loss_factors`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from groundsill.scaling import loss_fit as law
from groundsill.scaling import loss_search as search
from groundsill.scaling.loss_factors import Table, table
from groundsill.scaling.three_terms import predict
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Interval

LEAST_RUNS = 8
WEIGHT = 1.0  # power of compute that a run counts with
DISCREPANCY = 0.005  # of ln L, for each factor e of compute beyond the largest run
WARM_UP = 2.0  # times the warm-up's own tokens: what is shorter has not left it
FLOPS = 6.0  # a parameter and token in training; 2 in serving (Kaplan et al. 2020, arXiv:2001.08361, section 2.1)


@dataclass(frozen=True)
class Law:
    """L = floor + a N^-alpha + b D^-beta: one fit, plain numbers. objective: summed Huber loss with delta 1e-3."""

    floor: float
    a: float
    b: float
    alpha: float
    beta: float
    objective: float

    def at(self, parameters: float, tokens: float) -> float:
        """The law's own loss."""
        return float(self.floor + self.a * parameters**-self.alpha + self.b * tokens**-self.beta)


@dataclass(frozen=True)
class LossSurface:
    """Loss at (N, D) as joint draws, predictive for one more run of the same suite.

    floor, a, b, alpha, beta (n,): draws of the law. most: largest N D that was trained. runs, dropped: how many were
    used, and how many were still in warm-up. Draw i is the same world at every point.
    """

    thetas: Array
    left: law.Misses
    normals: Array  # (2, n): standing of the run, course of the discrepancy
    most: float
    runs: int
    dropped: int
    shipped: Table
    farthest: float
    axis: str = "parameters-tokens"

    @property
    def floor(self) -> Array:
        return np.asarray(np.exp(self.thetas[:, 0]))

    @property
    def alpha(self) -> Array:
        return np.asarray(np.exp(self.thetas[:, 3]))

    @property
    def beta(self) -> Array:
        return np.asarray(np.exp(self.thetas[:, 4]))

    @property
    def a(self) -> Array:
        return np.asarray(np.exp(self.thetas[:, 1] + self.alpha * self.left.runs.middle[0]))

    @property
    def b(self) -> Array:
        return np.asarray(np.exp(self.thetas[:, 2] + self.beta * self.left.runs.middle[1]))

    def at(self, point: Mapping[str, float]) -> Array:
        """Draws (n,) of the loss at `{"parameters": N, "tokens": D}`, in the unit of the runs.

        The 90 % interval is calibrated up to 8 times the largest compute and widened from there to 16; at 30 times no
        factor made from other suites held a suite that it had not seen, so `farthest` is 16.
        Raises Problem `scaling.outside_surface` where N D is more than `farthest` times that of the largest run,
        `scaling.bad_value`.
        """
        n, d = positive(point["parameters"], "parameters"), positive(point["tokens"], "tokens")
        ratio = n * d / self.most
        if ratio > self.farthest * (1 + 1e-9):
            raise Problem("scaling.outside_surface", got=ratio, limit=self.farthest, parameters=n, tokens=d)
        middle = self.left.runs.middle
        ln_n, ln_d = math.log(n) - middle[0], math.log(d) - middle[1]
        carried, scatter = self.left.carried(ln_n, ln_d)
        beyond = DISCREPANCY * math.log(max(ratio, 1.0))
        y = predict(self.thetas, np.array([ln_n]), np.array([ln_d])) + carried
        drawn = y + scatter * self.normals[0] + beyond * self.normals[1]
        return np.asarray(np.exp(self.shipped.widen(drawn, ratio)))

    def optimum(self, compute: float, served: float = 0.0) -> search.Choice:
        """Parameters and tokens (n,) of the least loss when `compute` FLOP pay for training, 6 N D, and for serving
        `served` tokens, 2 N `served`. Raises Problem `scaling.bad_value`, `scaling.outside_surface`."""
        positive(compute, "compute")
        if compute / FLOPS > self.farthest * self.most:
            raise Problem("scaling.far_compute", got=compute / FLOPS / self.most, limit=self.farthest, compute=compute)
        return search.least_loss(self._terms(), compute, _served(served))

    def cheapest(self, loss: float, served: float = 0.0) -> search.Choice:
        """Parameters and tokens (n,) that reach `loss` at the least 6 N D + 2 N `served` FLOP (Sardana et al. 2024,
        arXiv:2401.00448). Draws whose floor is above `loss` are not a number; `reached` is the share of the others.
        Raises Problem `scaling.bad_value`."""
        return search.least_compute(self._terms(), positive(loss, "loss"), _served(served))

    def over_training(self, parameters: float, tokens: float) -> Array:
        """Draws (n,), 1 or more: compute of this training against the least that reaches the same loss."""
        n, d = positive(parameters, "parameters"), positive(tokens, "tokens")
        terms = self._terms()
        best = search.least_compute(terms, terms.loss(np.full(len(self.thetas), n), np.full(len(self.thetas), d)), 0.0)
        return np.asarray(np.maximum(FLOPS * n * d / best.compute, 1.0))

    def exponent(self) -> Interval:
        """The power of compute that the best number of parameters grows with."""
        return Interval.of(self.beta / (self.alpha + self.beta))

    def _terms(self) -> search.Terms:
        return search.Terms(self.floor, self.a, self.b, self.alpha, self.beta)


def fit_loss(
    parameters: npt.ArrayLike,
    tokens: npt.ArrayLike,
    loss: npt.ArrayLike,
    *,
    n: int,
    rng: np.random.Generator,
    warm_up: npt.ArrayLike | None = None,
    known: Table | None = None,
    farthest: float | None = None,
) -> LossSurface:
    """Surface through trained runs, all (m,): every parameter counted, tokens, loss in any one unit; `n` draws.

    warm_up (m,): tokens of each run's learning-rate warm-up; a run shorter than twice that is dropped.
    known, farthest: factors and limit other than the shipped ones. Runs should have decayed their learning rate.
    Raises Problem `scaling.bad_value`, `scaling.few_losses` (fewer than 8 runs, or all of one size or one length).
    """
    values, dropped = _checked(parameters, tokens, loss, warm_up)
    shipped = known or table()
    runs = law.points(*values)
    weight = np.exp(WEIGHT * (runs.ln_c - runs.ln_c.max()))
    weight /= weight.mean()
    centre = law.best(runs, weight, shipped.prior)
    laws = law.resampled(runs, weight, shipped.prior, centre, rng)
    thetas = laws[rng.permutation(np.arange(n) % len(laws))]
    return LossSurface(
        thetas=thetas,
        left=law.misses(runs, weight, centre, thetas),
        normals=rng.standard_normal((2, n)),
        most=float(np.exp(runs.ln_c.max())),
        runs=len(runs.y),
        dropped=dropped,
        shipped=shipped,
        farthest=shipped.farthest if farthest is None else farthest,
    )


def plain_law(parameters: npt.ArrayLike, tokens: npt.ArrayLike, loss: npt.ArrayLike) -> Law:
    """The law alone, every run counted once and without a prior: approach 3 of Hoffmann et al. 2022.

    Raises Problem as `fit_loss`.
    """
    values, _ = _checked(parameters, tokens, loss, None)
    runs = law.points(*values)
    even = np.ones_like(runs.y)
    theta = law.best(runs, even)
    alpha, beta = np.exp(theta[3:])
    a, b = math.exp(theta[1] + alpha * runs.middle[0]), math.exp(theta[2] + beta * runs.middle[1])
    return Law(math.exp(theta[0]), a, b, float(alpha), float(beta), law.objective(theta, runs, even)[0])


def _checked(
    parameters: npt.ArrayLike, tokens: npt.ArrayLike, loss: npt.ArrayLike, warm_up: npt.ArrayLike | None
) -> tuple[tuple[Array, Array, Array], int]:
    """The three columns without runs in warm-up, in one order whatever that of the runs, and how many were dropped."""
    columns = [np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (parameters, tokens, loss)]
    for name, column in zip(("parameters", "tokens", "loss"), columns, strict=True):
        if column.shape != columns[2].shape or column.ndim != 1:
            raise Problem("scaling.bad_value", got=column.shape, limit=columns[2].shape, metric=name)
        wrong = column[~(np.isfinite(column) & (column > 0))]
        if len(wrong):
            raise Problem("scaling.bad_value", got=float(wrong[0]), limit="> 0", metric=name)
    out = np.zeros(len(columns[0]), dtype=bool)
    if warm_up is not None:
        out = columns[1] < WARM_UP * np.asarray(warm_up, dtype=np.float64)
    kept = [column[~out] for column in columns]
    sizes, lengths = len(np.unique(kept[0])), len(np.unique(kept[1]))
    if len(kept[0]) < LEAST_RUNS or min(sizes, lengths) < 2:
        raise Problem("scaling.few_losses", got=len(kept[0]), limit=LEAST_RUNS, sizes=sizes, lengths=lengths)
    order = np.lexsort(kept)
    return (kept[0][order], kept[1][order], kept[2][order]), int(out.sum())


def positive(value: float, name: str) -> float:
    """`value` as a number. Raises Problem `scaling.bad_value` where it is not above 0 and finite."""
    number = float(value)
    if not 0 < number < math.inf:
        raise Problem("scaling.bad_value", got=number, limit="> 0", metric=name)
    return number


def _served(value: float) -> float:
    number = float(value)
    if not 0 <= number < math.inf:
        raise Problem("scaling.bad_value", got=number, limit=">= 0", metric="served")
    return number
