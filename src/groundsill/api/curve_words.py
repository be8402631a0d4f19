"""Sentences about a curve from points, the same on the terminal and in a plot."""

from __future__ import annotations

from groundsill.api.curves import CurveEstimate
from groundsill.words import say


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
