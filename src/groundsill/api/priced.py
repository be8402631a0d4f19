"""The options that the workbook prints: the choice that was taken of each assessed candidate, with its rows of cash."""

from __future__ import annotations

from collections.abc import Sequence

from groundsill.assess import run
from groundsill.assess.assessment import Assessment
from groundsill.assess.evaluate import options, world
from groundsill.assess.fit import Fitted
from groundsill.project.case import Case
from groundsill.report.xlsx.book import Priced
from groundsill.terms.draws import Draws


def priced(case: Case, draws: Draws, curves: Sequence[Fitted], assessment: Assessment) -> tuple[Priced, ...]:
    """One for each candidate that was assessed, doing nothing left out. curves: as the assessment fitted them."""
    here = world(case, run.with_class_shares(case, draws))
    found = []
    for row in curves:
        result = assessment.result(row.id)
        if result.value is None or result.choice is None or result.candidate.route == "none":
            continue
        option = options(here, row, choices=(result.choice,))[0]
        if option.model is not None and option.sheet is not None:
            found.append(Priced(result.candidate, result.choice, option.model, option.sheet))
    return tuple(found)
