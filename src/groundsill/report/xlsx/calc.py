"""The sheet of one route: a row of the model a row, a month a column, one formula a row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from groundsill.report.xlsx import plan as at
from groundsill.report.xlsx.book import Book, Line, Track
from groundsill.report.xlsx.formula import Places, formula
from groundsill.report.xlsx.paint import Page, Painter, number_format
from groundsill.report.xlsx.plan import DISCOUNT, NET, Plan, column, helper
from groundsill.terms.quantity import Array

HERE, LEFT, RIGHT = (
    "\x01",
    "\x02",
    "\x03",
)  # stand for the letters of this month's column, the one before, the one after
_START: Mapping[str, float] = {"below": -1.0, "below_discounted": -1.0}


def write(painter: Painter, book: Book, plan: Plan) -> None:
    """The whole sheet of a route."""
    track = plan.track
    page = painter.sheet(track.tab)
    page.text(0, 0, track.title, "title")
    page.text(1, 0, book.word("calc_note", currency=book.view.tongue.currency), "note")
    _heads(page, book, plan)
    for part, row in plan.heading_of.items():
        page.text(row - 1, 0, book.word(f"part_{part}"), "part")
    for line in track.lines:
        _line(page, plan, line)
    for name, text, values in helpers(plan):
        row = plan.row_of[helper(name)]
        page.text(row - 1, at.LABEL, book.word(f"helper_{name}"), "still")
        page.number(row - 1, at.START, _START.get(name, 0.0), "still", "0")
        _across(page, row, text, values, "still", "0" if name.startswith(("sign", "below")) else "")
    page.widths(44, 26, 11, 16, 16, 16, 6)
    page.sheet.set_column(at.FIRST, at.FIRST + plan.months, 11, painter.look(""))
    page.sheet.freeze_panes(at.MONTHS, at.KEY)
    page.sheet.fit_to_pages(0, 1)
    page.sheet.repeat_columns(at.LABEL)


def _heads(page: Page, book: Book, plan: Plan) -> None:
    row = at.MONTHS - 1
    page.tall(row)
    for place, code in enumerate(("row", "key", "unit", "total", "present", "python_total", "start")):
        page.text(row, place, book.word(f"column_{code}"), "head" if place < at.TOTAL else "number_head")
    page.number(row, at.FIRST, 0.0, "number_head", "0")
    for month in range(1, plan.months + 1):
        left = column(at.FIRST + month - 1)
        page.formula(row, at.FIRST + month, f"{left}${at.MONTHS}+1", float(month), "number_head", "0")


def _line(page: Page, plan: Plan, line: Line) -> None:
    row, look = plan.row_of[line.name], "strong" if line.part == "total" else ""
    page.text(row - 1, at.LABEL, line.label, look)
    page.text(row - 1, at.KEY, line.name, "still")
    page.text(row - 1, at.UNIT, line.unit, "unit")
    months = f"{plan.first_column}{row}:{plan.last_column}{row}"
    total = float(line.values.sum())
    page.formula(row - 1, at.TOTAL, f"SUM({months})", total, look)
    if line.money:
        weights = f"{plan.first_column}${plan.row_of[DISCOUNT]}:{plan.last_column}${plan.row_of[DISCOUNT]}"
        page.formula(row - 1, at.PRESENT, f"SUMPRODUCT({months},{weights})", line.present, look)
    page.number(row - 1, at.PYTHON, total, "still")
    page.number(row - 1, at.START, 0.0, "still", "0")
    _across(page, row, text_of(plan, line), line.values, look)


def text_of(plan: Plan, line: Line) -> str:
    """The row's formula, with HERE, LEFT and RIGHT for the letters of the columns."""
    track: Track = plan.track
    places = Places(
        row=lambda name: f"{HERE}{plan.row_of[name]}",
        previous=lambda name: f"{LEFT}{plan.row_of[name]}",
        upto=lambda name: f"${plan.first_column}{plan.row_of[name]}:{HERE}{plan.row_of[name]}",
        month=f"{HERE}${at.MONTHS}",
        input=lambda name: track.names[name],
    )
    return formula(line.expr, places)


def _across(page: Page, row: int, text: str, values: Array, look: str, form: str = "") -> None:
    """The same formula in every month, with its values."""
    form = form or number_format(float(np.abs(values).max())) if np.isfinite(values).all() else "0.00"
    shown = page.painter.look(look, form)
    left = column(at.START)
    for month, value in enumerate(values.tolist()):
        here = column(at.FIRST + month)
        filled = text.replace(HERE, here).replace(LEFT, left).replace(RIGHT, column(at.FIRST + month + 1))
        page.put(row - 1, at.FIRST + month, filled, value, shown)
        left = here


def helpers(plan: Plan) -> list[tuple[str, str, Array]]:
    """Rows that the outputs need: name, formula, values by month."""
    lines = plan.track.line_of
    net, weights = lines[NET].values, lines[DISCOUNT].values
    discounted = net * weights
    cell = {name: f"{HERE}{plan.row_of[helper(name)]}" for name in at.HELPERS}
    left = {name: f"{LEFT}{plan.row_of[helper(name)]}" for name in at.HELPERS}
    flow = f"{HERE}{plan.row_of[NET]}"
    month = f"{HERE}${at.MONTHS}"
    sums, presents, remaining = np.cumsum(net), np.cumsum(discounted), np.cumsum(net[::-1])[::-1]
    return [
        ("discounted", f"{flow}*{HERE}{plan.row_of[DISCOUNT]}", discounted),
        ("cumulative", f"{left['cumulative']}+{flow}", sums),
        ("cumulative_discounted", f"{left['cumulative_discounted']}+{cell['discounted']}", presents),
        ("below", f"IF({cell['cumulative']}<0,{month},{left['below']})", _last_below(sums)),
        (
            "below_discounted",
            f"IF({cell['cumulative_discounted']}<0,{month},{left['below_discounted']})",
            _last_below(presents),
        ),
        ("sign", f"IF({cell['cumulative']}<>0,SIGN({cell['cumulative']}),{left['sign']})", signs(sums)),
        ("remaining", f"{flow}+{RIGHT}{plan.row_of[helper('remaining')]}", remaining),
        (
            "sign_remaining",
            f"IF({cell['remaining']}<>0,SIGN({cell['remaining']}),{left['sign_remaining']})",
            signs(remaining),
        ),
    ]


def signs(flows: Array) -> Array:
    """Sign of each amount, that of the one before where it is 0."""
    found = np.sign(flows)
    for month in range(1, len(found)):
        if found[month] == 0:
            found[month] = found[month - 1]
    return found


def _last_below(sums: Array) -> Array:
    """Last month up to here in which the sum was below 0, -1 if none."""
    months = np.arange(len(sums), dtype=np.float64)
    return np.maximum.accumulate(np.where(sums < 0, months, -1.0))
