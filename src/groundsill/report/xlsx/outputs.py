"""The sheet of outputs: what each route comes to, its cash by year, and its value at other discount rates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from groundsill.report.xlsx import plan as at
from groundsill.report.xlsx.book import Book, Line
from groundsill.report.xlsx.figures import CODES, Outputs, at_rate, outputs, profile
from groundsill.report.xlsx.labels import quoted
from groundsill.report.xlsx.paint import CHANCE, MUCH, Page, Painter
from groundsill.report.xlsx.plan import NET, PRESENT, Plan, column
from groundsill.terms.quantity import Array, Interval

HEAD, FIRST, ROUTES = 3, 4, 2  # rows and columns counted from 0
GUESS = FIRST + len(CODES)
DRAWN = ("mean", "low", "median", "high", "p_positive", "p_target", "p_best")
RATES = tuple(step / 100 for step in (0, 2, 4, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100))
_FORMS = {"roi": MUCH, "irr": MUCH, "payback": "0.0", "payback_discounted": "0.0", "requests": "#,##0"}


def place(book: Book, code: str, number: int) -> str:
    """Where an output of a route stands."""
    return f"{quoted(book.word('tab_outputs'))}!${column(ROUTES + number - 1)}${FIRST + CODES.index(code) + 1}"


def guess_cell(number: int) -> str:
    """Where the search for a route's rate starts, on the sheet of outputs itself."""
    return f"{column(ROUTES + number - 1)}{GUESS + 1}"


def found(book: Book, plans: Sequence[Plan]) -> dict[int, Outputs]:
    """Outputs by the number of the route."""
    return {p.track.number: outputs(book, p, guess_cell(p.track.number)) for p in plans}


