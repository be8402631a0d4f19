"""Doing nothing: what every other route is compared with. Demands nothing; worth nothing by definition."""

from __future__ import annotations

from groundsill.project.case import Case, Entrant
from groundsill.routes._shared import CurveKind
from groundsill.terms.curve import Curve
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Forecast, Outcome
from groundsill.terms.needs import Needs

LABEL = {"en": "do nothing", "zh": "什么也不做"}


def curve(case: Case, entrant: Entrant) -> CurveKind:
    """No curve: there is no quality."""
    return "none"


def forecast(case: Case, entrant: Entrant, draws: Draws, curve: Curve | None) -> Forecast:
    """No needs, no quality."""
    return Forecast(entrant.candidate, tuple(Outcome(choice, None, Needs(), {}) for choice in entrant.choices))
