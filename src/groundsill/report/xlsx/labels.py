"""Names that a spreadsheet accepts: of cells, from the names of inputs; of sheets, from the names of candidates."""

from __future__ import annotations

import re
from collections.abc import Iterable

_LONGEST_NAME, _LONGEST_TAB = 60, 31
_CELL_LIKE = re.compile(r"^(?:[A-Za-z]{1,3}\d+|[RrCc]\d*|[Rr]\d*[Cc]\d*)$")


def cell_names(keys: Iterable[str], suffix: str = "", taken: Iterable[str] = ()) -> dict[str, str]:
    """A defined name for each key, in ASCII letters, digits and `_`: `price.staff:ml-engineer` -> `price_staff_ml_engineer`.

    Unique without regard to case, never like a cell (`A1`, `R1C1`). What has no ASCII letters is numbered.
    """
    used = {name.lower() for name in taken}
    found: dict[str, str] = {}
    for key in keys:
        base = re.sub(r"[^A-Za-z0-9]+", "_", key).strip("_")[:_LONGEST_NAME] or "input"
        if base[0].isdigit() or _CELL_LIKE.match(base + suffix):
            base = f"in_{base}"
        name, count = base + suffix, 2
        while name.lower() in used:
            name, count = f"{base}_{count}{suffix}", count + 1
        used.add(name.lower())
        found[key] = name
    return found


def tab(number: int, text: str) -> str:
    """The name of a sheet: `1 full tuning`. Signs that a sheet's name may not hold, and quotes, are left out."""
    kept = re.sub(r"\s+", " ", re.sub(r"[^\w .+\-]", " ", text)).strip()
    return f"{number} {kept}"[:_LONGEST_TAB].strip()


def quoted(sheet: str) -> str:
    """A sheet's name as it stands in a formula."""
    return "'" + sheet.replace("'", "''") + "'"


def said(text: str) -> str:
    """Words of ours as they stand in a formula."""
    return '"' + text.replace('"', '""') + '"'
