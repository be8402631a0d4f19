"""Sentences about a curve from points, the same on the terminal and in a plot."""

from __future__ import annotations

from groundsill.api.curves import CurveEstimate, RouteWorth
from groundsill.words import say

SELDOM = 0.01  # a chance that is less is not told


def needed(curve: CurveEstimate, language: str) -> str:
    """Labels for the target, or that it is not reachable."""
    n = curve.needed
    if n is None:
        return ""
    limit, p = f"{n.limit:,.0f}", _percent(n.p_within)
    if n.median is None:
        return say("estimate.curve_never", language, target=f"{n.target:g}", limit=limit, p=p)
    more = say("estimate.curve_open", language, limit=limit)
    low, middle, high = (more if v is None else f"{v:,.0f}" for v in (n.low, n.median, n.high))
    return say(
        "estimate.curve_needed", language, target=f"{n.target:g}", median=middle, low=low, high=high, limit=limit, p=p
    )


def buy(curve: CurveEstimate, target: float, language: str) -> list[str]:
    """How many labels to buy for the target, and in which rounds; the chance that no amount is enough."""
    plan, n = curve.buy, curve.needed
    if plan is None or n is None:
        return []
    values = {"asked": _percent(plan.asked), "target": f"{target:g}", "limit": f"{n.limit:,.0f}"}
    if plan.enough is None:
        code = "estimate.curve_buy_more" if plan.rounds else "estimate.curve_buy_none"
    else:
        code = "estimate.curve_buy" if plan.rounds else "estimate.curve_buy_nothing"
        values["enough"] = f"{plan.enough:,.0f}"
    steps = say("estimate.curve_then", language).join(f"{x:,.0f}" for x in plan.rounds)
    lines = [say(code, language, rounds=steps, **values)]
    if plan.p_unreachable >= SELDOM:
        lines.append(say("estimate.curve_unreachable", language, p=_percent(plan.p_unreachable), **values))
    return lines


def best(curve: CurveEstimate, language: str) -> list[str]:
    """The total of labels with the largest value less cost."""
    found = curve.best
    if found is None:
        return []
    code = "estimate.curve_best" if found.value > 0 else "estimate.curve_best_none"
    return [
        say(code, language, cost=f"{found.cost_per_label:g}", value=f"{found.value_per_point:g}",
            labels=f"{found.labels:,.0f}", net=f"{found.value:,.4g}", last=f"{curve.rungs[-1].x:,.10g}")
    ]  # fmt: skip


def worth(found: RouteWorth, language: str) -> str:
    """The better candidate in labels of the other."""
    limit = f"{found.limit:,.0f}"
    more = say("estimate.curve_open", language, limit=limit)
    low, middle, high = (more if v is None else f"{v:,.0f}" for v in (found.low, found.median, found.high))
    return say("estimate.curve_worth_beyond" if found.median is None else "estimate.curve_worth", language,
               better=found.better, other=found.other, labels=f"{found.labels:,.10g}", low=low, median=middle, high=high,
               limit=limit, p=_percent(found.p_within))  # fmt: skip


def held_out(curve: CurveEstimate, language: str) -> str:
    """The back-test on the curve's own largest rung."""
    if curve.held_out is None:
        return say("estimate.curve_no_held_out", language)
    labels, forecast, measured = curve.held_out
    inside = forecast.low <= measured <= forecast.high
    verdict = say("estimate.curve_inside" if inside else "estimate.curve_outside", language)
    return say("estimate.curve_held_out", language, labels=f"{labels:,.0f}", median=value(forecast.median),
               low=value(forecast.low), high=value(forecast.high), measured=value(measured), verdict=verdict)  # fmt: skip


def calibration(curve: CurveEstimate, language: str) -> str:
    """Which public curves widened the interval."""
    if curve.calibration_curves == 0:
        return say("estimate.curve_widest", language)
    return say("estimate.curve_calibrated", language, curves=curve.calibration_curves, kind=curve.calibration)


def value(number: float) -> str:
    """A metric: three decimals for fractions, four digits else."""
    return f"{number:.3f}" if abs(number) < 10 else f"{number:,.4g}"


def _percent(p: float) -> str:
    return ">99%" if p > 0.995 else "<1%" if p < 0.005 else f"{p:.0%}"
