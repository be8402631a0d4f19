"""The workbook as bytes."""

from __future__ import annotations

from collections.abc import Sequence

from groundsill.assess.assessment import Assessment
from groundsill.report.xlsx import calc, checks, inputs, outputs, sources, summary
from groundsill.report.xlsx.book import Priced, book
from groundsill.report.xlsx.paint import Painter
from groundsill.report.xlsx.plan import plan


def workbook(assessment: Assessment, priced: Sequence[Priced], language: str) -> bytes:
    """The xlsx file of the assessed options. The same assessment gives the same bytes.

    Raises Problem `workbook.no_formula` where a row of the cash model has a form that no spreadsheet formula is known for.
    """
    made = book(assessment, priced, language)
    plans = [plan(made, track) for track in made.tracks]
    results = outputs.found(made, plans)
    painter = Painter(assessment.made, assessment.name)
    summary.write(painter, made, plans, results)
    inputs.write(painter, made)
    for each in plans:
        calc.write(painter, made, each)
    outputs.write(painter, made, plans, results)
    sources.write(painter, made)
    checks.write(painter, made, plans, results)
    return painter.bytes()
