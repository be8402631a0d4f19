"""An expression of the cash model as a spreadsheet formula: the same operations in the same order.

Spreadsheets read `-a^b` as (-a)^b and `a^b^c` as (a^b)^c, unlike mathematics; so a sign or a power inside another
operation always gets its brackets.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from groundsill.finance.rows import Binary, Expr, Floor, Input, Month, Number, Previous, Ref, Upto
from groundsill.terms.problem import Problem

_SUM, _PRODUCT, _ATOM = 1, 2, 3  # how tightly a printed piece holds together; a power inside a product gets brackets
_STRENGTH = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}


@dataclass(frozen=True)
class Places:
    """Where things stand: the cell of a row in this month, of a row in the month before, its cells from month 0 up to
    this month, the cell of the month's number, and the name of an input."""

    row: Callable[[str], str]
    previous: Callable[[str], str]
    upto: Callable[[str], str]
    month: str
    input: Callable[[str], str]


def formula(expression: Expr, places: Places) -> str:
    """The formula, without the `=`. Raises Problem `workbook.no_formula` for a form that it does not know."""
    return _print(expression, places)[0]


def _print(e: Expr, at: Places) -> tuple[str, int]:
    match e:
        case Number(value):
            return _number(value)
        case Input(name):
            return at.input(name), _ATOM
        case Ref(row):
            return at.row(row), _ATOM
        case Previous(row):
            return at.previous(row), _ATOM
        case Upto("sum" | "max" as how, row):
            return f"{how.upper()}({at.upto(row)})", _ATOM
        case Month():
            return at.month, _ATOM
        case Floor(of):
            return f"INT({_print(of, at)[0]})", _ATOM
        case Binary(sign, left, right):
            return _binary(sign, left, right, at)
    raise Problem("workbook.no_formula", got=type(e).__name__)


def _number(value: float) -> tuple[str, int]:
    if not math.isfinite(value):
        raise Problem("workbook.no_formula", got=repr(value))
    text = repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value)).upper()
    return text, _SUM if value < 0 else _ATOM


def _binary(sign: str, left: Expr, right: Expr, at: Places) -> tuple[str, int]:
    if sign in ("max", "min"):
        return f"{sign.upper()}({_print(left, at)[0]},{_print(right, at)[0]})", _ATOM
    if sign == "^":
        if left == Number(math.e):
            return f"EXP({_print(right, at)[0]})", _ATOM
        return f"{_inside(left, at, _ATOM)}^{_inside(right, at, _ATOM)}", _SUM
    if sign not in _STRENGTH:
        raise Problem("workbook.no_formula", got=sign)
    if sign == "-" and left == Number(0.0):
        return f"-{_inside(right, at, _ATOM)}", _SUM
    own = _STRENGTH[sign]
    return f"{_inside(left, at, own)}{sign}{_inside(right, at, own + 1)}", own


def _inside(e: Expr, at: Places, least: int) -> str:
    text, strength = _print(e, at)
    return text if strength >= least else f"({text})"
