"""The assessment as JSON. Its schema is published as docs/report-schema.json; see `report.schema`."""

from __future__ import annotations

import json

from groundsill.assess.assessment import Assessment
from groundsill.report.data import packed, to_data

FILE, SUFFIX, SEES = "report.json", ".json", "assessment"


def render(assessment: Assessment, language: str) -> str:
    """JSON text, the same bytes for the same assessment. NaN never appears."""
    return json.dumps(packed(to_data(assessment, language)), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


__all__ = ["FILE", "SEES", "SUFFIX", "render", "to_data"]
