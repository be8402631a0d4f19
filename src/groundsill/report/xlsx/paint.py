"""Writing cells. Text goes in as text whatever it looks like; only our own formulas are formulas, only our links links."""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Mapping
from typing import Any

from groundsill.report.tongue import clean

LONGEST_TEXT = 32_000  # a cell holds 32,767 characters
RISKY = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
ERRORS = "#NUM!"
BLUE, GREY, RULE, FILL = "#0000FF", "#7F7F7F", "#BFBFBF", "#FFF9E5"
OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": True,
}
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "": {},
    "title": {"bold": True, "font_size": 16},
    "heading": {"bold": True, "font_size": 12, "bottom": 1, "bottom_color": RULE},
    "head": {"bold": True, "bottom": 1, "bottom_color": RULE, "text_wrap": True, "valign": "bottom"},
    "number_head": {"bold": True, "bottom": 1, "bottom_color": RULE, "text_wrap": True, "align": "right", "valign": "bottom"},
    "unit_head": {"bold": True, "bottom": 1, "bottom_color": RULE, "text_wrap": True, "indent": 1, "valign": "bottom"},
    "part": {"bold": True, "font_color": "#404040"},
    "strong": {"bold": True},
    "unit": {"font_color": GREY, "indent": 1},
    "figure": {"align": "right"},
    "strong_figure": {"bold": True, "align": "right"},
    "still_figure": {"font_color": GREY, "align": "right"},
    "input": {"font_color": BLUE, "bg_color": FILL, "border": 1, "border_color": RULE},
    "still": {"font_color": GREY},
    "note": {"font_color": GREY, "italic": True},
    "link": {"font_color": "#0563C1", "underline": 1},
    "state": {"bold": True, "align": "center"},
    "good": {"font_color": "#006100", "bg_color": "#C6EFCE"},
    "warn": {"font_color": "#7F6000", "bg_color": "#FFEB9C"},
    "bad": {"font_color": "#FFFFFF", "bg_color": "#C00000", "bold": True},
}  # fmt: skip


MUCH = '[>10]">1,000%";[<0]-0.0%;0.0%'  # beyond it a rate of return says nothing more
SMALL = "0.000E+00;-0.000E+00;0"
CHANCE = '[<0.005]"<1%";[>0.995]">99%";0%'  # never 0 or 100 %: the draws are finite


def number_format(size: float) -> str:
    """Enough digits for a number of this size."""
    size = abs(size)
    if size == 0 or size >= 1000:
        return "#,##0"
    return "#,##0.0" if size >= 100 else "0.00" if size >= 1 else "0.0000" if size >= 1e-3 else SMALL


class Painter:
    """A workbook in memory, with formats by look and number format."""

    def __init__(self, made: str, title: str) -> None:
        """made: ISO date that is written as the date of creation, so that the same report gives the same bytes."""
        import xlsxwriter  # type: ignore[import-untyped]  # loaded late: only this format needs it

        self.file = io.BytesIO()
        self.book = xlsxwriter.Workbook(self.file, OPTIONS)
        self.book.set_properties({"title": clean(title), "created": _day(made), "comments": "groundsill"})
        self._formats: dict[tuple[str, str, bool], Any] = {}

    def sheet(self, name: str) -> Page:
        """A new sheet."""
        return Page(self, name)

    def look(self, look: str, number: str = "", quoted: bool = False) -> Any:
        """The format of a look, made once. quoted: what is typed over it stays text, as after an apostrophe."""
        key = look, number, quoted
        if key not in self._formats:
            wanted = {"font_name": "Arial", "font_size": 10, **LOOKS[look]}
            wanted |= {"num_format": number} if number else {}
            wanted |= {"quote_prefix": True} if quoted else {}
            self._formats[key] = self.book.add_format(wanted)
        return self._formats[key]

    def name(self, name: str, place: str) -> None:
        """A defined name for a place such as `'Inputs'!$B$5`."""
        self.book.define_name(name, f"={place}")

    def bytes(self) -> bytes:
        """The finished file."""
        self.book.close()
        return self.file.getvalue()


class Page:
    """One sheet. Rows and columns count from 0."""

    def __init__(self, painter: Painter, name: str) -> None:
        self.painter, self.name = painter, name
        self.sheet = painter.book.add_worksheet(name, worksheet_class=_plain_sheet())
        self.sheet.hide_gridlines(2)
        self.sheet.set_landscape()
        self.sheet.set_paper(9)
        self.sheet.fit_to_pages(1, 0)
        self.sheet.set_row(0, 24.0)

    def text(self, row: int, column: int, text: str, look: str = "") -> None:
        """Text, never a formula or a link; one that looks like a formula stays text even when it is edited."""
        shown = clean(text)[:LONGEST_TEXT]
        risky = shown.lstrip().startswith(RISKY)
        self.sheet.write_string(row, column, shown, self.painter.look(look, quoted=risky))

    def number(self, row: int, column: int, value: float, look: str = "", form: str = "") -> None:
        """A number, in a format that suits its size if none is named."""
        self.sheet.write_number(row, column, value, self.painter.look(look, form or number_format(value)))

    def formula(self, row: int, column: int, formula: str, value: float | str, look: str = "", form: str = "") -> None:
        """A formula (without `=`) with its value, which viewers that do not compute show."""
        if isinstance(value, str):
            stored: float | str = value
        else:
            stored = float(value) if math.isfinite(value) else ERRORS
        form = form or (number_format(value) if isinstance(value, float) else "")
        self.sheet.write_formula(row, column, "=" + formula, self.painter.look(look, form), stored)

    def put(self, row: int, column: int, formula: str, value: float, shown: Any) -> None:
        """The same as `formula` for one of many cells: shown is its format."""
        self.sheet.write_formula(row, column, formula, shown, value if math.isfinite(value) else ERRORS)

    def link(self, row: int, column: int, address: str) -> None:
        """A link to a page of the web."""
        self.sheet.write_url(row, column, address, self.painter.look("link"), string=address[:255])

    def tall(self, row: int, height: float = 40.0) -> None:
        """Room for heads of several lines."""
        self.sheet.set_row(row, height)

    def widths(self, *widths: float) -> None:
        """Widths of the columns from the first on, in characters."""
        for column, width in enumerate(widths):
            self.sheet.set_column(column, column, width, self.painter.look(""))

    def colour_when(self, place: str, look: str, criteria: str) -> None:
        """Cells of `place` take a look when a condition on them holds."""
        self.sheet.conditional_format(
            place, {"type": "formula", "criteria": "=" + criteria, "format": self.painter.look(look)}
        )


def _day(made: str) -> datetime.datetime:
    try:
        return datetime.datetime.fromisoformat(made)
    except ValueError:
        return datetime.datetime(2000, 1, 1)


def _plain_sheet() -> Any:
    """A worksheet that takes formulas as they are. XlsxWriter looks each one over for 30 functions that we never use,
    which takes four fifths of the time."""
    from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

    class Plain(Worksheet):  # type: ignore[misc]
        def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
            return formula.removeprefix("=")

    return Plain
