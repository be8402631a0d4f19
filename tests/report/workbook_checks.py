"""Comparing a workbook that was computed, by LibreOffice or by the tests' own reader, with Python."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pytest
from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from tests.report.workbook_cases import truth

from groundsill.report.xlsx.book import Book, Priced, Track

CLOSE = 1e-9  # relative
MONTHS, KEY, FIRST = 4, 2, 8  # row of the month numbers; columns of a row's key and of month 0 (from 1)


class Computed(Protocol):
    """A workbook with values."""

    book: Any

    def name(self, name: str) -> Any: ...

    def cell(self, sheet: str, cell: str) -> Any: ...


class Values:
    """A workbook whose values were computed elsewhere and stored."""

    def __init__(self, book: Workbook) -> None:
        self.book = book

    def name(self, name: str) -> Any:
        ((sheet, cell),) = self.book.defined_names[name].destinations
        return self.cell(sheet, cell.replace("$", ""))

    def cell(self, sheet: str, cell: str) -> Any:
        return self.book[sheet][cell].value


def route_tabs(held: Workbook) -> list[str]:
    """The sheets of the routes."""
    return [name for name in held.sheetnames if re.match(r"\d+ ", name)]


def inputs_of(sheets: Computed, made: Book, track: Track) -> Mapping[str, float]:
    """Inputs of a route as the computed workbook has them, in the model's units."""
    return {given.key: float(sheets.name(given.read)) for given in (*made.shared, *track.own)}


def agrees(sheets: Computed, made: Book, options: Sequence[Priced]) -> None:
    """Every row in every month, and every output, of every route."""
    by_id = {option.candidate.id: option for option in options}
    tabs = route_tabs(sheets.book)
    assert len(tabs) == len(options) == len(made.tracks)
    for track in made.tracks:
        python = truth(by_id[track.candidate.id], inputs_of(sheets, made, track))
        tab = tabs[track.number - 1]
        rows = {row[KEY - 1].value: row[0].row for row in sheets.book[tab].iter_rows(min_row=MONTHS + 1)}
        for name, values in python.rows.items():
            got = [sheets.cell(tab, f"{get_column_letter(FIRST + m)}{rows[name]}") for m in range(made.months + 1)]
            np.testing.assert_allclose(got, values, rtol=CLOSE, atol=CLOSE * _noise(python.rows, name), err_msg=name)
        _outputs(sheets, track, python.rows, python)


def _noise(rows: Mapping[str, Any], name: str) -> float:
    """What a rounding error may be: against the largest value of the row, and for sums against what is added."""
    own = float(np.abs(rows[name]).max())
    return max(1e-3 * own, 1e-6 * max(float(np.abs(v).max()) for v in rows.values()) if name in SUMS else 0.0)


SUMS = ("net", "costs", "build_total", "profit", "profit_so_far", "profit_taxed", "tax")


def _outputs(sheets: Computed, track: Track, rows: Mapping[str, Any], python: Any) -> None:
    def output(code: str) -> Any:
        return sheets.name(f"output_{code}_{track.number}")

    weights, money = rows["discount"], [line for line in track.lines if line.cash]
    benefits = sum(float((rows[x.name] * weights).sum()) for x in money if x.part == "benefit")
    taxed = -sum(float((rows[x.name] * weights).sum()) for x in money if x.part == "tax")
    costs = -sum(float((rows[x.name] * weights).sum()) for x in money if x.part not in ("benefit", "tax"))
    expected = {
        "npv": python.npv, "pv_benefits": benefits, "pv_costs": costs, "pv_tax": taxed, "roi": python.npv / costs,
        "peak_funding": python.peak_funding, "requests": float(rows["requests"].sum()),
        "cost_per_request": costs / float((rows["requests"] * weights).sum()),
    }  # fmt: skip
    for code, value in expected.items():
        assert output(code) == pytest.approx(value, rel=CLOSE, abs=1e-9 * costs if code == "npv" else 1e-9), code
    for code, months in (("payback", python.payback), ("payback_discounted", python.payback_discounted)):
        assert (
            isinstance(output(code), str) if math.isnan(months) else output(code) == pytest.approx(months, rel=CLOSE)
        ), code
    found = output("irr")
    if not isinstance(found, str):
        assert found == pytest.approx(python.rate, rel=CLOSE), "a rate is given only where Python gives the same one"
    elif not math.isnan(python.rate):
        assert (np.sign(np.cumsum(rows["net"])[:-1]) != np.sign(np.cumsum(rows["net"])[1:])).sum() != 1
