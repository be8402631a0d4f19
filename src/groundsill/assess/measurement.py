"""The next measurement worth making: the input, or the quality, that is worth most to know before deciding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from groundsill.assess import units
from groundsill.assess.assessment import Measurement, Swing
from groundsill.assess.compare import Standing
from groundsill.assess.information import Worth
from groundsill.assess.sensitivity import QUALITY
from groundsill.assess.study import Played, best_study
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
    case: Case,
    rows: Sequence[Standing],
    ranked: Sequence[Standing],
    swings: Sequence[Swing],
    worths: Mapping[str, Worth],
    played: Sequence[Played],
) -> Measurement | None:
    """Largest worth among inputs and qualities that can be measured; ties by name.

    An input is worth at most its EVPPI. A quality is worth what the best study of it would gain, less what it costs;
    its EVPPI counts only where no study can be played. If nothing is worth money but it is unsure whether the best
    contender reaches the target, its quality; else None. worths: EVPPI by name.
    """
    found = [Measurement(s.input, how(s.input), s.worth, s.trail) for s in swings if _open(s.input)]
    named = {row.id: row for row in rows if row.status == "assessed" and QUALITY + row.id in worths}
    qualities = {name: _quality(case, row, worths[QUALITY + name].value, ranked, played) for name, row in named.items()}
    found += [m for m in qualities.values() if m is not None]
    found.sort(key=lambda m: (-_left(m), m.what))
    if found and _left(found[0]) > 0:
        return found[0]
    best = ranked[0] if ranked else None
    if best is None or best.id not in named or best.taken_p_target is None or best.taken_p_target >= case.confidence:
        return None
    trail = units.behind(case, best.taken.trail)
    return Measurement(QUALITY + best.id, how_quality(best), worths[QUALITY + best.id].value, trail)


def _left(measurement: Measurement) -> float:
    """Worth after the cost of the study, where that is known."""
    study = measurement.study
    return measurement.worth if study is None or study.net is None else study.net[1]


def _quality(
    case: Case, row: Standing, known: float, ranked: Sequence[Standing], played: Sequence[Played]
) -> Measurement | None:
    """The quality of a candidate, with the best study of it; a study of all learners is told with the best of them."""
    name, trail = QUALITY + row.id, units.behind(case, row.taken.trail)
    learns = how_quality(row) == "assess.measure_more_labels"
    mine = [p for p in played if (p.study.candidate is None and learns) or p.study.candidate == row.entrant.candidate]
    if not mine:
        return Measurement(name, how_quality(row), known, trail)
    first = next((r.id for r in ranked if how_quality(r) == "assess.measure_more_labels"), row.id)
    study = best_study(mine, ("labels", "seeds", "rows"))
    if study is None or (learns and row.id != first):
        return None
    code = {"labels": "assess.study_labels", "seeds": "assess.study_seeds", "rows": "assess.study_rows"}[study.kind]
    return Measurement(name, code, study.worth[1], study.trail, study)


def _open(name: str) -> bool:
    return not name.startswith((*_NOT_MEASURED, QUALITY))
