"""The options that the workbook prints: the choice that was taken of each assessed candidate, with its rows of cash."""

from __future__ import annotations

from collections.abc import Sequence

from groundsill.assess.compare import NONE, Standing
from groundsill.report.xlsx.book import Priced


def priced(rows: Sequence[Standing]) -> tuple[Priced, ...]:
    """One for each candidate that was assessed, doing nothing left out. rows: as the assessment valued them."""
    found = []
    for row in rows:
        candidate = row.entrant.candidate
        if row.status != "assessed" or row.best is None or candidate.route == NONE:
            continue
        option = row.taken
        if option.model is not None and option.sheet is not None:
            found.append(Priced(candidate, option.choice, option.model, option.sheet))
    return tuple(found)
