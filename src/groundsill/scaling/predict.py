"""Fitted curves of one candidate: what `fit` gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from groundsill.scaling import abstain
from groundsill.scaling.factors import PLAIN, Factor
from groundsill.scaling.mixture import Mixture
from groundsill.scaling.rungs import Ladder
from groundsill.terms.curve import LabelsNeeded, Rung
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Interval, normal_quantile

FARTHEST = 32.0  # times the largest rung: the farthest distance that was back-tested (see factors.toml)
DRIFT = 0.02  # doubt about ln error per unit of ln distance beyond the largest rung: forms are only approximations
GRID = 64
SMALLEST = 1e-4  # of the largest rung: where the search for a target begins at the latest


@dataclass(frozen=True)
class LabelCurve:
    """Quality against labels; n joint draws of the mean over seeds and of the finite test set's error.

    calibration: the kind of public curves whose misses widened the interval; `widest` where no kind fits.
    calibration_curves: how many. notes: codes of what a reader should know (`scaling.flat`, `scaling.one_seed`, ...).
    scatter: standard deviation of ln error of one run about the mean, None if no rung has two seeds.
    weights: share of the draws that follows each form. start, least: error without labels (zero-shot or chance) and
    least error possible (ceiling), None if unknown.
    """

    ladder: Ladder
    mixture: Mixture
    factor: Factor
    drift: Array
    shift: Array
    notes: tuple[str, ...]
    start: float | None = None
    least: float | None = None
    refit: Callable[[], LabelCurve] | None = field(default=None, repr=False, compare=False)
    axis: str = "labels"

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """Measured points, rising."""
        return self.ladder.rungs

    @property
    def trail(self) -> tuple[str, ...]:
        """Ids of the runs that it was fitted to."""
        return tuple(sorted(run for rung in self.rungs for run in rung.runs))

    @property
    def calibration(self) -> str:
        """Kind of curves that calibrated the interval."""
        return self.factor.kind

    @property
    def calibration_curves(self) -> int:
        """How many curves that were; 0 for `widest`."""
        return self.factor.curves

    @property
    def scatter(self) -> float | None:
        """Standard deviation of ln error of one run about its rung."""
        return self.ladder.scatter

    @property
    def weights(self) -> Mapping[str, float]:
        """Form -> share of the draws."""
        return self.mixture.weights

    def first(self, n: int) -> LabelCurve:
        """The curve by its first `n` draws, for what needs no more."""
        return replace(self, mixture=self.mixture.first(n), drift=self.drift[:n], shift=self.shift[:n])

    def at(self, point: Mapping[str, float]) -> Array:
        """Draws (n,) of the metric at `point["labels"]`, in the metric's unit; fractions stay within [0, 1].

        Raises Problem `scaling.too_far` beyond 32 times the largest rung, `scaling.bad_value`.
        """
        labels = float(point["labels"])
        self._reject(labels)
        return self.unguarded(np.array([labels]), self.shift)[:, 0]

    def measured(self, labels: float, seeds: int) -> Array:
        """Draws (n,) of what a measurement on the very same test rows would show: the mean of `seeds` seeds, with
        their noise and without the test set's error, which forecast and measurement share. For back-tests.

        Raises Problem as `at`.
        """
        self._reject(labels)
        draws = self.unguarded(np.array([labels]), None)[:, 0]
        noise = self.one_run() / max(seeds, 1) ** 0.5
        even = np.random.default_rng(len(draws)).permutation(_normal_scores(len(draws)))  # fixed: adds no chance
        error = (1 - draws if self.ladder.higher_is_better else draws) * np.exp(noise * even)
        error = np.clip(error, 0.0, 1.0 if self.ladder.fraction else np.inf)
        return np.asarray(1 - error if self.ladder.higher_is_better else error)

    def one_run(self) -> Array | float:
        """Scatter of ln error of one run: what seeds show; without them draws (n,) of that of the points about the curve."""
        return self.mixture.scatter() if self.scatter is None else self.scatter

    def reach(self, target: float, limit: float) -> LabelsNeeded:
        """Labels at which the metric reaches `target`, looked for up to `limit` (at most 32 times the largest rung).

        Solved for each draw on a log grid of the best value so far, linear in ln labels between grid points.
        """
        limit, needed = self.labels_for(target, limit)
        low, median, high = (_finite(q) for q in np.quantile(needed, (0.05, 0.5, 0.95), method="inverted_cdf"))
        return LabelsNeeded(target, low, median, high, float(np.isfinite(needed).mean()), limit)

    def labels_for(self, target: float, limit: float) -> tuple[float, Array]:
        """The limit that holds (at most 32 times the largest rung), and for each draw (n,) the labels at which `target`
        is reached, infinite beyond the limit. Method: see `reach`."""
        last = float(self.ladder.x[-1])
        limit = min(float(limit), FARTHEST * last)
        grid = np.geomspace(min(max(float(self.ladder.x[0]) / 4, last * SMALLEST), limit), limit, GRID)
        sign = 1.0 if self.ladder.higher_is_better else -1.0
        best = np.maximum.accumulate(sign * self.unguarded(grid, self.shift), axis=1)
        return limit, _crossing(best, sign * target, grid)

    def held_out(self) -> tuple[float, Interval, float] | None:
        """The back-test: (labels of the largest rung, its forecast from the other rungs, what was measured).

        Forecast of the mean that was measured, on the same test rows, with the noise of its seeds. None with fewer
        than four rungs.
        """
        if self.refit is None:
            return None
        last = self.rungs[-1]
        return last.x, Interval.of(self.refit().measured(last.x, last.seeds)), last.value

    def doubts(self, target: float | None = None, labels: float | None = None) -> tuple[Problem, ...]:
        """Reasons not to believe the forecast, each with what to measure instead; see `abstain.doubts`."""
        return abstain.doubts(self, target, labels)

    def _reject(self, labels: float) -> None:
        if not np.isfinite(labels) or labels < 0:
            raise Problem("scaling.bad_value", at=self.ladder.candidate, got=labels, limit="≥ 0", metric="labels")
        ratio = labels / float(self.ladder.x[-1])
        if ratio > FARTHEST * (1 + 1e-9):
            raise Problem("scaling.too_far", at=self.ladder.candidate, got=ratio, limit=FARTHEST, labels=labels)

    def unguarded(self, labels: Array, shift: Array | None) -> Array:
        """Metric draws (n, k) at labels (k,), however far; shift (n,): error of the test set at the largest rung. For back-tests."""
        t = labels / float(self.ladder.x[-1])
        away = np.log(np.maximum(t, 1.0))
        raw = self.mixture.ln_error(t)
        raw = np.minimum(raw, 50.0) + DRIFT * away * self.drift[:, None]
        error = float(self.ladder.error[-1]) * np.exp(np.minimum(self.factor.widen(raw, away), 50.0))
        if shift is not None:  # binomial: its size goes with the square root of the error
            error = error + shift[:, None] * np.sqrt(error / float(self.ladder.error[-1]))
        if self.start is not None:  # without labels nobody is worse than the start, or than the worst rung
            error = np.minimum(error, max(self.start, float(self.ladder.error.max())))
        if self.least is not None:  # nobody passes the ceiling, but what was measured stands
            error = np.maximum(error, min(self.least, float(self.ladder.error.min())))
        error = np.clip(error, 0.0, 1.0 if self.ladder.fraction else np.inf)
        return 1 - error if self.ladder.higher_is_better else error


@dataclass(frozen=True)
class PointCurve:
    """A quality that does not depend on the point: zero-shot, a published score, the user's own line.

    draws (n,): predictive for a new run. notes: as in LabelCurve.
    """

    draws: Array
    rungs: tuple[Rung, ...] = ()
    trail: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    axis: str = "none"
    calibration: str = PLAIN.kind

    def at(self, point: Mapping[str, float]) -> Array:
        """The same draws (n,) at every point."""
        return self.draws

    def reach(self, target: float, limit: float) -> LabelsNeeded | None:
        """None: labels do not move it."""
        return None

    def held_out(self) -> tuple[float, Interval, float] | None:
        """None: nothing is extrapolated."""
        return None


def _normal_scores(n: int) -> Array:
    return normal_quantile((np.arange(n) + 0.5) / n)


def _crossing(best: Array, target: float, grid: Array) -> Array:
    """First place (n,) on `grid` (k,) where rising rows `best` (n, k) reach `target`; infinite if nowhere."""
    reached = best >= target
    first = reached.argmax(axis=1)
    row = np.arange(len(best))
    before = np.maximum(first - 1, 0)
    low, high = best[row, before], best[row, first]
    share = np.where(high > low, (target - low) / np.where(high > low, high - low, 1.0), 1.0)
    place = np.log(grid)[before] + np.clip(share, 0.0, 1.0) * (np.log(grid)[first] - np.log(grid)[before])
    return np.where(reached.any(axis=1), np.exp(place), np.inf)


def _finite(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None
