"""Score of a task against parameters and tokens, from a ladder of small pretrained models.

Two roads, half of the draws each. Two steps (Bhagia et al. 2024, arXiv:2412.04403): bits per byte of the right answer
from (N, D) as any loss, then the score from the bits by a sigmoid that starts at chance and passes (0 bits, score 1).
One step: the share of what chance leaves open, by the three terms of the loss law behind a link that ends at chance
and at 1. Where the bits do not tell the score (two choices that differ in a word) the first road misses, where the
score has hardly left chance the second does; neither is known beforehand, so the roads' difference is part of the doubt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from groundsill.scaling.loss import LossSurface, fit_loss
from groundsill.scaling.loss_factors import table
from groundsill.scaling.three_terms import predict
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

WEIGHT = 0.5  # power of compute that a run counts with
SCATTER = 0.012  # of a score between runs; it weighs the priors against the runs
STEEPNESS = (math.log(5.0), 0.5)  # prior of ln (slope x lowest bits)
CHANCE = 0.02  # a model that knows nothing may stand that far from chance (its answers lean to one side)
DIRECT = ((-1.5, 0.7), (math.log(0.3), 0.3))  # prior of the one-step law's ln E, and of the ln of its exponents
FARTHEST = 210.0  # times the compute of the largest run: the 13B model of the ladder of Bhagia et al. stands at 208
PROPOSALS = 4  # tried for each draw kept
GROWTH = 0.005  # of the score, for each factor e of compute beyond the largest run
UNSTEADY = 0.005  # of the bits between the last checkpoints of a run, relative


@dataclass(frozen=True)
class TaskSurface:
    """Score in [0, 1] at (N, D), n joint draws, predictive for one more run of the ladder.

    bits: the surface of step one. step_two (n, 3): ln slope, middle in bits, start of the sigmoid; one_step (n, 5).
    two (n,): which draws take two steps. scatter: of a run's score about either road. notes: codes.
    """

    bits: LossSurface
    step_two: Array
    one_step: Array
    two: npt.NDArray[np.bool_]
    normals: Array
    scatter: float
    chance: float
    notes: tuple[str, ...] = ()
    axis: str = "parameters-tokens"

    def at(self, point: Mapping[str, float]) -> Array:
        """Draws (n,) of the score at `{"parameters": N, "tokens": D}`; their median is the forecast.

        Raises Problem as `LossSurface.at`.
        """
        bits = self.bits.at(point)
        middle = self.bits.left.runs.middle
        ln_n, ln_d = np.log([point["parameters"]]) - middle[0], np.log([point["tokens"]]) - middle[1]
        score = np.where(
            self.two, _sigmoid(self.step_two.T, bits), _direct(self.one_step.T, ln_n, ln_d, self.chance)
        )  # fmt: skip
        beyond = GROWTH * math.log(max(point["parameters"] * point["tokens"] / self.bits.most, 1.0))
        return np.asarray(np.clip(score + math.hypot(self.scatter, beyond) * self.normals, 0.0, 1.0))


def fit_task(
    parameters: npt.ArrayLike,
    tokens: npt.ArrayLike,
    bits: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    chance: float,
    n: int,
    rng: np.random.Generator,
    last_bits: npt.ArrayLike | None = None,
) -> TaskSurface:
    """Surface of one task from runs (m,): parameters, tokens, bits per byte of the right answer, score in [0, 1].

    chance: score of a guess. last_bits (m, k): bits at the last k checkpoints of each run; where they differ by more
    than 0.5 % (median over the runs) the note is `scaling.unsteady_task`. Raises Problem as `fit_loss`, and `scaling.bad_value`.
    """
    if not 0 <= chance < 1:
        raise Problem("scaling.bad_value", got=chance, limit="0 .. 1", metric="chance")
    size, length, loss, reached = (
        np.atleast_1d(np.asarray(v, dtype=np.float64)) for v in (parameters, tokens, bits, score)
    )
    near = replace(table(), far_below=None, far_above=None)  # the doubt between the two roads stands in for it
    surface = fit_loss(size, length, loss, n=n, rng=rng, known=near, farthest=FARTHEST)
    if reached.shape != loss.shape or not ((reached >= 0) & (reached <= 1)).all():
        wrong = reached[~((reached >= 0) & (reached <= 1))]
        raise Problem("scaling.bad_value", got=float(wrong[0]) if len(wrong) else reached.shape, limit="0 .. 1", metric="score")  # fmt: skip
    order = np.lexsort((size, length, loss))
    size, length, loss, reached = size[order], length[order], loss[order], reached[order]
    weight = (size * length / (size * length).max()) ** WEIGHT
    weight /= weight.mean()
    middle = surface.left.runs.middle
    ln_n, ln_d = np.log(size) - middle[0], np.log(length) - middle[1]
    two = _Road(lambda p: _sigmoid(p, loss), *_step_two_prior(loss, chance))
    one = _Road(lambda p: _direct(p, ln_n, ln_d, chance), *_one_step_prior())
    drawn = [_drawn(road, reached, weight, n, rng) for road in (two, one)]
    half = np.arange(n) % 2 == 0
    notes = ("scaling.unsteady_task",) if last_bits is not None and unsteady(last_bits) else ()
    return TaskSurface(
        surface, drawn[0][0], drawn[1][0], half[rng.permutation(n)], rng.standard_normal(n),
        min(drawn[0][1], drawn[1][1]), chance, notes,
    )  # fmt: skip


def unsteady(last_bits: npt.ArrayLike) -> bool:
    """Whether the bits over the last checkpoints (m, k) or (k,) differ by more than 0.5 % (standard deviation)."""
    values = np.atleast_2d(np.asarray(last_bits, dtype=np.float64))
    return bool(np.median(values.std(axis=1) / values.mean(axis=1)) > UNSTEADY)


@dataclass(frozen=True)
class _Road:
    """Score (m,) of the runs as a function of the parameters, with normal priors and places to start from."""

    score: Callable[[Array], Array]
    mean: Array
    spread: Array
    starts: tuple[Array, ...]


def _sigmoid(p: Array, bits: Array) -> Array:
    """Start p[2], slope exp(p[0]), middle p[1]; 1 at 0 bits."""
    slope = np.exp(p[0])
    top = (1 - p[2]) * (1 + np.exp(-slope * p[1]))
    return np.asarray(p[2] + top / (1 + np.exp(np.minimum(slope * (bits - p[1]), 300.0))))


def _direct(p: Array, ln_n: Array, ln_d: Array, chance: float) -> Array:
    y = np.minimum(predict(np.asarray(p).T, ln_n, ln_d), 3.0)
    return np.asarray(1 + (1 - chance) * np.expm1(-np.exp(y)))


def _step_two_prior(bits: Array, chance: float) -> tuple[Array, Array, tuple[Array, ...]]:
    low = float(bits.min())
    mean = np.array([STEEPNESS[0] - math.log(low), low, chance])
    spread = np.array([STEEPNESS[1], 2.0 * low, CHANCE])
    middles = (float(np.median(bits)), low, 0.8 * low)
    return mean, spread, tuple(np.array([math.log(k / low), m, chance]) for k in (2.0, 5.0, 10.0) for m in middles)


def _one_step_prior() -> tuple[Array, Array, tuple[Array, ...]]:
    mean = np.array([DIRECT[0][0], 0.0, 0.0, DIRECT[1][0], DIRECT[1][0]])
    spread = np.array([DIRECT[0][1], 5.0, 5.0, DIRECT[1][1], DIRECT[1][1]])
    return mean, spread, (np.array([-2.0, 0.0, 0.0, -1.0, -1.0]), np.array([-3.0, -0.5, -0.5, -1.0, -1.5]))


def _drawn(road: _Road, score: Array, weight: Array, n: int, rng: np.random.Generator) -> tuple[Array, float]:
    """Draws (n, p) of a road's parameters, and the runs' scatter: normal about the best, by the curvature there, then
    drawn again by what the runs say of each (importance resampling)."""
    from scipy.optimize import least_squares

    def residual(p: Array) -> Array:
        return np.concatenate([np.sqrt(weight) * (road.score(p) - score) / SCATTER, (p - road.mean) / road.spread])

    found = [least_squares(residual, start, loss="soft_l1") for start in road.starts]
    best = min(found, key=lambda f: float(f.cost))
    middle, slope = np.asarray(best.x), np.asarray(best.jac)
    off = road.score(middle) - score
    scatter = math.sqrt(float(weight @ off**2) / float(weight.sum()))
    wide = max(SCATTER, scatter)
    covariance = np.linalg.inv(slope.T @ slope) * (wide / SCATTER) ** 2
    z = rng.standard_normal((PROPOSALS * n, len(middle)))
    tried = middle + z @ np.linalg.cholesky(covariance).T
    tried[:, -1 if len(middle) == 3 else 0] = np.minimum(tried[:, -1 if len(middle) == 3 else 0], 0.99)
    miss = (road.score(tried.T[:, :, None]) - score) / wide
    fits = -0.5 * (weight * miss**2).sum(axis=1) - 0.5 * (((tried - road.mean) / road.spread) ** 2).sum(axis=1)
    share = fits + 0.5 * (z**2).sum(axis=1)
    share = np.exp(share - share.max())
    return tried[rng.choice(len(tried), size=n, p=share / share.sum())], scatter
