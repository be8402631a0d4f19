"""The workbook: inputs, the cash model by month as live formulas, outputs, sources and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from groundsill.assess.assessment import Assessment

if TYPE_CHECKING:
    from groundsill.report.xlsx.book import Priced

FILE, SUFFIX, SEES = "report.xlsx", ".xlsx", "options"


def render(assessment: Assessment, priced: Sequence[Priced], language: str) -> bytes:
    """The file's bytes, the same for the same assessment."""
    from groundsill.report.xlsx.write import workbook  # loaded late: most reports have no workbook

    return workbook(assessment, priced, language)
