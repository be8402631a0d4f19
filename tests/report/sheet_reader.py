"""A small spreadsheet: reads a workbook's formulas and computes them, for the tests. No more than our formulas need.

As in spreadsheets a sign binds more tightly than a power, and powers go from left to right.
"""

from __future__ import annotations

import math
import operator
import re
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from openpyxl import Workbook
from openpyxl.utils import column_index_from_string, get_column_letter

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?)(?![\w(])|(?P<text>\"(?:[^\"]|\"\")*\")"
    r"|(?P<sheet>'(?:[^']|'')*'!)|(?P<cell>\$?[A-Z]{1,3}\$?\d+)(?![\w(])|(?P<name>[A-Za-z_][\w.]*)"
    r"|(?P<sign><>|<=|>=|[-+*/^(),:=<>]))"
)
COMPARE = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
ADD = {"+": operator.add, "-": operator.sub}
MULTIPLY = {"*": operator.mul, "/": operator.truediv}


class Fault(Exception):
    """A formula that cannot be read."""


class Undefined(ArithmeticError):
    """A formula that gives an error, as the root of a negative number does."""


@cache
def tokens(formula: str) -> tuple[tuple[str, str], ...]:
    """The pieces of a formula. Raises Fault."""
    found, at = [], 0
    while at < len(formula):
        match = TOKEN.match(formula, at)
        if match is None or match.lastgroup is None:
            raise Fault(f"{formula!r} at {at}")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tuple(found)


def _block(value: Any) -> Any:
    """A range as numbers: an empty cell counts as 0."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return np.array([[0.0 if v is None else v for v in row] for row in value], dtype=np.float64)
    return 0.0 if value is None else value


def _power(base: Any, exponent: Any) -> Any:
    found = base**exponent
    if isinstance(found, complex):
        raise Undefined(f"{base}^{exponent}")
    return found


def _irr(flows: Any, guess: float) -> float:
    x = 1.0 / (1.0 + guess)
    flows = _block(flows).ravel()
    powers = np.arange(len(flows))
    for _ in range(200):
        value, slope = float((flows * x**powers).sum()), float((flows[1:] * powers[1:] * x ** (powers[1:] - 1)).sum())
        step = value / slope
        x -= step
        if not 0 < x < 1e6:
            raise Undefined("IRR")
        if abs(step) < 1e-14 * x:
            return 1.0 / x - 1.0
    raise Undefined("IRR")


def _flat(values: tuple[Any, ...]) -> np.ndarray:
    """Arguments of SUM, MAX, MIN: in ranges only numbers count."""
    found: list[float] = []
    for value in values:
        if isinstance(value, np.ndarray):
            found += [float(v) for v in value.ravel() if isinstance(v, (int, float, np.floating))]
        else:
            found.append(float(_block(value)))
    return np.array(found or [0.0])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "SUM": lambda *v: math.fsum(_flat(v)),
    "MAX": lambda *v: float(_flat(v).max()),
    "MIN": lambda *v: float(_flat(v).min()),
    "ABS": lambda v: abs(_block(v)),
    "INT": lambda v: np.floor(_block(v)),
    "EXP": lambda v: math.exp(v),
    "SIGN": lambda v: float(np.sign(v)),
    "SUMPRODUCT": lambda *v: float(np.prod(np.broadcast_arrays(*(_block(x) for x in v)), axis=0).sum()),
    "INDEX": lambda block, row, column: block[int(row) - 1, int(column) - 1],
    "NPV": lambda rate, flows: float(
        (_block(flows).ravel() / (1 + rate) ** np.arange(1, flows.size + 1)).sum()
    ),
    "IRR": _irr,
    "OR": lambda *v: any(v),
    "AND": lambda *v: all(v),
    "ISTEXT": lambda v: isinstance(v, str),
    "COUNTIF": lambda block, what: float(sum(v == what for v in block.ravel())),
}  # fmt: skip


class Sheets:
    """The workbook's values, computed when they are asked for. Inputs may be replaced by name beforehand."""

    def __init__(self, book: Workbook | None = None, names: dict[str, float] | None = None) -> None:
        if book is not None:  # a month rests on the month before, back to the first
            sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))
        self.book, self.given = book, dict(names or {})
        self.known: dict[tuple[str, str], Any] = {}
        self.places: dict[str, tuple[str, str]] = {}
        for name, defined in book.defined_names.items() if book is not None else ():
            ((sheet, cell),) = defined.destinations
            self.places[name] = (sheet, cell.replace("$", ""))

    def name(self, name: str) -> Any:
        """The value of a named cell."""
        return self.given[name] if name in self.given else self.cell(*self.places[name])

    def set(self, name: str, value: float) -> None:
        """Type a number into a named cell."""
        self.known = {self.places[name]: value}

    def cell(self, sheet: str, cell: str) -> Any:
        """The value of a cell."""
        key = sheet, cell
        if key not in self.known:
            assert self.book is not None
            held = self.book[sheet][cell].value
            is_formula = isinstance(held, str) and self.book[sheet][cell].data_type == "f"
            self.known[key] = self.compute(held[1:], sheet) if is_formula else held
        return self.known[key]

    def block(self, sheet: str, first: str, last: str) -> np.ndarray:
        """A range."""
        (a, top), (b, bottom) = (re.fullmatch(r"([A-Z]+)(\d+)", c).groups() for c in (first, last))  # type: ignore[union-attr]
        columns = range(column_index_from_string(a), column_index_from_string(b) + 1)
        rows = range(int(top), int(bottom) + 1)
        return np.array([[self.cell(sheet, f"{get_column_letter(c)}{r}") for c in columns] for r in rows], dtype=object)

    def compute(self, formula: str, sheet: str = "") -> Any:
        """The value of a formula that stands on `sheet`."""
        reading = Reading(self, tokens(formula), sheet)
        value = reading.compare()
        if reading.at != len(reading.pieces):
            raise Fault(f"{formula!r}: left over {reading.pieces[reading.at :]}")
        return value


