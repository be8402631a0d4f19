"""`template`: the first project file for a table that nobody described yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources

from groundsill.project.table import TEST_ROWS
from groundsill.terms.problem import Problem

_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def template(
    *,
    name: str,
    data: str,
    text: str | Sequence[str],
    label: str,
    rows: int = 0,
    classes: int | Sequence[str] = 0,
    language: str = "en",
) -> str:
    """A commented `groundsill.toml`, valid as it stands.

    data: path of the table as it is to be written; text, label: columns, guessed or given; rows, classes: as counted,
    for the comment and the size of the test set (a fifth of the rows, at most 1,000). Lines that only the user knows
    are marked and hold a starting value; `check` and the report list those that stay as they are
    (`project.unchanged_default`). Raises Problem `project.unknown_language`.
    """
    path = resources.files("groundsill.project") / "start" / f"{language}.toml"
    if not language.isalpha() or not path.is_file():
        raise Problem("project.unknown_language", got=language, limit="en, zh")
    columns = [text] if isinstance(text, str) else list(text)
    count = classes if isinstance(classes, int) else len(classes)
    test = min(TEST_ROWS, max(1, rows // 5)) if rows else TEST_ROWS
    printable = "".join(c if c.isprintable() else " " for c in name).strip()[:100] or "project"
    filled = {
        '"@name@"': quoted(printable),
        '"@data@"': quoted(data),
        '"@text@"': ", ".join(quoted(c) for c in columns),
        '"@label@"': quoted(label),
        "@rows@": f"{rows:,}",
        "@classes@": str(count),
        "@test@": str(test),
    }
    marks = re.compile("|".join(map(re.escape, filled)))
    return marks.sub(lambda match: filled[match.group()], path.read_text(encoding="utf-8"))


def quoted(text: str) -> str:
    """A TOML basic string: what TOML forbids in one is escaped, so that no column name can become a key."""
    out = []
    for c in text:
        if c in _SHORT:
            out.append(_SHORT[c])
        elif ord(c) < 0x20 or ord(c) == 0x7F:
            out.append(f"\\u{ord(c):04x}")
        else:
            out.append(c)
    return '"' + "".join(out) + '"'
