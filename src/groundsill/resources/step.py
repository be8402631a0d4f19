"""How long a training takes: from FLOP, or from measured runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groundsill.resources._predict import next_value, scatter_scale
from groundsill.resources.priors import PRIOR_WEIGHT, TIME_LOG_SD
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity
from groundsill.terms.run import Run


def training_seconds(
    flops: Quantity, peak: Quantity, mfu: Quantity, accelerators: Quantity = 1.0, goodput: Quantity = 1.0
) -> Quantity:
    """Wall seconds; times `accelerators` it is accelerator seconds. Each argument is () or (draws,)."""
    return flops / (peak * mfu * accelerators * goodput)


@dataclass(frozen=True)
class Timing:
    """Seconds of a job as draws (n,): (fixed + slope x rows) x noise.

    fixed (s), slope (s for each row): joint posterior. noise: factor by which one job differs from the line.
    trail: ids of the runs.
    """

    fixed: Array
    slope: Array
    noise: Array
    trail: tuple[str, ...]

    def seconds(self, rows: Quantity) -> Array:
        """Draws (n,) of one job's seconds at `rows`."""
        return np.asarray((self.fixed + self.slope * rows) * self.noise, dtype=np.float64)


def build_seconds(run: Run) -> float | None:
    """What building this model took, encoding included; None if it was not measured."""
    seconds = run.measures.get("train_seconds")
    return None if seconds is None else seconds + run.measures.get("encode_seconds", 0.0)


def seconds_per_row_from_runs(runs: Sequence[Run], *, n: int, rng: np.random.Generator) -> Timing:
    """Regress the seconds of measured trainings on their labels (`at["labels"]`; else on rows seen).

    Relative errors, so that long runs do not drown short ones: weights 1 / fitted^2, refitted until they settle; a line
    with a fixed part when there are three runs at two sizes or more and that part is positive, else proportional to
    rows. Posterior: normal around the weighted fit given the scatter, scatter scaled inverse chi-squared with a weak
    prior (Gelman et al., Bayesian Data Analysis, sections 2.6 and 14.2); draws below nought are set to nought. Draw i
    does not depend on n.
    Raises Problem `resources.no_timing`.
    """
    measured = [run for run in runs if (build_seconds(run) or 0.0) > 0]
    axis = "labels" if all("labels" in run.at for run in measured) else "rows"
    points = [
        (run.at["labels"] if axis == "labels" else run.measures.get("train_rows_seen", 0.0), run) for run in measured
    ]
    points = [(x, run) for x, run in points if x > 0]
    if not points:
        raise Problem("resources.no_timing", got=len(runs))
    rows = np.array([x for x, _ in points], dtype=np.float64)
    seconds = np.array([build_seconds(run) for _, run in points], dtype=np.float64)
    design, fit, spread, residuals = _fit(rows, seconds)
    freedom, scale = scatter_scale(residuals, len(rows) - design, TIME_LOG_SD, PRIOR_WEIGHT)
    return _draw(fit, spread, freedom, scale, n, rng, tuple(run.id for _, run in points))


def _fit(rows: Array, seconds: Array) -> tuple[int, Array, Array, Array]:
    """(parameters, [fixed, slope], Cholesky factor of their covariance by unit scatter, relative residuals)."""
    if len(rows) >= 3 and len(np.unique(rows)) >= 2:
        columns = np.column_stack([np.ones_like(rows), rows])
        fitted, fit = seconds, np.zeros(2)
        for _ in range(20):
            weighted = columns / fitted[:, None]
            fit = np.asarray(np.linalg.lstsq(weighted, seconds / fitted, rcond=None)[0], dtype=np.float64)
            fitted = np.maximum(columns @ fit, 1e-3 * seconds)  # a bad start must not divide by nought
        if fit[0] > 0:
            weighted = columns / fitted[:, None]
            # Scaled columns: rows may be 1e5 times the ones beside them.
            size = np.abs(weighted).max(axis=0)
            covariance = np.linalg.inv((weighted / size).T @ (weighted / size)) / np.outer(size, size)
            spread = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
            return 2, fit, spread, np.asarray((seconds - columns @ fit) / fitted)
    ratio: Array = seconds / rows
    slope = float(ratio.mean())  # least squares of relative errors
    spread = np.array([[0.0, 0.0], [0.0, slope / math.sqrt(len(rows))]])
    return 1, np.array([0.0, slope]), spread, ratio / slope - 1.0


def _draw(
    fit: Array, spread: Array, freedom: float, scale: float, n: int, rng: np.random.Generator, trail: tuple[str, ...]
) -> Timing:
    from scipy.special import chdtri, ndtri

    u = np.clip(rng.random((n, 4)), 1e-12, 1 - 1e-12)
    scatter = scale * np.sqrt(freedom / np.asarray(chdtri(freedom, u[:, 0]), dtype=np.float64))
    z = np.asarray(ndtri(u[:, 1:]), dtype=np.float64)
    lines = np.maximum(fit + scatter[:, None] * (z[:, :2] @ spread.T), 0.0)
    return Timing(lines[:, 0], lines[:, 1], np.exp(scatter * z[:, 2]), trail)


def score_seconds_per_row(runs: Sequence[Run], *, n: int, rng: np.random.Generator) -> tuple[Array, tuple[str, ...]]:
    """Draws (n,) of the seconds to score one row, and the ids of the runs: the next value after the measured ones.

    Raises Problem `resources.no_timing`.
    """
    measured = [run for run in runs if run.measures.get("score_seconds_per_row", 0.0) > 0]
    if not measured:
        raise Problem("resources.no_timing", got=len(runs))
    values = [run.measures["score_seconds_per_row"] for run in measured]
    draws = next_value(values, rng.random(n), prior_sd=TIME_LOG_SD, prior_weight=PRIOR_WEIGHT)
    return draws, tuple(run.id for run in measured)
