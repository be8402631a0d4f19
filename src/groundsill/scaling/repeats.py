"""Repeated data: what a token is worth when it is read again (Muennighoff et al. 2023, arXiv:2305.16264, section 3).

D' = U + U R_D (1 - exp(-r / R_D)) with U unique tokens and r = D / U - 1 repetitions; the same for parameters beyond
those that U would train best. R_D and R_N are not known well: their published pair, 15.4 and 5.3, has a 90 % interval
of more than a factor 5 each way. They are drawn, from a prior around it or from runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from groundsill.scaling.loss import positive
from groundsill.scaling.loss_fit import HUBER, SCATTER
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity

PRIOR_DATA = (math.log(15.0), math.log(3.0))  # of ln R_D: the published fit, and a factor 3 either way
PRIOR_SIZE = (math.log(5.0), math.log(3.0))  # of ln R_N
FRESH_EPOCHS = 4.0  # up to here a repeated token is worth nearly a fresh one
MOST_EPOCHS = 16.0  # beyond, more repetition adds little, and the runs disagree
LEAST_RUNS = 8
RESAMPLES = 200
GRID = 21  # points each way that a refit on drawn runs is looked for on, then refined


class LawTerms(Protocol):
    """L = floor + a N^-alpha + b D^-beta, as numbers or draws: `loss.Law` and `loss.LossSurface` are such."""

    @property
    def floor(self) -> Quantity: ...
    @property
    def a(self) -> Quantity: ...
    @property
    def b(self) -> Quantity: ...
    @property
    def alpha(self) -> Quantity: ...
    @property
    def beta(self) -> Quantity: ...


@dataclass(frozen=True)
class Repeats:
    """Draws (n,) of R_D and R_N. best: the pair of least objective, if fitted on runs, and that objective (summed
    Huber loss of ln L, delta 1e-3). runs: how many, 0 for the prior."""

    data: Array
    size: Array
    best: tuple[float, float] | None = None
    objective: float | None = None
    runs: int = 0

    def tokens(self, tokens: float, unique: float) -> Array:
        """Draws (n,): fresh tokens that `tokens` read from `unique` are worth. Raises Problem `scaling.bad_value`."""
        return np.asarray(worth(positive(tokens, "tokens"), positive(unique, "unique"), self.data))

    def parameters(self, parameters: float, unique: float, law: LawTerms) -> Array:
        """Draws (n,): parameters that `parameters` are worth when `unique` tokens are all there is."""
        fitting = np.minimum(parameters, best_size(positive(unique, "unique"), law))
        return np.asarray(worth(positive(parameters, "parameters"), fitting, self.size))

    def loss(self, parameters: float, tokens: float, unique: float, law: LawTerms) -> Array:
        """Draws (n,) of the loss of `law` at the effective parameters and tokens."""
        n = self.parameters(parameters, min(unique, tokens), law)
        d = self.tokens(tokens, min(unique, tokens))
        return np.asarray(law.floor + law.a * n**-law.alpha + law.b * d**-law.beta)

    def notes(self, tokens: float, unique: float) -> tuple[str, ...]:
        """Codes of what a reader must be told: `scaling.repeats_many` beyond 16 epochs, `scaling.repeats` beyond 4."""
        epochs = tokens / positive(unique, "unique")
        if epochs > MOST_EPOCHS:
            return ("scaling.repeats_many",)
        return ("scaling.repeats",) if epochs > FRESH_EPOCHS else ()


def worth(amount: Quantity, unique: Quantity, decay: Quantity) -> Array:
    """Effective amount of `amount` of which only `unique` is new (eq. 5): `amount` itself while nothing repeats."""
    new = np.minimum(unique, amount)
    return np.asarray(new - new * decay * np.expm1(-(amount / new - 1) / decay))


def best_size(tokens: Quantity, law: LawTerms) -> Array:
    """Parameters that are trained best on `tokens`, all of them fresh: a A N^-a = b B D^-b."""
    return np.asarray((law.alpha * law.a / (law.beta * law.b) * tokens**law.beta) ** (1 / law.alpha))


def prior(n: int, rng: np.random.Generator) -> Repeats:
    """Draws without any run of one's own: log-normal, median 15 and 5, a factor 3 for one standard deviation."""
    pairs = [np.exp(mean + spread * rng.standard_normal(n)) for mean, spread in (PRIOR_DATA, PRIOR_SIZE)]
    return Repeats(pairs[0], pairs[1])


