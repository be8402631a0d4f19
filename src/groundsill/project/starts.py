"""Starting values that `init` writes, and which of them nobody has looked at yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundsill.project.lines import Lines, Path
from groundsill.project.numbers import dotted
from groundsill.terms.problem import Problem

MARKS = ("YOUR NUMBER", "你的数字")
"""Each line that only the user knows ends in a comment with one of these."""

STARTS: Mapping[Path, object] = {
    ("task", "target"): 0.8,
    ("task", "confidence"): 0.8,
    ("use", "requests_per_month"): "5k to 50k",
    ("use", "growth_per_year"): "0% to 10%",
    ("use", "value_per_right"): ("0.02 to 0.2 USD/request", "0.1 to 1 CNY/request"),
    ("use", "cost_per_wrong"): ("0.02 to 0.4 USD/request", "0.1 to 2 CNY/request"),
    ("use", "months"): 36,
    ("labels", "owned"): 0,
    ("labels", "limit"): 20000,
    ("labels", "per_day"): 500,
    ("finance", "discount_rate_per_year"): "8% to 15%",
}
"""Not facts: wide places to start from, named as such in the file, in `check` and in the report."""


def unchanged(raw: Mapping[str, Any], text: str, lines: Lines, file_name: str) -> Iterator[Problem]:
    """A warning `project.unchanged_default` for each line that still has its mark and its starting value. Another
    value, or the same without the mark, is the user's own."""
    written = text.split("\n")
    for path, start in STARTS.items():
        value: Any = raw
        for part in path:
            value = value.get(part) if isinstance(value, Mapping) else None
        line = lines.at(path)
        if value in (start if isinstance(start, tuple) else (start,)) and any(m in written[line - 1] for m in MARKS):
            yield Problem("project.unchanged_default", at=f"{file_name}:{line}", got=value, key=dotted(path))
