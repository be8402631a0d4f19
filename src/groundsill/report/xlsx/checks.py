"""The sheet of checks: rows add up, and the sheet says what Python said. A check that fails turns red."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from groundsill.report.xlsx import inputs, outputs
from groundsill.report.xlsx.book import Book
from groundsill.report.xlsx.figures import Outputs, discounted_plainly, npv_function
from groundsill.report.xlsx.labels import quoted, said
from groundsill.report.xlsx.paint import Page, Painter
from groundsill.report.xlsx.plan import NET, PRESENT, PYTHON, TOTAL, Plan, column, helper
from groundsill.terms.quantity import Array

TOLERANCE = 1e-9  # relative
SETTINGS, CHANGED, STATE = 4, 5, 6  # spreadsheet rows
HEAD, FIRST = 8, 9  # spreadsheet rows
WHAT, ROUTE, SHEET, EXPECTED, SCALE, RESULT = range(6)


@dataclass(frozen=True)
class Check:
    """sheet and expected must agree to TOLERANCE x scale. issued: it holds only while the inputs are as issued; its
    expected value is Python's number. Formulas without `=`, each with its value."""

    what: str
    route: str
    sheet: tuple[str, float | str]
    expected: tuple[str, float | str]
    scale: tuple[str, float]
    issued: bool


def state_cell(book: Book) -> str:
    """Where the state of all checks stands."""
    return f"{quoted(book.word('tab_checks'))}!$B${STATE}"


def write(painter: Painter, book: Book, plans: Sequence[Plan], results: Mapping[int, Outputs]) -> None:
    """The whole sheet."""
    page = painter.sheet(book.word("tab_checks"))
    page.text(0, 0, book.word("checks_title"), "title")
    page.text(1, 0, book.word("checks_note"), "note")
    found = [check for plan in plans for check in _checks(book, plan, results[plan.track.number])]
    _state(painter, page, book, len(found))
    for place, code in enumerate(("check", "route", "value_sheet", "value_expected", "scale", "state")):
        page.text(HEAD - 1, place, book.word(f"column_{code}"), "head" if place < SHEET else "number_head")
    for row, check in enumerate(found, FIRST):
        _check(page, book, check, row)
    last = max(FIRST, FIRST + len(found) - 1)
    colours(page, book, f"$F${FIRST}:$F${last}", f"$F{FIRST}")
    page.widths(56, 40, 20, 20, 20, 22)
    page.sheet.freeze_panes(HEAD, 1)


def _state(painter: Painter, page: Page, book: Book, count: int) -> None:
    page.text(SETTINGS - 1, 0, book.word("check_tolerance"))
    page.number(SETTINGS - 1, 1, TOLERANCE, "input", "0E+00")
    painter.name("check_tolerance", f"{quoted(page.name)}!$B${SETTINGS}")
    page.text(CHANGED - 1, 0, book.word("check_changed"))
    page.formula(CHANGED - 1, 1, inputs.changed(book), 0.0, "", "0")
    painter.name("inputs_changed", f"{quoted(page.name)}!$B${CHANGED}")
    page.text(STATE - 1, 0, book.word("check_state"), "strong")
    good, bad, moved = (book.word(f"state_{code}") for code in ("good", "bad", "moved"))
    states = f"$F${FIRST}:$F${max(FIRST, FIRST + count - 1)}"
    text = f"IF(COUNTIF({states},{said(bad)})>0,{said(bad)},IF(inputs_changed>0,{said(moved)},{said(good)}))"
    page.formula(STATE - 1, 1, text, good, "state")
    colours(page, book, f"$B${STATE}", f"$B${STATE}")


def colours(page: Page, book: Book, place: str, cell: str) -> None:
    """Red, amber and green for the states in `place`; cell: its first, as a condition names it."""
    for look in ("bad", "warn", "good"):
        code = "moved" if look == "warn" else look
        page.colour_when(place, look, f"{cell}={said(book.word(f'state_{code}'))}")


