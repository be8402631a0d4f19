"""Draws made small: curves, needs and values as the report shows them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groundsill.assess import units
from groundsill.assess.assessment import CurveView, NeedView, OptionView, ValueView
from groundsill.assess.compare import Standing
from groundsill.assess.evaluate import Option, World
from groundsill.assess.fit import Fitted
from groundsill.finance import cashflow, value
from groundsill.finance.model import RATE, Model
from groundsill.scaling.predict import FARTHEST, LabelCurve
from groundsill.terms.curve import Curve, LabelsNeeded
from groundsill.terms.draws import Draws
from groundsill.terms.needs import Needs
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Interval, quantiles

_POINTS = 33  # along a curve
SHOWN = 10_000  # draws of a label curve that is drawn, and of the labels that it needs
MONTHLY = 10_000  # draws whose cash is looked at month by month: rates, payback, trough, bands
_AHEAD = 8.0  # a curve is drawn at least up to this many times its largest rung


def curve_view(here: World, row: Fitted) -> CurveView | None:
    """The fitted curve at `xs`, None if there is none. Points that the curve refuses are left out. By SHOWN draws: a
    quantile of 5 % is then known to 0.2 % of the draws."""
    curve = row.curve.first(SHOWN) if isinstance(row.curve, LabelCurve) else row.curve
    if curve is None:
        return None
    low, median, high, xs = list[float](), list[float](), list[float](), list[float]()
    for x, point in _places(row, curve, here.draws):
        try:
            at = quantiles(curve.at(point), (0.05, 0.5, 0.95))
        except Problem:
            continue
        xs.append(x)
        for kept, number in zip((low, median, high), at, strict=True):
            kept.append(float(number))
    trail = tuple(sorted({*curve.trail, *((row.own,) if row.own else ())}))
    reach = _reach(here, curve)
    return CurveView(
        curve.axis, curve.rungs, tuple(xs), tuple(low), tuple(median), tuple(high), reach, row.held_out, trail
    )


def _places(row: Fitted, curve: Curve, draws: Draws) -> list[tuple[float, dict[str, float]]]:
    if curve.axis == "labels":
        first, last = min(r.x for r in curve.rungs), max(r.x for r in curve.rungs)
        most = max([last, *(c["labels"] for c in row.entrant.choices if "labels" in c)])
        xs = np.geomspace(max(first, 1.0), min(max(most, _AHEAD * last), FARTHEST * last), _POINTS)
        return [(float(x), {"labels": float(x)}) for x in xs]
    if curve.axis == "parameters-tokens":
        names = [row.entrant.fact(key) for key in ("parameters", "tokens")]
        if any(name not in draws for name in names):
            return []
        size, tokens = (float(np.median(draws[name])) for name in names)
        xs = np.geomspace(tokens / 16, tokens * 4, _POINTS)
        return [(float(x), {"parameters": size, "tokens": float(x)}) for x in xs]
    return [(0.0, {})]


def _reach(here: World, curve: Curve) -> LabelsNeeded | None:
    if curve.axis != "labels" or here.case.target <= 0:
        return None
    given = here.draws.values_by_name.get("labels.limit")
    farthest = FARTHEST * max(r.x for r in curve.rungs)
    limit = farthest if given is None else float(np.median(given))
    try:
        return curve.reach(here.case.target, limit)
    except Problem:
        return None


def need_views(here: World, option: Option) -> tuple[NeedView, ...]:
    """Every need of an option with what it costs over the horizon. cost is None where it has no price."""
    if option.outcome is None:
        return ()
    paid = dict[tuple[str, str, str], tuple[Interval, tuple[str, ...]]]()
    if option.model is not None and option.sheet is not None:
        for each in cashflow.need_costs(option.model, here.draws, option.sheet):
            paid[each.part, each.need.item, each.need.shared] = Interval.of(each.present), each.trail
    out = list[NeedView]()
    for part, needs in option.outcome.needs.parts().items():
        for need in needs:
            free = bool(np.all(np.asarray(need.amount) <= need.owned))
            cost, trail = paid.get((part, need.item, need.shared), (None, need.trail))
            shown = Interval(0.0, 0.0, 0.0, 0.0) if free else cost
            out.append(
                NeedView(
                    part, need.item, need.unit, Interval.of(need.amount), shown, need.shared, need.owned,
                    units.behind(here.case, trail),
                )
            )  # fmt: skip
    return (*out, *_memory(here, option.outcome.needs))


def _memory(here: World, needs: Needs) -> list[NeedView]:
    """Peak memory of one accelerator: held, not bought. It rests on the same runs and facts as the machine time."""
    out = []
    for item, amount in (("train_bytes", needs.train_bytes), ("serve_bytes", needs.serve_bytes)):
        if amount is not None:
            behind = [n for n in (*needs.build, *needs.per_month) if n.item.startswith("accelerator:")]
            trail = tuple(dict.fromkeys(name for n in behind for name in n.trail))
            out.append(
                NeedView("memory", item, "B", Interval.of(amount), None, "", 0.0, units.behind(here.case, trail))
            )
    return out


def option_view(here: World, option: Option, p_target: float | None) -> OptionView:
    """One choice in a line."""
    trail = units.behind(here.case, option.trail)
    quality = option.outcome.quality if option.outcome is not None else None
    shown = None if quality is None else Interval.of(quality)
    if option.worth is None or option.outcome is None or quality is None:
        return OptionView(option.choice, shown, p_target, None, None, trail)
    npv = option.worth.operate
    return OptionView(option.choice, shown, p_target, Interval.of(npv), float(np.mean(npv > 0)), trail)


@dataclass(frozen=True)
class Distribution:
    """How net present value lies: see the fields of the same names of ValueView."""

    npv: Interval
    p_positive: float
    tail: float
    quantiles: tuple[float, ...]


def distribution(npv: Array) -> Distribution:
    """npv: (draws,)."""
    places = _floats(quantiles(npv, np.linspace(0, 1, 101).tolist()))
    shown = Interval(places[5], places[50], places[95], float(npv.mean()))
    return Distribution(shown, float(np.mean(npv > 0)), value.tail(npv), places)


def value_view(here: World, row: Standing) -> tuple[ValueView, Array]:
    """What the choice taken is worth, and the trough (draws, at most MONTHLY) for the entry ticket."""
    option = row.taken
    if option.model is None:
        raise Problem("assess.no_value", at=row.id)
    spread, cash = distribution(row.npv), _by_month(here, option.model)
    bands = quantiles(cash.cumulative, (0.05, 0.5, 0.95))
    rate, paid = cash.rate[np.isfinite(cash.rate)], cash.payback[np.isfinite(cash.payback)]
    view = ValueView(
        npv=spread.npv,
        p_positive=spread.p_positive,
        tail=spread.tail,
        irr=Interval.of(rate) if len(rate) else None,
        p_irr=len(rate) / len(cash.rate),
        payback_months=Interval.of(paid) if len(paid) else None,
        p_payback=len(paid) / len(cash.payback),
        trough=Interval.of(cash.trough),
        quantiles=spread.quantiles,
        cumulative_low=_floats(bands[0]),
        cumulative_median=_floats(bands[1]),
        cumulative_high=_floats(bands[2]),
        rows={name: _floats(mean) for name, mean in cash.means.items()},
        trail=units.behind(here.case, {*option.trail, RATE}),
    )
    return view, cash.trough


@dataclass(frozen=True)
class _ByMonth:
    """rate, payback (months), trough: (draws,); cumulative: (months + 1, draws); means: row -> mean by month."""

    rate: Array
    payback: Array
    trough: Array
    cumulative: Array
    means: dict[str, Array]


def _by_month(here: World, model: Model) -> _ByMonth:
    """Block by block, so that the rows by month stay small; at most the first MONTHLY draws."""
    parts = [part for part in here.blocks if part.start < MONTHLY]
    n, size = parts[-1].stop, here.common.months + 1
    means = {name: np.zeros(size) for name in model.cash}
    out = _ByMonth(np.empty(n), np.empty(n), np.empty(n), np.empty((size, n)), means)
    for part in parts:
        place = slice(part.start, part.stop)
        found = cashflow.monthly(model, part)
        summed = out.cumulative[:, place]
        for month, flow in enumerate(found.net):  # a running sum down the columns would take five times as long
            np.add(summed[month - 1], flow, out=summed[month]) if month else np.copyto(summed[0], flow)
        out.rate[place] = value.irr(found.net.T).rate
        out.payback[place] = value.payback_of(summed.T)
        out.trough[place] = np.minimum(summed.min(axis=0), 0.0)
        for name, mean in found.means.items():
            means[name] += mean * (part.draws.n / n)
    return out


def _floats(values: Array) -> tuple[float, ...]:
    return tuple(float(v) for v in values)
