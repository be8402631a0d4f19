"""From runs to curves. Method: docs of each part; the recipe as a whole is back-tested in benchmarks/."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from groundsill.scaling import abstain, mixture
from groundsill.scaling.factors import WIDEST, Factor, factor_for
from groundsill.scaling.own import OwnMiss, with_own
from groundsill.scaling.predict import LabelCurve, PointCurve
from groundsill.scaling.rungs import (
    SIGNIFICANT,
    Ladder,
    chance_of,
    checked,
    gather,
    is_fraction,
    number,
    reject_chance,
    set_error,
)
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.curve import Rung
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array
from groundsill.terms.run import Run

REFIT_DRAWS = 4000
LEAST_RUNGS_TO_HOLD_OUT = 4


def fit_labels(
    runs: Sequence[Run], anchor: Anchor, *, n: int, rng: np.random.Generator, own: Sequence[OwnMiss] = ()
) -> LabelCurve:
    """Posterior of the metric against labels, `n` joint draws, from runs of one candidate at three label counts or more.

    Mixture of the forms on the shelf (weights by WAIC), doubt that grows with distance, and an interval widened by
    what public curves of the same kind taught (`factors.toml`), and `own`: misses of the user's finished pilots. Runs
    without labels or value are passed over; the curve's `doubts` say when not to believe it.
    Raises Problem `scaling.no_runs`, `scaling.bad_value`, `scaling.too_few_rungs`, `scaling.at_chance`,
    `scaling.at_zero_shot`, `scaling.chance_untold`, `scaling.zero_shot_untold`, `scaling.wrong_direction`.
    """
    ladder = gather(runs, anchor)
    used = [r for r in runs if r.value is not None and r.at.get("labels", 0) > 0]
    reject_chance(ladder, anchor, used)
    start = _start(anchor, used)
    moves = ladder.moves(start)
    factor = factor_for(used[0].candidate, anchor.higher_is_better, level=moves != "steady")
    notes = list(abstain.of_ladder(ladder, start))
    if len({r.id for r in used}) < len(used):
        notes.append("scaling.duplicates")
    if ladder.scatter is None:
        notes.append("scaling.one_seed")
    if factor.kind == WIDEST:
        notes.append("scaling.widest")
    if own:
        notes.append("scaling.own")
        factor = with_own(factor, own)
    return curve_of(ladder, factor, tuple(notes), (start, _least(anchor)), n, rng)


def _start(anchor: Anchor, runs: Iterable[Run]) -> float | None:
    """Error without labels: zero-shot if known, else chance."""
    zero_shot = number(anchor.zero_shot)
    known = chance_of(anchor, runs) if zero_shot is None else zero_shot
    return None if known is None else 1 - known if anchor.higher_is_better else known


def _least(anchor: Anchor) -> float | None:
    """Least error possible, from the ceiling."""
    ceiling = number(anchor.ceiling)
    return None if ceiling is None else 1 - ceiling if anchor.higher_is_better else ceiling


def curve_of(
    ladder: Ladder,
    factor: Factor,
    notes: tuple[str, ...],
    ends: tuple[float | None, float | None],
    n: int,
    rng: np.random.Generator,
) -> LabelCurve:
    """The curve of a ladder. ends: (error without labels, least error possible), None where unknown; n draws."""
    return mixed(forms_of(ladder, ends, rng), ladder, factor, notes, ends, n, rng)


def forms_of(ladder: Ladder, ends: tuple[float | None, float | None], rng: np.random.Generator) -> mixture.Found:
    """The posterior of each form on its own; `ends` as in `curve_of`."""
    last = float(ladder.error[-1])
    start, least = ends
    points = mixture.Points(
        t=ladder.x / float(ladder.x[-1]),
        ln_error=np.log(ladder.error / last),
        noise=ladder.seed_noise,
        ln_start=None if not start else math.log(start / last),
        ln_least=None if not least else math.log(least / last),
        misfit=ladder.misfit,
    )
    return mixture.each(points, rng)


def mixed(
    found: mixture.Found,
    ladder: Ladder,
    factor: Factor,
    notes: tuple[str, ...],
    ends: tuple[float | None, float | None],
    n: int,
    rng: np.random.Generator,
) -> LabelCurve:
    """The curve of a ladder from the posteriors of its forms; the rest as in `curve_of`."""
    fitted = mixture.mix(found, n, rng, factor.weights)
    drift, shift = rng.standard_normal(n), ladder.test_error * rng.standard_normal(n)
    seed = int(rng.integers(2**63))

    def refit() -> LabelCurve:
        return curve_of(ladder.without_last(), factor, notes, ends, REFIT_DRAWS, np.random.default_rng(seed))

    enough = len(ladder.rungs) >= LEAST_RUNGS_TO_HOLD_OUT
    return LabelCurve(ladder, fitted, factor, drift, shift, notes, *ends, refit if enough else None)


def fit_point(runs: Sequence[Run], anchor: Anchor, *, n: int, rng: np.random.Generator) -> PointCurve:
    """Quality that does not depend on the point, from all runs together: `n` draws, predictive for one new run.

    Several runs: Student's t with their scatter (k - 1 degrees, scatter sqrt(1 + 1/k)), and on top the error of the
    test set where all share it. One run: normal with its test-set error, given or binomial.
    Raises Problem `scaling.no_runs`, `scaling.bad_value`, `scaling.no_error_known` (one run, no error, no test size),
    `scaling.at_chance` (the mean is not two standard errors above chance).
    """
    pairs = checked(runs, anchor)
    used, values = [r for r, _ in pairs], np.array([v for _, v in pairs])
    name, k, mean = used[0].candidate.id, len(values), float(values.mean())
    test = set_error(used, mean, is_fraction(anchor.metric, anchor.higher_is_better))
    scatter = float(values.std(ddof=1)) if k > 1 else 0.0
    if test is None and scatter == 0.0:
        raise Problem("scaling.no_error_known", at=name, got=mean, limit=2, runs=k)
    common = (test or 0.0) if len({r.test_id for r in used}) == 1 else 0.0
    error = math.hypot(scatter / math.sqrt(k), test or 0.0)
    _reject_point_at_chance(used, anchor, mean, error)
    spread = scatter if common else max(scatter, test or 0.0)
    noise = rng.standard_t(k - 1, n) * math.sqrt(1 + 1 / k) if k > 1 else rng.standard_normal(n)
    draws = mean + noise * spread + common * rng.standard_normal(n) if k > 1 else mean + noise * (test or 0.0)
    if is_fraction(anchor.metric, anchor.higher_is_better):
        draws = np.clip(draws, 0.0, 1.0)
    origin = "published" if all(r.source.kind == "publication" for r in used) else "fresh"
    rung = Rung(0.0, mean, error, k, origin, tuple(sorted(r.id for r in used)))
    return PointCurve(draws, (rung,), rung.runs)


def _reject_point_at_chance(runs: Sequence[Run], anchor: Anchor, mean: float, error: float) -> None:
    chance = chance_of(anchor, runs)
    sign = 1.0 if anchor.higher_is_better else -1.0
    if chance is not None and sign * (mean - chance) <= SIGNIFICANT * error:
        rows = max((r.test_rows or 0 for r in runs), default=0)
        raise Problem("scaling.at_chance", at=runs[0].candidate.id, got=mean, limit=chance, rows=rows, labels=0.0)


def fit_known(draws: Array, anchor: Anchor, *, candidate: Candidate, trail: tuple[str, ...] = ()) -> PointCurve:
    """A PointCurve from given draws (n,) of the metric: the user's own line. `trail`: names of its facts.

    Raises Problem `scaling.bad_value` where the median is not a value that the metric can have; draws beyond [0, 1]
    of a fraction are cut off.
    """
    fraction = is_fraction(anchor.metric, anchor.higher_is_better)
    middle = float(np.median(draws))
    if not np.isfinite(draws).all() or middle < 0 or (fraction and middle > 1):
        limit = "0 … 1" if fraction else "≥ 0"
        raise Problem("scaling.bad_value", at=candidate.id, got=middle, limit=limit, metric=anchor.metric)
    return PointCurve(np.clip(draws, 0.0, 1.0) if fraction else np.asarray(draws, dtype=np.float64), (), trail)