def write(painter: Painter, book: Book, plans: Sequence[Plan], results: Mapping[int, Outputs]) -> None:
    """The whole sheet."""
    page = painter.sheet(book.word("tab_outputs"))
    page.text(0, 0, book.word("outputs_title"), "title")
    page.text(1, 0, book.word("outputs_note"), "note")
    page.widths(50, 17, *[18] * max(len(plans), book.months // 12 + 3))
    page.tall(HEAD)
    page.text(HEAD, 0, book.word("column_output"), "head")
    page.text(HEAD, 1, book.word("column_unit"), "head")
    for code in CODES:
        page.text(FIRST + CODES.index(code), 0, book.word(f"out_{code}"))
    for plan in plans:
        _route(painter, page, book, plan, results[plan.track.number])
    page.text(GUESS, 0, book.word("out_guess"), "still")
    row = _drawn(page, book, plans, GUESS + 2)
    for plan in plans:
        row = _years(page, book, plan, row + 1)
    _profile(page, book, plans, row + 1)
    page.sheet.freeze_panes(FIRST, 1)


def _route(painter: Painter, page: Page, book: Book, plan: Plan, result: Outputs) -> None:
    number = plan.track.number
    spot = ROUTES + number - 1
    page.text(HEAD, spot, plan.track.title, "number_head")
    for code, figure in result.figures.items():
        row = FIRST + CODES.index(code)
        page.text(row, 1, figure.unit, "unit")
        page.formula(
            row,
            spot,
            figure.formula,
            figure.value,
            "strong_figure" if code == "npv" else "figure",
            _FORMS.get(code, ""),
        )
        painter.name(f"output_{code}_{number}", place(book, code, number))
    page.number(GUESS, spot, result.guess, "still", "0.000000")


def _drawn(page: Page, book: Book, plans: Sequence[Plan], row: int) -> int:
    """What the draws said: numbers, not formulas, because thousands of draws stand behind each."""
    page.text(row, 0, book.word("drawn_title", draws=f"{book.assessment.draws:,}"), "heading")
    page.text(row + 1, 0, book.word("drawn_note"), "note")
    for place_, code in enumerate(DRAWN):
        page.text(row + 2 + place_, 0, book.word(f"drawn_{code}"))
        page.text(
            row + 2 + place_, 1, book.word("unit_share") if code[:2] == "p_" else book.view.tongue.currency, "unit"
        )
    for plan in plans:
        result = book.assessment.result(plan.track.candidate.id)
        npv = result.value.npv if result.value is not None else Interval(math.nan, math.nan, math.nan, math.nan)
        positive = result.value.p_positive if result.value is not None else None
        values = (npv.mean, npv.low, npv.median, npv.high, positive, result.p_target, result.p_best)
        for place_, value in enumerate(values):
            if value is not None:
                form = CHANCE if place_ > 3 else ""
                page.number(row + 2 + place_, ROUTES + plan.track.number - 1, value, "still", form)
    return row + 2 + len(DRAWN)


def _years(page: Page, book: Book, plan: Plan, row: int) -> int:
    """Cash by year of one route: the decision, the years, the total and the present value. Returns the next free row."""
    t, track = book.view.tongue, plan.track
    page.text(row, 0, book.word("years_title", route=track.title, currency=t.currency), "heading")
    spans = [(0, 0)] + [(first, min(first + 11, book.months)) for first in range(1, book.months + 1, 12)]
    heads = [book.word("column_total"), book.word("column_present"), book.word("month_0")]
    heads += [book.word("year", n=n) for n in range(1, len(spans))]
    for spot, text in enumerate(heads, 1):
        page.text(row + 1, spot, text, "number_head")
    page.text(row + 1, 0, book.word("column_row"), "head")
    for line, code in ((row + 2, "from_month"), (row + 3, "to_month")):
        page.text(line, 0, book.word(code), "still")
        for spot, span in enumerate(spans, 3):
            page.number(line, spot, float(span[code == "to_month"]), "still", "0")
    line = row + 4
    for label, lines, look in _kinds(book, plan):
        page.text(line, 0, label, look)
        _year_row(page, plan, lines, spans, line, row + 2, look)
        line += 1
    page.text(line, 0, book.word("helper_cumulative"), "still")
    sums = np.cumsum([_between(track.line_of[NET].values, span) for span in spans])
    for spot, value in enumerate(sums.tolist(), 3):
        left = f"{column(spot - 1)}{line + 1}+" if spot > 3 else ""
        page.formula(line, spot, f"{left}{column(spot)}{line}", value, "still")
    return line + 1


def _kinds(book: Book, plan: Plan) -> Iterator[tuple[str, tuple[Line, ...], str]]:
    """Rows of money by part, and the net."""
    cash = plan.track.cash
    for part in dict.fromkeys(line.part for line in cash):
        yield book.word(f"part_{part}"), tuple(line for line in cash if line.part == part), ""
    yield book.view.tongue.capital(book.view.names.row(NET)), (plan.track.line_of[NET],), "strong"


def _year_row(
    page: Page, plan: Plan, lines: Sequence[Line], spans: Sequence[tuple[int, int]], row: int, ends: int, look: str
) -> None:
    months = f"{quoted(plan.track.tab)}!${plan.first_column}${at.MONTHS}:${plan.last_column}${at.MONTHS}"
    whole = np.sum([line.values for line in lines], axis=0)
    for spot, span in enumerate(spans, 3):
        first, last = f"{column(spot)}${ends + 1}", f"{column(spot)}${ends + 2}"
        mask = f"({months}>={first})*({months}<={last})"
        text = "+".join(f"SUMPRODUCT({mask}*{block})" for block in plan.blocks(lines))
        page.formula(row, spot, text, _between(whole, span), look)
    last_spot = column(2 + len(spans))
    page.formula(row, 1, f"SUM(D{row + 1}:{last_spot}{row + 1})", float(whole.sum()), look)
    present = math.fsum(line.present for line in lines)
    page.formula(row, 2, f"SUM({plan.cells(lines, PRESENT)})", present, look)


def _between(values: Array, span: tuple[int, int]) -> float:
    return float(values[span[0] : span[1] + 1].sum())


def _profile(page: Page, book: Book, plans: Sequence[Plan], row: int) -> None:
    """Net present value over the discount rate: where a line crosses nought twice there are two rates of return."""
    shown = [p for p in plans if profile(p, "A1") is not None]
    if not shown:
        return
    page.text(row, 0, book.word("profile_title", currency=book.view.tongue.currency), "heading")
    page.text(row + 1, 1, book.word("profile_rate"), "number_head")
    for plan in shown:
        page.formula(
            row + 1, ROUTES + plan.track.number - 1, f"{column(ROUTES + plan.track.number - 1)}${HEAD + 1}",
            plan.track.title, "number_head",
        )  # fmt: skip
    for line, rate in enumerate(RATES, row + 2):
        page.number(line, 1, rate, "input", "0%")
        for plan in shown:
            text = profile(plan, f"$B{line + 1}")
            if text is not None:
                page.formula(line, ROUTES + plan.track.number - 1, text, at_rate(plan, rate))
