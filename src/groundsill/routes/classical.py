"""A model without a foundation model (word counts and a linear classifier), trained on own labels."""

from __future__ import annotations

from groundsill.project.case import Case, Entrant
from groundsill.routes._shared import CurveKind, learnt, options
from groundsill.terms.curve import Curve
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast

LABEL = {"en": "classical model", "zh": "传统模型"}


def curve(case: Case, entrant: Entrant) -> CurveKind:
    """Quality against labels."""
    return "labels"


def forecast(case: Case, entrant: Entrant, draws: Draws, curve: Curve | None) -> Forecast:
    """Each choice is `{"labels": n}`. Raises Problem `routes.*`, `resources.no_timing`."""
    return options(case, entrant, draws, lambda world: learnt(world, curve))