def fit_repeats(
    parameters: npt.ArrayLike,
    tokens: npt.ArrayLike,
    unique: npt.ArrayLike,
    loss: npt.ArrayLike,
    law: LawTerms,
    *,
    n: int,
    rng: np.random.Generator,
) -> Repeats:
    """R_D and R_N from runs (m,) with repeated data, the law itself held at `law` (plain numbers, as published).

    best, objective: the least summed Huber loss. Draws: the fit, with the prior, on runs drawn with replacement.
    Raises Problem `scaling.bad_value`, `scaling.few_losses` (fewer than 8 runs).
    """
    columns = [np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (parameters, tokens, unique, loss)]
    for name, column in zip(("parameters", "tokens", "unique", "loss"), columns, strict=True):
        wrong = column[~(np.isfinite(column) & (column > 0))]
        if len(wrong) or column.shape != columns[0].shape:
            raise Problem("scaling.bad_value", got=float(wrong[0]) if len(wrong) else column.shape, limit="> 0", metric=name)  # fmt: skip
    if len(columns[0]) < LEAST_RUNS:
        sizes, lengths = (len(np.unique(column)) for column in columns[:2])
        raise Problem("scaling.few_losses", got=len(columns[0]), limit=LEAST_RUNS, sizes=sizes, lengths=lengths)
    runs = _Runs(law, *columns)
    even = np.ones(len(columns[0]))
    best, objective = _least(runs, even, with_prior=False)
    pairs = _resampled(runs, rng)
    drawn = pairs[rng.permutation(np.arange(n) % len(pairs))]
    found = Repeats(np.exp(drawn[:, 0]), np.exp(drawn[:, 1]), runs=len(even))
    return replace(found, best=(math.exp(best[0]), math.exp(best[1])), objective=objective)


@dataclass(frozen=True)
class _Runs:
    law: LawTerms
    n: Array
    d: Array
    unique: Array
    loss: Array

    def huber(self, pair: Array) -> Array:
        """Huber loss of each run (m,) at ln R_D, ln R_N."""
        new = np.minimum(self.unique, self.d)
        fitting = np.minimum(self.n, best_size(new, self.law))
        d, n = worth(self.d, new, math.exp(pair[0])), worth(self.n, fitting, math.exp(pair[1]))
        off = np.log(self.law.floor + self.law.a * n**-self.law.alpha + self.law.b * d**-self.law.beta) - np.log(
            self.loss
        )
        far = np.abs(off)
        return np.asarray(np.where(far <= HUBER, 0.5 * off**2, HUBER * (far - 0.5 * HUBER)))


def _doubt(pair: Array) -> float:
    """The prior in units of the objective."""
    away = [(value - mean) / spread for value, (mean, spread) in zip(pair, (PRIOR_DATA, PRIOR_SIZE), strict=True)]
    return HUBER * SCATTER * 0.5 * float(np.dot(away, away))


def _least(runs: _Runs, weight: Array, *, with_prior: bool) -> tuple[Array, float]:
    from scipy.optimize import minimize

    def value(pair: Array) -> float:
        return float(weight @ runs.huber(pair)) + (_doubt(pair) if with_prior else 0.0)

    starts = [np.array([mean, size]) for mean in (1.0, 2.7, 4.0) for size in (0.0, 1.6, 3.0)]
    found = [
        minimize(value, s, method="Nelder-Mead", bounds=[(-3.0, 9.0)] * 2, options={"xatol": 1e-4, "fatol": 1e-9})
        for s in starts
    ]
    least = min(found, key=lambda f: float(f.fun))
    return np.asarray(least.x), float(least.fun)


def _resampled(runs: _Runs, rng: np.random.Generator) -> Array:
    """ln R_D and ln R_N (RESAMPLES, 2): for each draw of runs, a pair of a grid with chance exp(-objective)."""
    axes = [np.linspace(mean - 2.5 * spread, mean + 2.5 * spread, GRID) for mean, spread in (PRIOR_DATA, PRIOR_SIZE)]
    pairs = np.array([(x, y) for x in axes[0] for y in axes[1]])
    cost = np.array([runs.huber(pair) for pair in pairs])  # (pairs, m)
    doubt = np.array([_doubt(pair) for pair in pairs])
    m = cost.shape[1]
    times = rng.multinomial(m, np.full(m, 1 / m), size=RESAMPLES)
    least = (times @ cost.T + doubt).argmin(axis=1)
    cell = np.array([axis[1] - axis[0] for axis in axes])
    return np.asarray(pairs[least] + cell * (rng.random((RESAMPLES, 2)) - 0.5))