class Reading:
    """One formula while it is read."""

    def __init__(self, sheets: Sheets, pieces: tuple[tuple[str, str], ...], sheet: str) -> None:
        self.sheets, self.pieces, self.sheet, self.at = sheets, pieces, sheet, 0

    def peek(self) -> str:
        return self.pieces[self.at][1] if self.at < len(self.pieces) else ""

    def take(self, wanted: str = "") -> tuple[str, str]:
        if self.at >= len(self.pieces) or (wanted and self.peek() != wanted):
            raise Fault(f"{wanted or 'more'} expected in {self.pieces}")
        self.at += 1
        return self.pieces[self.at - 1]

    def _chain(self, signs: dict[str, Callable[[Any, Any], Any]], inner: Callable[[], Any]) -> Any:
        value = inner()
        while self.peek() in signs:
            sign = self.take()[1]
            value = signs[sign](_block(value), _block(inner()))
        return value

    def compare(self) -> Any:
        return self._chain(COMPARE, lambda: self._chain(ADD, lambda: self._chain(MULTIPLY, self.power)))

    def power(self) -> Any:
        return self._chain({"^": _power}, self.signed)

    def signed(self) -> Any:
        if self.peek() in ("-", "+"):
            sign = self.take()[1]
            value = _block(self.signed())
            if isinstance(value, np.ndarray) and value.dtype == bool:
                value = value.astype(np.float64)
            return -value if sign == "-" else value
        return self.atom()

    def atom(self) -> Any:
        kind, text = self.take()
        if kind == "number":
            return float(text)
        if kind == "text":
            return text[1:-1].replace('""', '"')
        if text == "(":
            value = self.compare()
            self.take(")")
            return value
        if kind == "sheet":
            return self._range(text[1:-2].replace("''", "'"), self.take()[1])
        if kind == "cell":
            return self._range(self.sheet, text)
        if kind == "name" and self.peek() == "(":
            return self._call(text)
        if kind == "name":
            return self.sheets.name(text)
        raise Fault(f"{text!r} in {self.pieces}")

    def _range(self, sheet: str, first: str) -> Any:
        if self.peek() != ":":
            return self.sheets.cell(sheet, first.replace("$", ""))
        self.take(":")
        return self.sheets.block(sheet, first.replace("$", ""), self.take()[1].replace("$", ""))

    def _call(self, name: str) -> Any:
        self.take("(")
        if name == "IFERROR":
            start = self.at
            try:
                value = self.compare()
            except ArithmeticError:
                self.at = start
                self._skip()
                value = None
            self.take(",")
            other = self.compare()
            self.take(")")
            return other if value is None or (isinstance(value, float) and math.isnan(value)) else value
        if name == "IF":
            return self._if()
        values = [self.compare()]
        while self.peek() == ",":
            self.take()
            values.append(self.compare())
        self.take(")")
        if name not in FUNCTIONS:
            raise Fault(f"function {name}")
        return FUNCTIONS[name](*values)

    def _if(self) -> Any:
        holds = self.compare()
        self.take(",")
        found = []
        for wanted in (bool(holds), not holds):
            if wanted:
                found.append(self.compare())
            else:
                self._skip()
            if len(found) <= 1 and self.peek() == ",":
                self.take()
        self.take(")")
        return found[0]

    def _skip(self) -> None:
        """Pass over one argument."""
        depth = 0
        while not (depth == 0 and self.peek() in (",", ")")):
            depth += {"(": 1, ")": -1}.get(self.take()[1], 0)
