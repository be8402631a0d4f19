"""The next measurement worth making: the input, or the quality, that is worth most to know before deciding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from groundsill.assess import units
from groundsill.assess.assessment import Measurement, Swing
from groundsill.assess.compare import Standing
from groundsill.assess.information import Learner
from groundsill.assess.sensitivity import QUALITY
from groundsill.project.case import Case

# what nobody can measure before the decision: one's own hurdle rate, exchange rates, events that have not happened
_NOT_MEASURED = ("finance.", "fx.", "risk.")
_HOW = (
    (
        ("use.requests_per_month", "use.growth", "use.tokens", "market.requests", "market.adoption"),
        "assess.measure_volume",
    ),
    (("price.", "market.price"), "assess.measure_price"),
    (("use.",), "assess.measure_value"),
    (("market.",), "assess.measure_market"),
    (("effort.", "team."), "assess.measure_effort"),
)


def how(name: str) -> str:
    """Code of the sentence that says how an input is measured."""
    return next((code for starts, code in _HOW if name.startswith(starts)), "assess.measure_input")


def how_quality(row: Standing) -> str:
    """Code of the sentence that says how the quality of a candidate is measured."""
    if row.entrant.candidate.model.startswith("hosted/"):
        return "assess.measure_quality_hosted"
    labels = row.fitted is not None and row.fitted.kind == "labels" and not row.fitted.own
    return "assess.measure_more_labels" if labels else "assess.measure_quality"


def next_measurement(
    case: Case, rows: Sequence[Standing], ranked: Sequence[Standing], swings: Sequence[Swing], learner: Learner
) -> Measurement | None:
    """Largest EVPPI among inputs and qualities that can be measured; ties by name.

    If nothing is worth money but it is unsure whether the best contender reaches the target, that quality; else None.
    """
    found = [Measurement(s.input, how(s.input), s.worth, s.trail) for s in swings if _open(s.input)]
    by_id = {row.id: row for row in rows if row.status == "assessed"}
    for name, row in by_id.items():
        outcome = row.taken.outcome
        own = row.fitted.own if row.fitted is not None else ""
        if outcome is None or outcome.quality is None or np.ptp(outcome.quality) == 0 or own:
            continue
        worth = learner.known(outcome.quality).worth
        trail = units.behind(case, row.taken.trail)
        found.append(Measurement(QUALITY + name, how_quality(row), worth, trail))
    found.sort(key=lambda m: (-m.worth, m.what))
    if found and found[0].worth > 0:
        return found[0]
    best = ranked[0] if ranked else None
    if best is None or best.taken_p_target is None or best.taken_p_target >= case.confidence:
        return None
    return next((m for m in found if m.what == QUALITY + best.id), None)


def _open(name: str) -> bool:
    return not name.startswith((*_NOT_MEASURED, QUALITY))
