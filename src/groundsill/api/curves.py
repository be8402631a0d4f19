"""A learning curve from points that somebody already has: forecast, labels needed, back-test, doubts and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.terms.curve import LabelsNeeded, Rung
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Interval

if TYPE_CHECKING:
    from groundsill.pilot.points_table import Points
    from groundsill.scaling.predict import LabelCurve
    from groundsill.terms.anchor import Anchor
    from groundsill.terms.candidate import Candidate
    from groundsill.terms.run import Run

TIMES = (2.0, 4.0, 8.0, 16.0)  # of the largest measured amount
LEVELS = (0.05, 0.10, 0.50, 0.90, 0.95)
PLACES = 33  # of the line that a plot shows


@dataclass(frozen=True)
class Ahead:
    """The forecast at one amount: 5, 10, 50, 90 and 95 % quantiles of the metric."""

    labels: float
    times: float
    q05: float
    q10: float
    q50: float
    q90: float
    q95: float


@dataclass(frozen=True)
class CurveEstimate:
    """One candidate's curve. problem: why it was refused, with rungs as they were measured and nothing else.

    held_out: (labels of the largest rung, its forecast from the others, what was measured), None with too few rungs.
    calibration, calibration_curves: kind and number of the public curves that widened the interval. doubts: reasons not
    to believe it, each with what to measure instead. line: (labels, 5, 50, 95 %) for plots.
    """

    candidate: str
    rungs: tuple[Rung, ...]
    ahead: tuple[Ahead, ...] = ()
    needed: LabelsNeeded | None = None
    held_out: tuple[float, Interval, float] | None = None
    calibration: str = ""
    calibration_curves: int = 0
    doubts: tuple[Problem, ...] = ()
    problem: Problem | None = None
    line: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True)
class CurveEstimates:
    """All candidates of a file. chance: None if unknown. repairs: what was mended in the file."""

    file: str
    metric: str
    higher_is_better: bool
    target: float | None
    chance: float | None
    curves: tuple[CurveEstimate, ...]
    repairs: tuple[Problem, ...]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON; problems as their code and values."""
        from dataclasses import asdict

        data = asdict(self)
        data["repairs"] = [_told(p) for p in self.repairs]
        for shown, curve in zip(data["curves"], self.curves, strict=True):
            shown["doubts"] = [_told(p) for p in curve.doubts]
            shown["problem"] = None if curve.problem is None else _told(curve.problem)
            shown["held_out"] = None
            if curve.held_out is not None:
                labels, forecast, measured = curve.held_out
                shown["held_out"] = {"labels": labels, "forecast": asdict(forecast), "measured": measured}
        return data


def estimate_curve(
    path: Path,
    *,
    target: float | None = None,
    metric: str = "accuracy",
    chance: float | None = None,
    limit: float | None = None,
    draws: int = 4000,
    seed: int = 1,
) -> CurveEstimates:
    """Curves of the csv file `path` (columns: see docs/runs-table.md; only `labels` and `value` are needed).

    target: value asked for; chance: what a guess reaches; limit: most labels that could be had. Better is higher, but
    for metrics named loss, error, perplexity and the like. Lines at 0 labels are the zero-shot level. The same seed
    gives the same numbers. Raises Problem of the table (`pilot.*`), `estimate.outside_metric`, `estimate.bad_limit`.
    """
    from groundsill.api.analysis import today
    from groundsill.pilot.points_table import higher_is_better, read_points
    from groundsill.report.tongue import clean
    from groundsill.scaling.rungs import is_fraction

    higher = higher_is_better(metric)
    fraction = is_fraction(metric, higher)
    for name, value in (("target", target), ("chance", chance)):
        if value is not None and not 0 <= value <= (1 if fraction else float("inf")):
            raise Problem("estimate.outside_metric", at=name, got=value, limit="0 … 1" if fraction else "≥ 0")
    if limit is not None and not 0 < limit < float("inf"):
        raise Problem("estimate.bad_limit", at="limit", got=limit, limit=0)
    points = read_points(path, metric=metric, fraction=fraction, today=today())
    found = []
    for candidate in dict.fromkeys((*(r.candidate for r in points.runs), *points.without_labels)):
        runs = [r for r in points.runs if r.candidate == candidate]
        anchor = _anchor(metric, higher, chance, points, candidate)
        found.append(_one(clean(candidate.id) or path.stem, runs, anchor, (target, limit), draws, seed))
    return CurveEstimates(path.name, metric, higher, target, chance, tuple(found), points.repairs)


