"""The cash model as named rows over a small expression type: `sheet` evaluates them, a workbook can print them.

An expression says what one cell of a row holds, in terms of inputs (one number a draw), other rows of the same month,
the row's neighbour on the left, and the month's number. Every form has a spreadsheet formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from groundsill.terms.problem import Problem

Sign = Literal["+", "-", "*", "/", "^", "max", "min"]


class Expr:
    """An expression. Arithmetic on expressions and numbers gives expressions."""

    __slots__ = ()

    def __add__(self, other: Expr | float) -> Expr:
        return Binary("+", self, expr(other))

    def __radd__(self, other: float) -> Expr:
        return Binary("+", expr(other), self)

    def __sub__(self, other: Expr | float) -> Expr:
        return Binary("-", self, expr(other))

    def __rsub__(self, other: float) -> Expr:
        return Binary("-", expr(other), self)

    def __mul__(self, other: Expr | float) -> Expr:
        return Binary("*", self, expr(other))

    def __rmul__(self, other: float) -> Expr:
        return Binary("*", expr(other), self)

    def __truediv__(self, other: Expr | float) -> Expr:
        return Binary("/", self, expr(other))

    def __neg__(self) -> Expr:
        return Binary("-", Number(0.0), self)


@dataclass(frozen=True, slots=True)
class Number(Expr):
    """A constant of the method (0, 1, 12), never a fact."""

    value: float


@dataclass(frozen=True, slots=True)
class Input(Expr):
    """A named input: one value a draw, the same in every month."""

    name: str


@dataclass(frozen=True, slots=True)
class Ref(Expr):
    """Another row, in the same month."""

    row: str


@dataclass(frozen=True, slots=True)
class Previous(Expr):
    """Another row, one month earlier; 0 in month 0."""

    row: str


@dataclass(frozen=True, slots=True)
class Upto(Expr):
    """Sum or largest value of another row from month 0 up to this month: SUM($B7:F7), MAX($B7:F7)."""

    how: Literal["sum", "max"]
    row: str


@dataclass(frozen=True, slots=True)
class Month(Expr):
    """Number of the month, 0 at the decision."""


@dataclass(frozen=True, slots=True)
class Floor(Expr):
    """Largest whole number not above `of`."""

    of: Expr


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """Two expressions and a sign; `^` is a power, `max` and `min` are taken element by element."""

    sign: Sign
    left: Expr
    right: Expr


def expr(value: Expr | float) -> Expr:
    """A number as an expression; an expression as it is."""
    return value if isinstance(value, Expr) else Number(float(value))


def maximum(left: Expr | float, right: Expr | float) -> Expr:
    """The larger of two."""
    return Binary("max", expr(left), expr(right))


def minimum(left: Expr | float, right: Expr | float) -> Expr:
    """The smaller of two."""
    return Binary("min", expr(left), expr(right))


def power(base: Expr | float, exponent: Expr | float) -> Expr:
    """base to the exponent."""
    return Binary("^", expr(base), expr(exponent))


def total(parts: Iterable[Expr]) -> Expr:
    """Sum of expressions; 0 if there are none."""
    result: Expr | None = None
    for part in parts:
        result = part if result is None else result + part
    return result if result is not None else Number(0.0)


@dataclass(frozen=True)
class Row:
    """One line of the model. label: code of its words, or "" where a cost item's LABEL names it; unit: SI or the
    currency; part: `driver`, `benefit`, `build`, `per_request`, `per_month`, `per_retune`, `risk`, `residual`, `tax` or
    `total`."""

    name: str
    label: str
    unit: str
    part: str
    expr: Expr


def leaves(expression: Expr) -> Iterator[Expr]:
    """The inputs, references and month numbers inside an expression."""
    match expression:
        case Binary(_, left, right):
            yield from leaves(left)
            yield from leaves(right)
        case Floor(of):
            yield from leaves(of)
        case Number():
            return
        case _:
            yield expression


def inputs_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """Names of all inputs that the rows read, sorted."""
    return tuple(sorted({leaf.name for row in rows for leaf in leaves(row.expr) if isinstance(leaf, Input)}))


class Program:
    """Rows in an order in which each can be computed. Raises Problem `finance.cyclic_rows`, `finance.unknown_row`.

    given: names of rows that a parent sheet holds, with whether they depend on the month. reads: row -> names of all
    inputs and given rows behind it; inputs: of all rows together.
    """

    def __init__(self, rows: Iterable[Row], given: Mapping[str, bool] | None = None) -> None:
        self.rows: dict[str, Row] = {row.name: row for row in rows}
        self.reads: dict[str, frozenset[str]] = {name: frozenset((name,)) for name in given or {}}
        self._rows_move: dict[str, bool] = dict(given or {})
        self._moves: dict[int, bool] = {}  # by identity of the expression: the rows keep them alive
        self._sums: dict[int, bool] = {}
        for name in self.rows:
            self._visit(name, ())
        self.inputs = frozenset[str]().union(*self.reads.values())

    def _visit(self, name: str, path: tuple[str, ...]) -> bool:
        if name in path:
            raise Problem("finance.cyclic_rows", got=" -> ".join((*path[path.index(name) :], name)))
        if name in self._rows_move:
            return self._rows_move[name]
        if name not in self.rows:
            raise Problem("finance.unknown_row", at=path[-1] if path else "", got=name)
        moves, reads = False, set[str]()
        for leaf in leaves(self.rows[name].expr):
            match leaf:
                case Ref(other) | Previous(other) | Upto(_, other):
                    inside = self._visit(other, (*path, name))
                    moves |= inside or not isinstance(leaf, Ref)
                    reads |= self.reads[other]
                case Input(other):
                    reads.add(other)
                case Month():
                    moves = True
        self._rows_move[name], self.reads[name] = moves, frozenset(reads)
        return moves

    def moves(self, expression: Expr) -> bool:
        """Whether an expression that is part of these rows depends on the month."""
        known = self._moves.get(id(expression))
        if known is None:
            known = any(
                isinstance(leaf, Month | Previous | Upto) or (isinstance(leaf, Ref) and self._rows_move[leaf.row])
                for leaf in leaves(expression)
            )
            self._moves[id(expression)] = known
        return known

    def is_sum(self, expression: Expr) -> bool:
        """Whether an expression that is part of these rows is a sum of other rows, each times what does not depend on
        the month: then what holds for its rows (a present value, a mean) adds up to what holds for it."""
        known = self._sums.get(id(expression))
        if known is None:
            known = self._sums[id(expression)] = not self.moves(expression) or self._adds(expression)
        return known

    def _adds(self, expression: Expr) -> bool:
        match expression:
            case Ref():
                return True
            case Binary("+" | "-", left, right):
                return self.is_sum(left) and self.is_sum(right)
            case Binary("*", left, right):
                return self.is_sum(left) and self.is_sum(right) and not (self.moves(left) and self.moves(right))
            case Binary("/", left, right):
                return self.is_sum(left) and not self.moves(right)
        return False
