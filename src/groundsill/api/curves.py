"""A learning curve from points that somebody already has: forecast, labels needed, back-test, doubts and refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from groundsill.terms.curve import LabelsNeeded, Rung
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Interval

if TYPE_CHECKING:
    import numpy as np

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
class Buy:
    """How many labels to buy. asked: the chance asked for; enough: the fewest labels at which the target is reached with
    it, None if nowhere within the limit; rounds: totals to buy up to in turn, fitting again after each;
    p_unreachable: chance that no amount of labels reaches it."""

    asked: float
    enough: float | None
    rounds: tuple[float, ...]
    p_unreachable: float


@dataclass(frozen=True)
class Best:
    """The total of labels with the largest value less cost, and what that is over stopping at the largest rung."""

    labels: float
    value: float
    cost_per_label: float
    value_per_point: float


@dataclass(frozen=True)
class RouteWorth:
    """`better` with `labels` labels does as well as `other` with so many: 5, 50, 95 %, None beyond `limit`. p_within:
    chance that `other` gets there within `limit` at all."""

    better: str
    other: str
    labels: float
    low: float | None
    median: float | None
    high: float | None
    p_within: float
    limit: float


@dataclass(frozen=True)
class CurveEstimate:
    """One candidate's curve. problem: why it was refused, with rungs as they were measured and nothing else.

    held_out: (labels of the largest rung, its forecast from the others, what was measured), None with too few rungs.
    calibration, calibration_curves: kind and number of the public curves that widened the interval. doubts: reasons not
    to believe it, each with what to measure instead. buy: where a target is given; best: where cost and value are.
    line: (labels, 5, 50, 95 %) for plots.
    """

    candidate: str
    rungs: tuple[Rung, ...]
    ahead: tuple[Ahead, ...] = ()
    needed: LabelsNeeded | None = None
    buy: Buy | None = None
    best: Best | None = None
    held_out: tuple[float, Interval, float] | None = None
    calibration: str = ""
    calibration_curves: int = 0
    doubts: tuple[Problem, ...] = ()
    problem: Problem | None = None
    line: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True)
class CurveEstimates:
    """All candidates of a file. chance: None if unknown. repairs: what was mended in the file. worth: what the best
    candidate is worth in labels of each other, at the largest amount that all of them were measured at or beyond."""

    file: str
    metric: str
    higher_is_better: bool
    target: float | None
    chance: float | None
    curves: tuple[CurveEstimate, ...]
    repairs: tuple[Problem, ...]
    worth: tuple[RouteWorth, ...] = ()

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
    asked: float = 0.8,
    cost_per_label: float | None = None,
    value_per_point: float | None = None,
    draws: int = 4000,
    seed: int = 1,
) -> CurveEstimates:
    """Curves of the csv file `path` (columns: see docs/runs-table.md; only `labels` and `value` are needed).

    target: value asked for; chance: what a guess reaches; limit: most labels that could be had. asked: chance with which
    the target is to be reached. cost_per_label, value_per_point: of one more label and of 0.01 more of the metric (less,
    where lower is better), plain numbers in one unit; given both, the best total of labels is looked for. Better is higher, but
    for metrics named loss, error, perplexity and the like. Lines at 0 labels are the zero-shot level. The same seed
    gives the same numbers. Raises Problem of the table (`pilot.*`), `estimate.outside_metric`, `estimate.bad_limit`,
    `estimate.bad_wish`, `estimate.cost_and_value`.
    """
    import numpy as np

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
    _reject_wishes(asked, cost_per_label, value_per_point)
    points = read_points(path, metric=metric, fraction=fraction, today=today())
    wanted = _Wanted(target, limit, asked, cost_per_label, value_per_point)
    found, curves = list[CurveEstimate](), dict[str, "LabelCurve"]()
    for candidate in dict.fromkeys((*(r.candidate for r in points.runs), *points.without_labels)):
        runs = [r for r in points.runs if r.candidate == candidate]
        anchor = _anchor(metric, higher, chance, points, candidate)
        name = clean(candidate.id) or path.stem
        rng = np.random.default_rng(
            [seed, crc32(name.encode())] if candidate.id else seed
        )  # candidates are independent
        one, curve = _one(name, runs, anchor, wanted, draws, rng)
        found.append(one)
        if curve is not None:
            curves[name] = curve
    worth = _worth(curves, float("inf") if limit is None else limit)
    return CurveEstimates(path.name, metric, higher, target, chance, tuple(found), points.repairs, worth)


@dataclass(frozen=True)
class _Wanted:
    target: float | None
    limit: float | None
    asked: float
    cost_per_label: float | None
    value_per_point: float | None


def _reject_wishes(asked: float, cost: float | None, value: float | None) -> None:
    if not 0 < asked < 1:
        raise Problem("estimate.bad_wish", got=asked, limit="0 … 1", name="asked")
    if (cost is None) != (value is None):
        raise Problem("estimate.cost_and_value", got=1, limit=2)
    for name, given in (("cost_per_label", cost), ("value_per_point", value)):
        if given is not None and not 0 <= given < float("inf"):
            raise Problem("estimate.bad_wish", got=given, limit="≥ 0", name=name)


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
    name: str, runs: Sequence[Run], anchor: Anchor, wanted: _Wanted, draws: int, rng: np.random.Generator
) -> tuple[CurveEstimate, LabelCurve | None]:
    """One candidate; what the engine refuses becomes a row with its problem, and no curve."""
    import numpy as np

    from groundsill.scaling.fit import fit_labels

    target, limit = wanted.target, wanted.limit
    try:
        curve = fit_labels(runs, anchor, n=draws, rng=rng)
    except Problem as problem:
        return CurveEstimate(name, _means(runs), problem=problem), None
    last = curve.rungs[-1].x
    first, end = curve.rungs[0].x, last * TIMES[-1]
    return CurveEstimate(
        candidate=name,
        rungs=curve.rungs,
        buy=_buy(curve, wanted),
        best=_best(curve, wanted),
        ahead=tuple(Ahead(t * last, t, *_quantiles(curve, t * last)) for t in TIMES),
        needed=None if target is None else curve.reach(target, float("inf") if limit is None else limit),
        held_out=curve.held_out(),
        calibration=curve.calibration,
        calibration_curves=curve.calibration_curves,
        doubts=_doubts(curve, target, limit),
        line=tuple(_line(curve, float(x)) for x in np.geomspace(max(first / 2, 1.0), end, PLACES)),
    ), curve


def _buy(curve: LabelCurve, wanted: _Wanted) -> Buy | None:
    from groundsill.scaling.needed import labels_plan

    if wanted.target is None:
        return None
    limit = float("inf") if wanted.limit is None else wanted.limit
    plan = labels_plan(curve, wanted.target, asked=wanted.asked, limit=limit)
    return Buy(wanted.asked, plan.enough, plan.rounds, plan.p_unreachable)


def _best(curve: LabelCurve, wanted: _Wanted) -> Best | None:
    from groundsill.scaling.needed import best_amount

    cost, value = wanted.cost_per_label, wanted.value_per_point
    if cost is None or value is None:
        return None
    limit = float("inf") if wanted.limit is None else wanted.limit
    return Best(*best_amount(curve, cost, value, limit=limit), cost, value)


def _worth(curves: Mapping[str, LabelCurve], limit: float) -> tuple[RouteWorth, ...]:
    """The candidate with the best median at the largest common amount, in labels of every other."""
    import numpy as np

    from groundsill.scaling.transfer import worth

    if len(curves) < 2:
        return ()
    labels = min(curve.rungs[-1].x for curve in curves.values())
    sign = 1.0 if next(iter(curves.values())).ladder.higher_is_better else -1.0
    best = max(curves, key=lambda name: sign * float(np.median(curves[name].at({"labels": labels}))))
    out = []
    for name, other in curves.items():
        if name != best:
            found = worth(curves[best], other, labels, limit=max(limit, labels))
            out.append(RouteWorth(best, name, labels, *found.equal, found.p_within, found.limit))
    return tuple(out)


def _doubts(curve: LabelCurve, target: float | None, limit: float | None) -> tuple[Problem, ...]:
    """Those of the curve, and that the metric may be the wrong way round; each code once. What the line on calibration
    or the table of seeds says is no doubt by itself."""
    found = list(curve.doubts(target, limit))
    codes = {p.code for p in found}
    found += [Problem(code) for code in curve.notes if code not in {*codes, "scaling.widest", "scaling.one_seed"}]
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
