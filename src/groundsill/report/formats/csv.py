"""The cash table: mean cash by month of each row, for the best choice of each candidate."""

from __future__ import annotations

import csv
import io
import math

from groundsill.assess.assessment import Assessment
from groundsill.report.tongue import clean

FILE, SUFFIX, SEES = "cash.csv", ".csv", "assessment"
COLUMNS = ("candidate", "row", "month", "mean", "currency")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def render(assessment: Assessment, language: str) -> str:
    """One line per candidate, row and month (month 0 is the start). The language does not matter: codes are kept."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    for result in assessment.results:
        if result.value is None:
            continue
        for row, months in result.value.rows.items():
            for month, mean in enumerate(months):
                shown = f"{mean:.10g}" if math.isfinite(mean) else ""
                writer.writerow((safe(result.candidate.id), safe(row), month, shown, safe(assessment.currency)))
    return out.getvalue()


def safe(text: str) -> str:
    """Text that no spreadsheet takes for a formula: a leading = + - @ gets an apostrophe (OWASP, CSV injection)."""
    flat = clean(text)
    return f"'{flat}" if flat.lstrip(" ").startswith(FORMULA) else flat
