"""What a route comes to: each output as Python computes it and as a formula on the route's sheet."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from groundsill.finance import value
from groundsill.finance.model import RATE
from groundsill.finance.rows import Binary, Expr, Input, Month, Number, Program, Row
from groundsill.finance.sheet import Sheet
from groundsill.report.xlsx import plan as at
from groundsill.report.xlsx.book import Book, Line
from groundsill.report.xlsx.calc import signs
from groundsill.report.xlsx.formula import Places, formula
from groundsill.report.xlsx.labels import quoted, said
from groundsill.report.xlsx.plan import DISCOUNT, NET, PRESENT, Plan, helper

REQUESTS = "requests"
CODES = ("npv", "pv_benefits", "pv_costs", "pv_tax", "roi", "irr", "payback", "payback_discounted", "peak_funding", "requests",
         "cost_per_request")  # fmt: skip
MONEY = frozenset({"npv", "pv_benefits", "pv_costs", "pv_tax", "peak_funding", "cost_per_request"})
_GUESS = 0.01  # a month, where Python found no rate from which a spreadsheet could start its search


@dataclass(frozen=True)
class Figure:
    """One output. value: a number, or words for none; unit: code of its words, or the currency."""

    code: str
    formula: str
    value: float | str
    unit: str


@dataclass(frozen=True)
class Outputs:
    """The outputs of one route by code, in CODES order; guess: monthly rate from which the sheet looks for the rate."""

    figures: dict[str, Figure]
    guess: float


def outputs(book: Book, plan: Plan, guess_cell: str) -> Outputs:
    """Everything for one route. guess_cell: where the start of the search for the rate stands."""
    net, weights = plan.track.line_of[NET], plan.track.line_of[DISCOUNT]
    rate = _rate(net)
    found = {**_money(book, plan), **_times(book, plan)}
    found["irr"] = (_irr_formula(book, plan, guess_cell), _worded(book, rate, net))
    found["npv"] = (_npv(plan), net.present)
    found |= _per_request(book, plan, weights)
    units = {code: book.view.tongue.currency if code in MONEY else book.word(f"unit_{code}") for code in found}
    figures = {code: Figure(code, *found[code], units[code]) for code in CODES if code in found}
    guess = (1.0 + rate) ** (1.0 / 12.0) - 1.0 if rate is not None else _GUESS
    return Outputs(figures, guess)


def _present(plan: Plan, lines: Iterable[Line]) -> tuple[str, float]:
    lines = tuple(lines)
    if not lines:
        return "0", -0.0
    return f"SUM({plan.cells(lines, PRESENT)})", math.fsum(line.present for line in lines)


def _npv(plan: Plan) -> str:
    return f"SUMPRODUCT({plan.across(NET)},{plan.across(DISCOUNT)})"


def _money(book: Book, plan: Plan) -> dict[str, tuple[str, float | str]]:
    """Present values of what comes in and goes out, what a unit of cost brings, and the money that must be at hand."""
    track = plan.track
    gain, benefits = _present(plan, track.benefits)
    loss, costs = _present(plan, track.costs)
    none = book.word("none")
    cumulative = plan.across(helper("cumulative"))
    tax, taxed = _present(plan, track.taxes)
    return {
        "pv_benefits": (gain, benefits),
        "pv_costs": (f"-{loss}", -costs),
        "pv_tax": (f"-{tax}", -taxed),
        "roi": (f"IF({loss}<0,{_npv(plan)}/-{loss},{said(none)})", track.line_of[NET].present / -costs if costs < 0 else none),
        "peak_funding": (f"MAX(0,-MIN({cumulative}))", -float(value.trough(track.line_of[NET].values)[0])),
    }  # fmt: skip


def _times(book: Book, plan: Plan) -> dict[str, tuple[str, float | str]]:
    """Months until the money is back for good, plain and discounted."""
    net = plan.track.line_of[NET].values
    flows = {"": net, "_discounted": net * plan.track.line_of[DISCOUNT].values}
    never = book.word("not_paid_back")
    found: dict[str, tuple[str, float | str]] = {}
    for suffix, flow in flows.items():
        sums, last = plan.across(helper(f"cumulative{suffix}")), plan.last_month(helper(f"below{suffix}"))
        end = f"{quoted(plan.track.tab)}!${plan.last_column}${at.MONTHS}"
        before, after = f"INDEX({sums},1,{last}+1)", f"INDEX({sums},1,{last}+2)"
        text = f"IF({last}<0,0,IF({last}={end},{said(never)},{last}+{before}/({before}-{after})))"
        months = float(value.payback(flow)[0])
        found[f"payback{suffix}"] = (text, months if math.isfinite(months) else never)
    return found


def _per_request(book: Book, plan: Plan, weights: Line) -> dict[str, tuple[str, float | str]]:
    """Requests served, and what one costs: the price at which a route would just pay for itself."""
    served = plan.track.line_of.get(REQUESTS)
    if served is None or not served.values.any():
        return {}
    loss, costs = _present(plan, plan.track.costs)
    discounted = float((served.values * weights.values).sum())
    total = f"SUM({plan.across(REQUESTS)})"
    whole = f"SUMPRODUCT({plan.across(REQUESTS)},{plan.across(DISCOUNT)})"
    none = book.word("none")
    return {
        "requests": (total, float(served.values.sum())),
        "cost_per_request": (f"IF({whole}>0,-{loss}/{whole},{said(none)})", -costs / discounted),
    }


def _changes(net: Line) -> int:
    """Changes of sign of the cash so far and of the cash still to come. A stream has at most as many rates of return
    above 0 as the first has, and as many from -1 to 0 as the second, and no fewer by an odd number (Laguerre's
    extension of Descartes' rule of signs to sums of coefficients; Jameson 2006, Math. Gazette 90, 223-234): 1 in all
    means exactly one rate."""
    so_far, to_come = signs(np.cumsum(net.values)), signs(np.cumsum(net.values[::-1]))
    return sum(int((found[1:] * found[:-1] < 0).sum()) for found in (so_far, to_come))


def _rate(net: Line) -> float | None:
    """The rate of return a year where it is the only one, and within what is searched."""
    rate = float(value.irr(net.values).rate[0]) if _changes(net) == 1 else math.nan
    return rate if math.isfinite(rate) else None


def _worded(book: Book, rate: float | None, net: Line) -> float | str:
    changes = _changes(net)
    if changes == 1:
        return rate if rate is not None else book.word("rate_not_found")
    return book.word("rate_none" if changes == 0 else "rate_many")


def _irr_formula(book: Book, plan: Plan, guess_cell: str) -> str:
    """A rate only where there is exactly one (see `_changes`)."""
    signs_of = (helper("sign"), helper("sign_remaining"))
    counts = [f"SUMPRODUCT(--({plan.across(row)}*{plan.shifted(row)}<0))" for row in signs_of]
    changes = f"({'+'.join(counts)})"
    rate = f"IFERROR((1+IRR({plan.across(NET)},{guess_cell}))^12-1,{said(book.word('rate_not_found'))})"
    return f"IF({changes}=1,{rate},IF({changes}=0,{said(book.word('rate_none'))},{said(book.word('rate_many'))}))"


def discounted_plainly(plan: Plan) -> bool:
    """Whether month t is discounted by (1 + r)^(-t / 12), as the spreadsheet's own NPV does."""
    expected = Binary("^", Number(1.0) + Input(RATE), -Month() / 12.0)
    return plan.track.line_of[DISCOUNT].expr == expected


def npv_function(plan: Plan) -> str:
    """The present value as spreadsheets define it: the first flow is not discounted."""
    row, sheet = plan.row_of[NET], quoted(plan.track.tab)
    first = f"{sheet}!${plan.first_column}${row}"
    rest = f"{sheet}!${at.column(at.FIRST + 1)}${row}:${plan.last_column}${row}"
    return f"{first}+NPV((1+{plan.track.names[RATE]})^(1/12)-1,{rest})"


def profile(plan: Plan, rate_cell: str) -> str | None:
    """Net present value at another discount rate, as a formula; None where the discount is more than powers of it."""
    weights = plan.track.line_of[DISCOUNT].expr
    if not _powers(weights):
        return None
    months = f"{quoted(plan.track.tab)}!${plan.first_column}${at.MONTHS}:${plan.last_column}${at.MONTHS}"
    places = Places(plan.across, plan.across, plan.across, months, lambda name: rate_cell)
    return f"SUMPRODUCT({plan.across(NET)},{formula(weights, places)})"


def at_rate(plan: Plan, rate: float) -> float:
    """The same as Python computes it."""
    lines = plan.track.line_of
    row = Row(DISCOUNT, "", "1", "driver", lines[DISCOUNT].expr)
    sheet = Sheet(Program([row]), {RATE: rate}, len(lines[NET].values) - 1)
    return float((sheet.value(DISCOUNT)[:, 0] * lines[NET].values).sum())


def _powers(e: Expr) -> bool:
    """Whether an expression works on a whole range of months at once, and reads nothing but the rate."""
    match e:
        case Number() | Month():
            return True
        case Input(name):
            return name == RATE
        case Binary("+" | "-" | "*" | "/" | "^", left, right):
            return _powers(left) and _powers(right)
    return False
