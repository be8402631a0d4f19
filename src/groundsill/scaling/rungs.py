"""Runs put together into rungs: means over seeds, and two kinds of error that must not be mixed.

Seed noise is independent from rung to rung and blurs the slope. The error of the finite test set is the same for all
rungs that share it: it moves the whole curve, so it is kept out of the fit and added at the end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from groundsill.scaling.factors import one_run
from groundsill.scaling.mixture import MISFIT
from groundsill.terms.anchor import Anchor
from groundsill.terms.curve import Rung
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, normal_quantile
from groundsill.terms.run import Run

PRIOR_SEEDS = 4.0  # how many seeds the scatter pooled over all rungs counts for in each rung's own
SIGNIFICANT = 2.0  # standard errors
SLOW = 0.2  # share of the error at the start; below it public tuning curves missed by far (benchmarks)
LEAST_RUNGS = 3
ENOUGH_OF_ONE_SEED = 5  # that many rungs show their own scatter about a smooth curve
SCORES = 201  # normal scores that stand for a normal distribution
LOWER = frozenset({"loss", "error", "perplexity", "rmse", "mae", "mse", "wer", "cer"})  # words in names of metrics
HIGHER = frozenset({"accuracy", "acc", "f1", "auc", "auroc", "precision", "recall", "bleu"})
ORIGINS = {"shipped": "shipped", "imported": "imported", "publication": "published", "vendor": "published"}


@dataclass(frozen=True)
class Ladder:
    """Rungs, rising. x, error (k,): labels and error; seed_noise (k,): standard error of ln error from seeds;
    scatter: standard deviation of ln error of one run about its rung, None if no rung has two seeds; misfit: mean and
    standard deviation of ln of the scatter about the curve that seed_noise leaves, before any point is seen; test_error:
    standard error of the error at the largest rung from the finite test set; candidate: id; fraction: the error lives
    in [0, 1]."""

    rungs: tuple[Rung, ...]
    x: Array
    error: Array
    seed_noise: Array
    scatter: float | None
    test_error: float
    candidate: str
    higher_is_better: bool
    fraction: bool = False
    misfit: tuple[float, float] = MISFIT

    def without_last(self) -> Ladder:
        """The same without its largest rung."""
        return self._some(slice(None, -1))

    def last(self, count: int) -> Ladder:
        """The same with only its `count` largest rungs."""
        return self._some(slice(-count, None))

    def _some(self, taken: slice) -> Ladder:
        return replace(
            self, rungs=self.rungs[taken], x=self.x[taken], error=self.error[taken], seed_noise=self.seed_noise[taken]
        )

    def slope(self) -> tuple[float, float]:
        """Slope of ln error against ln labels by weighted least squares, and its standard error."""
        noise = np.sqrt(self.seed_noise**2 + 1e-6)
        u, v, w = np.log(self.x), np.log(self.error), 1 / noise**2
        u = u - (w @ u) / w.sum()
        slope = float((w @ (u * v)) / (w @ u**2))
        off = v - (w @ v) / w.sum() - slope * u
        stretch = max(1.0, float(w @ off**2) / max(len(u) - 2, 1))  # Birge ratio: scatter beyond the stated errors
        return slope, math.sqrt(stretch / float(w @ u**2))

    def moves(self, start: float | None) -> str:
        """How the curve moves: `steady`; `slow` (less than SLOW of the error at the start is gone, so what comes after
        the take-off has not been seen); `flat` (no significant slope); `falling` (significantly worse with labels)."""
        slope, error = self.slope()
        if slope > SIGNIFICANT * error:
            return "falling"
        if -slope < SIGNIFICANT * error:
            return "flat"
        return "slow" if start and self.error[-1] > (1 - SLOW) * start else "steady"


def is_fraction(metric: str, higher_is_better: bool) -> bool:
    """Whether the metric lives in [0, 1]: every one where higher is better, and error rates."""
    return higher_is_better or "error" in metric


def number(fact: Fact | None) -> float | None:
    """The median of a fact in SI, None if there is no fact. Raises Problem `scaling.bad_value` if it is a name."""
    if fact is None:
        return None
    if isinstance(fact.value, str):
        raise Problem("scaling.bad_value", at=fact.name, got=fact.value, limit="0 … 1", metric=fact.name)
    return fact.value.median * fact.si_factor


def checked(runs: Iterable[Run], anchor: Anchor) -> list[tuple[Run, float]]:
    """Runs that carry a value, with it, in one fixed order.

    The same run given twice counts once. Raises Problem `scaling.no_runs`, `scaling.bad_value` (not finite, or outside
    of what the metric can be), `scaling.wrong_direction` (the metric's name says otherwise).
    """
    reject_direction(anchor)
    out = []
    seen = set[str]()
    for run in runs:
        if run.value is None:
            continue
        top = 1.0 if is_fraction(anchor.metric, anchor.higher_is_better) else math.inf
        wrong_error = run.stderr is not None and not (math.isfinite(run.stderr) and run.stderr >= 0)
        if not math.isfinite(run.value) or not 0 <= run.value <= top or wrong_error:
            bad = run.stderr if wrong_error else run.value
            limit = "0 … 1" if top == 1 else "≥ 0"
            raise Problem("scaling.bad_value", at=run.candidate.id, got=bad, limit=limit, metric=anchor.metric)
        if run.id not in seen:
            seen.add(run.id)
            out.append((run, run.value))
    if not out:
        raise Problem("scaling.no_runs", got=0, limit=1)
    return sorted(out, key=lambda pair: (sorted(pair[0].at.items()), pair[0].seed or 0, pair[1], pair[0].id))


def reject_direction(anchor: Anchor) -> None:
    """Raises Problem `scaling.wrong_direction` where a metric's name contradicts the direction that is given for it."""
    words = set(re.split(r"[^a-z0-9]+", anchor.metric.lower()))
    if words & (LOWER if anchor.higher_is_better else HIGHER) and not words & (
        HIGHER if anchor.higher_is_better else LOWER
    ):
        limit = "lower" if anchor.higher_is_better else "higher"
        raise Problem("scaling.wrong_direction", got=anchor.metric, limit=limit)


def set_error(runs: Sequence[Run], value: float, fraction: bool) -> float | None:
    """Standard error of a mean from the finite test set: as recorded, else binomial from its rows, else None.

    Runs on the same test set share it, so more seeds do not shrink it; different test sets do.
    """
    known = [r.stderr for r in runs if r.stderr is not None]
    sets = len({r.test_id for r in runs})
    if known:
        return float(np.mean(known)) / math.sqrt(sets)
    rows = [r.test_rows for r in runs if r.test_rows]
    if rows and fraction:
        return math.sqrt(max(value * (1 - value), 0.25 / min(rows)) / min(rows)) / math.sqrt(sets)
    return None


def gather(runs: Iterable[Run], anchor: Anchor) -> Ladder:
    """Rungs of one candidate. Raises Problem `scaling.no_runs`, `scaling.bad_value`, `scaling.too_few_rungs`."""
    pairs = checked((r for r in runs if r.at.get("labels", 0) > 0), anchor)
    fraction = is_fraction(anchor.metric, anchor.higher_is_better)
    groups: dict[float, list[tuple[Run, float]]] = {}
    for run, value in pairs:
        groups.setdefault(float(run.at["labels"]), []).append((run, value))
    name = pairs[0][0].candidate.id
    if len(groups) < LEAST_RUNGS:
        raise Problem("scaling.too_few_rungs", at=name, got=len(groups), limit=LEAST_RUNGS)
    x = np.array(sorted(groups))
    means = np.array([np.mean([v for _, v in groups[k]]) for k in x])
    tests = [set_error([r for r, _ in groups[k]], float(m), fraction) for k, m in zip(x, means, strict=True)]
    rows = max((r.test_rows or 0 for r, _ in pairs), default=0)
    least = 0.5 / rows if rows else 1e-4  # no error seen is no proof of none
    error = np.maximum(1 - means if anchor.higher_is_better else means, least)
    errors = [np.maximum(np.array([1 - v if anchor.higher_is_better else v for _, v in groups[k]]), least) for k in x]
    noise, scatter = _seed_noise(errors, error, tests)
    rungs = tuple(
        _rung(float(k), float(m), groups[k], test, float(s * e), scatter is not None)
        for k, m, test, s, e in zip(x, means, tests, noise, error, strict=True)
    )
    single = one_run(pairs[0][0].candidate, anchor.higher_is_better, fraction=fraction) if scatter is None else None
    test, higher = tests[-1] or 0.0, anchor.higher_is_better
    return Ladder(rungs, x, error, noise, scatter, test, name, higher, fraction, single or MISFIT)


def _seed_noise(errors: list[Array], mean: Array, tests: list[float | None]) -> tuple[Array, float | None]:
    """Standard error of ln error of each rung from seeds, and the scatter of one run.

    Each rung's own scatter is drawn towards the one pooled over all rungs. Where no rung has two seeds, the test-set
    error stands in: two models that differ by chance disagree on about as many rows.
    """
    spare = np.array([len(e) - 1.0 for e in errors])
    seeds = spare + 1
    if spare.sum() == 0:
        return np.array([(t or 0.0) / m for t, m in zip(tests, mean, strict=True)]), None
    squares = np.array([float(((e - e.mean()) ** 2).sum()) / m**2 for e, m in zip(errors, mean, strict=True)])
    pooled = float(squares.sum() / spare.sum())
    own = (squares + PRIOR_SEEDS * pooled) / (spare + PRIOR_SEEDS)
    return np.sqrt(own / seeds), math.sqrt(pooled)


def _rung(
    x: float, value: float, group: list[tuple[Run, float]], test: float | None, seed: float, seeds_known: bool
) -> Rung:
    kinds = {ORIGINS.get(run.source.kind, "fresh") for run, _ in group}
    known = [part for part in (test, seed if seeds_known else None) if part is not None]
    return Rung(
        x=x,
        value=value,
        stderr=math.hypot(*known) if known else None,
        seeds=len(group),
        origin=kinds.pop() if len(kinds) == 1 else "fresh",
        runs=tuple(sorted(run.id for run, _ in group)),
    )


def reject_chance(ladder: Ladder, anchor: Anchor, runs: Sequence[Run]) -> None:
    """Raises Problem `scaling.at_chance` when the best rung lies within two standard errors of chance,
    `scaling.at_zero_shot` when all rungs lie within two of the zero-shot level: such a pilot says nothing about the slope.

    Where neither seeds nor test rows tell the error: see `_reject_untold`.
    """
    sign = 1.0 if anchor.higher_is_better else -1.0
    best = max(ladder.rungs, key=lambda rung: sign * rung.value)
    rows = max((r.test_rows or 0 for r in runs), default=0)
    chance, zero_shot = chance_of(anchor, runs), number(anchor.zero_shot)
    known = [rung.stderr for rung in ladder.rungs if rung.stderr is not None]
    if not known:
        _reject_untold(ladder, best.value, chance, zero_shot)
        return
    error = max(known) if best.stderr is None else best.stderr
    if chance is not None and sign * (best.value - chance) <= SIGNIFICANT * error:
        raise Problem("scaling.at_chance", at=ladder.candidate, got=best.value, limit=chance, rows=rows, labels=best.x)
    if zero_shot is None:
        return
    errors = [max(known) if rung.stderr is None else rung.stderr for rung in ladder.rungs]
    if all(abs(r.value - zero_shot) <= SIGNIFICANT * e for r, e in zip(ladder.rungs, errors, strict=True)):
        raise Problem("scaling.at_zero_shot", at=ladder.candidate, got=best.value, limit=zero_shot, rows=rows)


def _reject_untold(ladder: Ladder, best: float, chance: float | None, zero_shot: float | None) -> None:
    """Raises Problem `scaling.chance_untold`, `scaling.zero_shot_untold` when neither the best rung nor all rungs together
    are farther from that level than chance takes single runs of public curves from theirs: as likely as two standard
    errors, with the doubt about the scatter in it. Enough rungs with a slope that stands out of their own scatter are
    told apart by that, but for rungs that are no better than chance."""
    scores = normal_quantile((np.arange(SCORES) + 0.5) / SCORES)
    middle, spread = ladder.misfit
    off = np.abs(np.outer(scores, np.exp(middle + spread * scores)))
    far = float(np.quantile(off, math.erf(SIGNIFICANT / math.sqrt(2))))
    climbs = len(ladder.rungs) >= ENOUGH_OF_ONE_SEED and ladder.moves(None) == "steady"
    need = max(ENOUGH_OF_ONE_SEED, len(ladder.rungs) + 2)
    for code, level in (("scaling.chance_untold", chance), ("scaling.zero_shot_untold", zero_shot)):
        if level is None:
            continue
        start = 1 - level if ladder.higher_is_better else level
        gained = math.log(max(start, 1e-12)) - np.log(ladder.error)
        if code == "scaling.zero_shot_untold":  # worse than without labels is a change too
            gained = np.abs(gained)
        near = float(gained.max()) <= far and float(gained.mean()) <= far / math.sqrt(len(gained))
        if near and not (climbs and float(gained.max()) > 0):
            raise Problem(code, at=ladder.candidate, got=best, limit=level, need=need)


def chance_of(anchor: Anchor, runs: Iterable[Run]) -> float | None:
    """Chance from the anchor, else the one that the runs carry (a majority rate, so not for F1); None if unknown."""
    known = number(anchor.chance)
    if known is not None or "f1" in anchor.metric.lower():
        return known
    return max((r.chance for r in runs if r.chance is not None), default=None)