def _anchor(metric: str, higher: bool, chance: float | None, points: Points, candidate: Candidate) -> Anchor:
    from groundsill.terms.anchor import Anchor
    from groundsill.terms.fact import Fact
    from groundsill.terms.quantity import Exactly
    from groundsill.terms.source import Source

    def known(name: str, value: float | None) -> Fact | None:
        return None if value is None else Fact(name, Exactly(value), "1", Source(name, "user"), "user")

    zero = points.without_labels.get(candidate, ())
    mean = sum(zero) / len(zero) if zero else None
    return Anchor(metric, known("chance", chance), known("zero_shot", mean), higher_is_better=higher)


def _one(
    name: str, runs: Sequence[Run], anchor: Anchor, wanted: tuple[float | None, float | None], draws: int, seed: int
) -> CurveEstimate:
    """One candidate; what the engine refuses becomes a row with its problem."""
    import numpy as np

    from groundsill.scaling.fit import fit_labels

    target, limit = wanted
    try:
        curve = fit_labels(runs, anchor, n=draws, rng=np.random.default_rng(seed))
    except Problem as problem:
        return CurveEstimate(name, _means(runs), problem=problem)
    last = curve.rungs[-1].x
    first, end = curve.rungs[0].x, last * TIMES[-1]
    return CurveEstimate(
        candidate=name,
        rungs=curve.rungs,
        ahead=tuple(Ahead(t * last, t, *_quantiles(curve, t * last)) for t in TIMES),
        needed=None if target is None else curve.reach(target, float("inf") if limit is None else limit),
        held_out=curve.held_out(),
        calibration=curve.calibration,
        calibration_curves=curve.calibration_curves,
        doubts=_doubts(curve, target, limit),
        line=tuple(_line(curve, float(x)) for x in np.geomspace(max(first / 2, 1.0), end, PLACES)),
    )


def _doubts(curve: LabelCurve, target: float | None, limit: float | None) -> tuple[Problem, ...]:
    """Those of the curve, and that the metric may be the wrong way round; each code once."""
    found = list(curve.doubts(target, limit))
    codes = {p.code for p in found}
    found += [Problem(code) for code in curve.notes if code not in codes]
    if "scaling.falling" in {p.code for p in found}:
        found.append(Problem("estimate.direction", got=curve.rungs[-1].value, limit=curve.rungs[0].value))
    return tuple(found)


def _quantiles(curve: LabelCurve, labels: float) -> tuple[float, ...]:
    from groundsill.terms.quantity import quantiles

    return tuple(float(q) for q in quantiles(curve.at({"labels": labels}), LEVELS))


def _line(curve: LabelCurve, labels: float) -> tuple[float, float, float, float]:
    low, _, middle, _, high = _quantiles(curve, labels)
    return labels, low, middle, high


def _means(runs: Sequence[Run]) -> tuple[Rung, ...]:
    """Measured points of a curve that was refused."""
    groups: dict[float, list[Run]] = {}
    for run in runs:
        groups.setdefault(float(run.at["labels"]), []).append(run)
    return tuple(
        Rung(
            x, sum(r.value or 0.0 for r in group) / len(group), None, len(group), "imported", tuple(r.id for r in group)
        )
        for x, group in sorted(groups.items())
    )


def _told(problem: Problem) -> dict[str, Any]:
    from groundsill.words import explain

    return {"code": problem.code, **problem.values(), "text": explain(problem)}
