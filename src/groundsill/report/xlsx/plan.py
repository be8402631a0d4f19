"""Where everything stands: rows and columns of each route's sheet, known before a cell is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from groundsill.report.xlsx.book import Book, Line, Track
from groundsill.report.xlsx.labels import quoted

LABEL, KEY, UNIT, TOTAL, PRESENT, PYTHON, START, FIRST = range(8)  # columns of a route's sheet; months from FIRST on
MONTHS = 4  # spreadsheet row of the month numbers
BELOW = 6  # spreadsheet row of the first heading
NET, DISCOUNT = "net", "discount"
HELPERS = ("discounted", "cumulative", "cumulative_discounted", "below", "below_discounted", "sign", "remaining",
           "sign_remaining")  # fmt: skip


@cache
def column(index: int) -> str:
    """Letters of a column counted from 0: 0 -> A, 26 -> AA."""
    letters, index = "", index + 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@dataclass(frozen=True)
class Plan:
    """Spreadsheet row (counted from 1) of each line, helper and heading of one route."""

    track: Track
    months: int
    row_of: Mapping[str, int]
    heading_of: Mapping[str, int]
    last: int

    @property
    def first_column(self) -> str:
        """Letters of month 0."""
        return column(FIRST)

    @property
    def last_column(self) -> str:
        """Letters of the last month."""
        return column(FIRST + self.months)

    def across(self, name: str | int) -> str:
        """All months of a row, with the sheet: `'1 full'!$H$12:$BC$12`. A number is the spreadsheet row itself."""
        row = name if isinstance(name, int) else self.row_of[name]
        return f"{quoted(self.track.tab)}!${self.first_column}${row}:${self.last_column}${row}"

    def shifted(self, name: str) -> str:
        """The same, each month one to the left, from the start column on."""
        row = self.row_of[name]
        return f"{quoted(self.track.tab)}!${column(START)}${row}:${column(FIRST + self.months - 1)}${row}"

    def last_month(self, name: str) -> str:
        """The cell of a row in the last month."""
        return f"{quoted(self.track.tab)}!${self.last_column}${self.row_of[name]}"

    def blocks(self, lines: Iterable[Line]) -> list[str]:
        """All months of some rows; those that stand together are one range."""
        sheet, a, b = quoted(self.track.tab), self.first_column, self.last_column
        return [f"{sheet}!${a}${first}:${b}${last}" for first, last in self._runs(lines)]

    def cells(self, lines: Iterable[Line], at: int) -> str:
        """One column's cells of some rows, those that stand together as a range: `E12:E14,E16`."""
        sheet, letters = quoted(self.track.tab), column(at)
        ends = [(first, f":${letters}${last}" if last > first else "") for first, last in self._runs(lines)]
        return ",".join(f"{sheet}!${letters}${first}{rest}" for first, rest in ends)

    def _runs(self, lines: Iterable[Line]) -> list[tuple[int, int]]:
        """First and last spreadsheet row of rows that stand together."""
        runs: list[tuple[int, int]] = []
        for row in sorted(self.row_of[line.name] for line in lines):
            if runs and row == runs[-1][1] + 1:
                runs[-1] = runs[-1][0], row
            else:
                runs.append((row, row))
        return runs


def plan(book: Book, track: Track) -> Plan:
    """Lines in their order with a heading over each part, then the helpers."""
    row, part = BELOW - 1, ""
    rows: dict[str, int] = {}
    headings: dict[str, int] = {}
    for line in track.lines:
        if line.part != part:
            row, part = row + 2, line.part
            headings[part] = row - 1
        rows[line.name] = row
        row += 1
    row += 2
    headings["helper"] = row - 1
    for name in HELPERS:
        rows[helper(name)] = row
        row += 1
    return Plan(track, book.months, rows, headings, row - 1)


def helper(name: str) -> str:
    """The key of a helper row: no row of the model has a colon at this place."""
    return f"helper:{name}"
