"""How long a training takes: from FLOP and a share of the peak, or from measured runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groundsill.resources._predict import next_value
from groundsill.resources.priors import PRIOR_WEIGHT, TIME_LOG_SD
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity, normal_quantile
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
    """Learn the seconds of a training from measured ones, against their labels (`at["labels"]`; else rows seen).

    seconds = c (w + (1 - w) rows / mean rows) e^noise, w in [0, 1]: the fixed share at the mean size, so neither part is
    ever negative. Log-normal noise, so long runs do not drown short ones. Posterior: w on a grid with a flat prior, c
    flat in logs, scatter scaled inverse chi-squared with a weak prior, c and scatter integrated out of w (Gelman et al.,
    Bayesian Data Analysis, 3rd edition, sections 3.2 and 2.6). Runs of one size cannot tell w: then all is in proportion
    to rows, which is too much rather than too little for larger jobs. Draw i does not depend on n.
    Raises Problem `resources.no_timing`.
    """
    measured = [run for run in runs if (build_seconds(run) or 0.0) > 0]
    by_labels = all("labels" in run.at for run in measured)
    points = [(run.at["labels"] if by_labels else run.measures.get("train_rows_seen", 0.0), run) for run in measured]
    points = [(x, run) for x, run in points if x > 0]
    if not points:
        raise Problem("resources.no_timing", got=len(runs))
    rows = np.array([x for x, _ in points], dtype=np.float64)
    logs = np.log(np.array([build_seconds(run) for _, run in points], dtype=np.float64))
    share, height, noise = _posterior(rows / rows.mean(), logs, n, rng)
    trail = tuple(run.id for _, run in points)
    return Timing(height * share, height * (1.0 - share) / rows.mean(), noise, trail)


def _posterior(sizes: Array, logs: Array, n: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Draws (n,) of w, c and e^noise. sizes, logs: rows over their mean and log seconds of the runs, (runs,)."""
    from scipy.special import chdtri  # loaded late: not every command predicts

    u = np.clip(rng.random((n, 4)), 1e-12, 1 - 1e-12)
    grid = np.linspace(0.0, 1.0, 401) if len(np.unique(sizes)) > 1 else np.zeros(1)
    offset = logs - np.log(np.maximum(grid[:, None] + (1.0 - grid[:, None]) * sizes, 1e-300))
    mean = offset.mean(axis=1)
    freedom = PRIOR_WEIGHT + len(sizes) - 1.0
    squares = PRIOR_WEIGHT * TIME_LOG_SD**2 + ((offset - mean[:, None]) ** 2).sum(axis=1)
    mass = np.cumsum((squares / squares.min()) ** (-freedom / 2))
    share = np.interp(u[:, 0], mass / mass[-1], grid)
    scatter = np.sqrt(np.interp(share, grid, squares) / np.asarray(chdtri(freedom, u[:, 1])))
    z = normal_quantile(u[:, 2:])
    height = np.exp(np.interp(share, grid, mean) + scatter * z[:, 0] / math.sqrt(len(sizes)))
    return share, height, np.exp(scatter * z[:, 1])


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