def _checks(book: Book, plan: Plan, result: Outputs) -> Iterator[Check]:
    track, number = plan.track, plan.track.number
    for code, figure in result.figures.items():
        value, size = figure.value, abs(figure.value) if isinstance(figure.value, float) else 0.0
        cell = (outputs.place(book, code, number), value)
        python = ("", value)
        yield Check(
            book.word("check_python", what=book.word(f"out_{code}")), track.title, cell, python, ("", size), True
        )
    sheet = quoted(track.tab)
    first, last = min(plan.row_of.values()), max(plan.row_of[line.name] for line in track.lines)
    totals, python_totals = (f"{sheet}!${column(c)}${first}:${column(c)}${last}" for c in (TOTAL, PYTHON))
    apart = f"SUMPRODUCT(--(ABS({totals}-{python_totals})>check_tolerance*ABS({python_totals})))"
    yield Check(book.word("check_rows"), track.title, (apart, 0.0), ("", 0.0), ("", 0.0), True)
    yield from _sums(book, plan)


def _sums(book: Book, plan: Plan) -> Iterator[Check]:
    """What must hold whatever the inputs are."""
    track, lines = plan.track, plan.track.line_of
    cash = track.cash
    net = lines[NET]
    sheet, row = quoted(track.tab), plan.row_of[NET]
    total, present = (f"{sheet}!${column(c)}${row}" for c in (TOTAL, PRESENT))
    flow = (f"SUMPRODUCT(ABS({plan.across(NET)}))", _size(net.values))
    if cash:
        parts = (f"SUM({plan.cells(cash, TOTAL)})", float(sum(line.values.sum() for line in cash)))
        sizes = [f"SUMPRODUCT(ABS({block}))" for block in plan.blocks(cash)]
        size = ("+".join(sizes), sum(_size(line.values) for line in cash))
        yield Check(book.word("check_adds"), track.title, parts, (total, float(net.values.sum())), size, False)
        presents = (f"SUM({plan.cells(cash, PRESENT)})", sum(line.present for line in cash))
        yield Check(book.word("check_presents"), track.title, presents, (present, net.present), size, False)
    end = (plan.last_month(helper("cumulative")), float(net.values.sum()))
    yield Check(book.word("check_cumulative"), track.title, end, (total, float(net.values.sum())), flow, False)
    if discounted_plainly(plan):
        own = (npv_function(plan), net.present)
        npv = (outputs.place(book, "npv", track.number), net.present)
        yield Check(book.word("check_npv"), track.title, own, npv, flow, False)


def _form(value: float | str) -> str:
    """More digits than elsewhere: a difference should be seen."""
    return (
        "" if isinstance(value, str) else "#,##0.00####" if abs(value) >= 1 else "0" if value == 0 else "0.0000000000"
    )


def _size(values: Array) -> float:
    return float(abs(values).sum())


def _check(page: Page, book: Book, check: Check, row: int) -> None:
    page.text(row - 1, WHAT, check.what)
    page.text(row - 1, ROUTE, check.route, "still")
    for place, (text, value) in ((SHEET, check.sheet), (EXPECTED, check.expected), (SCALE, check.scale)):
        if text:
            page.formula(row - 1, place, text, value, "figure", _form(value))
        elif isinstance(value, str):
            page.text(row - 1, place, value, "still_figure")
        else:
            page.number(row - 1, place, value, "still", _form(value))
    good, bad, moved = (said(book.word(f"state_{code}")) for code in ("good", "bad", "moved"))
    a, b = f"{column(SHEET)}{row}", f"{column(EXPECTED)}{row}"
    same = f"IF(OR(ISTEXT({a}),ISTEXT({b})),{a}={b},ABS({a}-{b})<=check_tolerance*{column(SCALE)}{row})"
    text = f"IFERROR(IF({same},{good},{bad}),{bad})"
    text = f"IF(inputs_changed>0,{moved},{text})" if check.issued else text
    page.formula(row - 1, RESULT, text, book.word("state_good"), "state")
