"""The verdict."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groundsill.assess.assessment import Measurement, Verdict
from groundsill.assess.compare import Standing
from groundsill.project.case import Case
from groundsill.terms.quantity import Interval

_CONSULTED = ("task.target", "task.confidence")


def verdict(
    case: Case,
    ranked: Sequence[Standing],
    rows: Sequence[Standing],
    perfect: float,
    next_measurement: Measurement | None,
) -> Verdict:
    """One word on the whole case. ranked: contenders, best first; rows: all candidates; perfect: EVPI.

    `cannot_say`: no candidate has a value. `do_not_invest`: no contender's mean NPV is above 0. `invest`: some contender
    reaches the target and pays, each with the asked confidence; the one of them with the largest mean NPV is named.
    `measure`: all that is left: the best contender may pay, but not yet surely enough.
    """
    if not ranked:
        trail = tuple(n for n in _CONSULTED if case.has(n))
        return Verdict("cannot_say", None, None, 0.0, None, None, None, next_measurement, perfect, trail)
    trail = tuple(
        sorted({*(name for row in ranked for name in row.taken.trail), *(n for n in _CONSULTED if case.has(n))})
    )
    if float(ranked[0].npv.mean()) <= 0:
        everything = [o.worth.operate for row in rows if row.status == "assessed" for o in row.options if o.worth]
        p_none = float(np.mean(np.max(everything, axis=0) <= 0))
        return Verdict("do_not_invest", None, None, p_none, None, None, None, next_measurement, perfect, trail)
    sure = [row for row in ranked if _sure(case, row)]
    named = sure[0] if sure else ranked[0]
    second = next((row.entrant.candidate for row in ranked if row is not named), None)
    return Verdict(
        code="invest" if sure else "measure",
        candidate=named.entrant.candidate,
        choice=named.taken.choice,
        confidence=float(np.mean(named.npv > 0)),
        p_target=named.taken_p_target,
        npv=Interval.of(named.npv),
        runner_up=second,
        next=next_measurement,
        perfect_information=perfect,
        trail=trail,
    )


def _sure(case: Case, row: Standing) -> bool:
    target = row.taken_p_target if row.taken_p_target is not None else 1.0
    mean = float(row.npv.mean())
    return target >= case.confidence and float(np.mean(row.npv > 0)) >= case.confidence and mean > 0
