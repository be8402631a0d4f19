"""Tuning an open model: on own labels as the pilot measured it, or by plan from published runs."""

from __future__ import annotations

from groundsill.project.case import Case, Entrant
from groundsill.routes._shared import CurveKind, learnt, options, planned, wants
from groundsill.terms.curve import Curve
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast
from groundsill.terms.problem import Problem

LABEL = {"en": "tune an open model", "zh": "微调开放模型"}


def curve(case: Case, entrant: Entrant) -> CurveKind:
    """`labels` with runs of one's own, `point` with a published score or the user's line, else `none`."""
    return wants(case, entrant)


def forecast(case: Case, entrant: Entrant, draws: Draws, curve: Curve | None) -> Forecast:
    """Measured where there are label runs, else planned from `tune_tokens` and `examples`.

    Raises Problem `routes.not_measured`, other `routes.*`, `resources.no_timing`, `resources.no_efficiency`.
    """
    kind = wants(case, entrant)
    if kind == "none" and case.card is not None and not case.has(entrant.fact("tune_tokens")):
        # there are data to measure on, and nobody asked for a plan from published figures
        raise Problem("routes.not_measured", at=entrant.candidate.id, got=entrant.candidate.id)
    make = learnt if kind == "labels" else planned
    return options(case, entrant, draws, lambda world: make(world, curve))
