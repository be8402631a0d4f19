"""The first sheet: the answer, what each route comes to, whether all checks hold, and how to use the workbook."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from groundsill.report.headline import headline
from groundsill.report.xlsx import checks, outputs
from groundsill.report.xlsx import plan as at
from groundsill.report.xlsx.book import Book
from groundsill.report.xlsx.figures import MONEY, Outputs, discounted_plainly
from groundsill.report.xlsx.labels import quoted
from groundsill.report.xlsx.paint import CHANCE, MUCH, Page, Painter
from groundsill.report.xlsx.plan import Plan, helper

CODES = ("npv", "irr", "payback", "peak_funding", "cost_per_request")
_FORMS = {"irr": MUCH, "payback": "0.0"}
_APART = 20.0  # a route this many times larger would flatten the others in a picture
_CHART = {"width": 560, "height": 320}


def write(painter: Painter, book: Book, plans: Sequence[Plan], results: Mapping[int, Outputs]) -> None:
    """The whole sheet."""
    page = painter.sheet(book.word("tab_summary"))
    a, t = book.assessment, book.view.tongue
    page.text(0, 0, a.name, "title")
    lines = [line.strip() for line in headline(a, t.language)]
    page.text(1, 0, lines[0], "strong")
    page.text(2, 0, lines[-1])
    page.text(3, 0, _basis(book, plans), "note")
    page.text(4, 0, book.word("summary_value"), "note")
    page.text(6, 0, book.word("check_state"), "strong")
    page.formula(6, 1, checks.state_cell(book), book.word("state_good"), "state")
    checks.colours(page, book, "$B$7", "$B$7")
    row = _table(page, book, plans, results, 8)
    row = _uses(page, book, row + 1)
    if plans:
        _charts(painter, page, book, plans, row + 1)
    page.widths(56, *[19] * 8)
    page.sheet.activate()


def _basis(book: Book, plans: Sequence[Plan]) -> str:
    """Period, currency, real or nominal, tax and discounting, which a reader of a valuation looks for first."""
    codes = [f"basis_{code}" for code in ("nominal", "real") if code == book.money]
    if plans:
        codes.append("basis_taxed" if plans[0].track.taxes else "basis_untaxed")
        codes.append("basis_monthly" if discounted_plainly(plans[0]) else "basis_yearly")
    first = book.word("summary_basis", months=book.months, currency=book.assessment.currency)
    return book.view.tongue.say("gap").join([first, *(book.word(code) for code in codes)])


def _table(page: Page, book: Book, plans: Sequence[Plan], results: Mapping[int, Outputs], row: int) -> int:
    """A route a line: the live outputs, and the mean and chance that the draws gave. Returns the next free row."""
    if not plans:
        page.text(row, 0, book.word("summary_nothing"))
        return row + 1
    currency = book.view.tongue.currency
    page.tall(row, 44.0)
    page.text(row, 0, book.word("column_route"), "head")
    for spot, code in enumerate(CODES, 1):
        unit = f" ({currency})" if code in MONEY else ""
        page.text(row, spot, book.word(f"out_{code}") + unit, "number_head")
    page.text(row, 1 + len(CODES), f"{book.word('drawn_mean')} ({currency})", "number_head")
    page.text(row, 2 + len(CODES), book.word("drawn_p_positive"), "number_head")
    for line, plan in enumerate(plans, row + 1):
        number = plan.track.number
        page.text(line, 0, plan.track.title, "strong" if number == 1 else "")
        for spot, code in enumerate(CODES, 1):
            figure = results[number].figures.get(code)
            if figure is not None:
                page.formula(
                    line, spot, outputs.place(book, code, number), figure.value, "figure", _FORMS.get(code, "")
                )
        value = book.assessment.result(plan.track.candidate.id).value
        if value is not None:
            page.number(line, 1 + len(CODES), value.npv.mean, "still")
            page.number(line, 2 + len(CODES), value.p_positive, "still", CHANCE)
    return row + 1 + len(plans)


def _uses(page: Page, book: Book, row: int) -> int:
    """What the sheets are for. Returns the next free row."""
    page.text(row, 0, book.word("use_title"), "heading")
    codes = ("use_inputs", "use_calc", "use_outputs", "use_sources", "use_checks", "use_not")
    for line, code in enumerate(codes, row + 1):
        page.text(line, 0, book.word(code))
    return row + 1 + len(codes)


def _charts(painter: Painter, page: Page, book: Book, plans: Sequence[Plan], row: int) -> None:
    """Cumulative cash by month, and net present value over the discount rate. Titles are ours, names are cells."""
    shown = _alike(plans)
    if len(shown) < len(plans):
        left_out = book.view.tongue.say("semicolon").join(plan.track.title for plan in plans[len(shown) :])
        page.text(row, 0, book.word("chart_left_out", routes=left_out), "note")
        row += 1
    lines = painter.book.add_chart({"type": "line"})
    for plan in shown:
        lines.add_series(
            {
                "name": f"={quoted(plan.track.tab)}!$A$1",
                "categories": f"={plan.across(at.MONTHS)}",
                "values": f"={plan.across(helper('cumulative'))}",
                "line": {"width": 1.75},
            }
        )
    lines.set_title({"name": book.word("chart_cumulative"), "name_font": {"size": 12}})
    lines.set_x_axis({"name": book.word("axis_month"), "interval_unit": 6, "label_position": "low"})
    lines.set_y_axis({"name": book.view.tongue.currency, "num_format": "#,##0", "major_gridlines": {"visible": True}})
    lines.set_legend({"position": "bottom"})
    lines.set_size(_CHART)
    page.sheet.insert_chart(row, 0, lines)
    values = painter.book.add_chart({"type": "bar"})
    table = quoted(book.word("tab_summary"))
    values.add_series(
        {
            "categories": f"={table}!$A$10:$A${9 + len(shown)}",
            "values": f"={table}!$B$10:$B${9 + len(shown)}",
            "name": f"={table}!$B$9",
        }
    )
    values.set_title({"name": book.word("chart_npv"), "name_font": {"size": 12}})
    values.set_x_axis({"num_format": "#,##0"})
    values.set_y_axis({"reverse": True, "label_position": "low"})
    values.set_legend({"none": True})
    values.set_size(_CHART)
    page.sheet.insert_chart(row, 0, values, {"x_offset": _CHART["width"] + 10})


def _alike(plans: Sequence[Plan]) -> Sequence[Plan]:
    """The first routes, up to one so large that nothing could be seen of the others."""
    sizes = [float(np.abs(plan.track.line_of[at.NET].values).sum()) for plan in plans]
    for count in range(1, len(plans)):
        if sizes[count] > _APART * max(sizes[:count]):
            return plans[:count]
    return plans
