"""A first look at a table that nobody described yet: which column is the text, which one the class."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from groundsill.lab.data.clean import tidy
from groundsill.lab.data.formats import columns_of, table_rows
from groundsill.terms.problem import Problem

LOOK_ROWS = 5000
MOST_CLASSES = 50
HINTS = (
    *("label", "class", "category", "target", "sentiment", "topic", "intent", "department", "y"),
    *("标签", "类别", "分类", "情感", "类型", "主题", "意图"),
)


@dataclass(frozen=True)
class Guess:
    """text and label: the columns to try; *_others: other columns that could be it, best first. classes: distinct
    values of the label among the rows looked at."""

    text: str
    label: str
    text_others: tuple[str, ...]
    label_others: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int
    classes: int


def sniff(path: Path) -> Guess:
    """Guess from the first 5,000 rows.

    Text is the column with the longest values on average. The label is a column with 2 to 50 different values, each
    met five times on average; a telling name comes first, then words before numbers, then more classes.
    Raises Problem `data.no_text_column`, `data.no_label_column` and those of reading.
    """
    at = path.name
    columns = tuple(c for c in columns_of(path, at) if c)
    values: dict[str, Counter[str]] = {c: Counter() for c in columns}
    characters: Counter[str] = Counter()
    rows = 0
    for line, row in table_rows(path, columns, at):
        rows += 1
        for column, value in zip(columns, row, strict=True):
            text = "" if isinstance(value, (list, dict, bytes)) else tidy(value, f"{at}:{line}")
            characters[column] += len(text)
            if text and len(values[column]) <= MOST_CLASSES:
                values[column][text] += 1
        if rows == LOOK_ROWS:
            break
    if not rows:
        raise Problem("data.empty_file", at=at)

    labels = sorted(
        (c for c in columns if 2 <= len(values[c]) <= MOST_CLASSES and values[c].total() >= 5 * len(values[c])),
        key=lambda c: (not _hinted(c), _numeric(values[c]), -len(values[c])),
    )
    texts = sorted((c for c in columns if c not in labels), key=lambda c: -characters[c])
    texts = [c for c in texts if characters[c] > 0 and not _numeric(values[c])]
    if not texts:
        raise Problem("data.no_text_column", at=at, got=", ".join(columns))
    if not labels:
        raise Problem("data.no_label_column", at=at, got=", ".join(columns), limit=MOST_CLASSES)
    return Guess(texts[0], labels[0], tuple(texts[1:]), tuple(labels[1:]), columns, rows, len(values[labels[0]]))


def _hinted(column: str) -> bool:
    name = column.casefold()
    return any(hint == name or (len(hint) > 1 and hint in name) for hint in HINTS)


def _numeric(values: Counter[str]) -> bool:
    def number(text: str) -> bool:
        try:
            float(text)
        except ValueError:
            return False
        return True

    return bool(values) and all(number(v) for v in values)
