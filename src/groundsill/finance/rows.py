"""The cash model as named rows over a small expression type: numpy evaluates them, a workbook can print them.

An expression says what one cell of a row holds, in terms of inputs (one number a draw), other rows of the same month,
the row's neighbour on the left, and the month's number. Every form has a spreadsheet formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity

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
    currency; part: `driver`, `benefit`, `build`, `per_request`, `per_month`, `per_retune`, `risk` or `total`."""

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
                case Ref(other) | Previous(other):
                    inside = self._visit(other, (*path, name))
                    moves |= inside or isinstance(leaf, Previous)
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
                isinstance(leaf, Month | Previous) or (isinstance(leaf, Ref) and self._rows_move[leaf.row])
                for leaf in leaves(expression)
            )
            self._moves[id(expression)] = known
        return known


class Sheet:
    """A program with its inputs: values of rows, and their present values.

    Values have shape (months + 1 or 1, draws or 1): they are broadcast only where needed, and draws lie side by side in
    memory, which is several times faster than months side by side. A parent sheet holds rows
    that many sheets share (growth, discount), so that they are computed once.
    """

    def __init__(
        self, program: Program, inputs: Mapping[str, Quantity], months: int, parent: Sheet | None = None
    ) -> None:
        self.program, self.inputs, self.months, self.parent = program, inputs, months, parent
        self._values: dict[str, Array] = {}
        self._present: dict[str, Array] = {}

    def reuse(self, other: Sheet) -> Sheet:
        """Take over what `other` has computed, for the rows that are the same over the same inputs. Returns itself.

        Inputs are compared by identity, then by value; a sensitivity that changes one price keeps all else.
        """
        mine, theirs, same_weights = self.program, other.program, True
        changed = {n for n in mine.inputs if n in self.inputs and not self._shares(other, n)}
        if self.parent is not other.parent and self.parent is not None and other.parent is not None:
            changed |= {n for n in self.parent.program.rows if not _same(self.parent.value(n), other.parent.value(n))}
            same_weights = "discount" not in changed
        elif self.parent is None:
            same_weights = changed.isdisjoint(mine.reads.get("discount", frozenset()))
        for name, row in mine.rows.items():
            if theirs.rows.get(name) == row and changed.isdisjoint(mine.reads[name]):
                if name in other._values:
                    self._values[name] = other._values[name]
                if name in other._present and same_weights:
                    self._present[name] = other._present[name]
        return self

    def _shares(self, other: Sheet, name: str) -> bool:
        return name in other.inputs and _same(self.inputs[name], other.inputs[name])

    def value(self, name: str) -> Array:
        """The row called `name`, every month."""
        if name not in self.program.rows and self.parent is not None:
            return self.parent.value(name)
        if name not in self._values:
            self._values[name] = self._evaluate(self.program.rows[name].expr)
        return self._values[name]

    def present(self, name: str) -> Array:
        """Sum over months of the row times the row `discount`, shape (1, draws or 1).

        Uses that the sum is linear: what does not depend on the month is taken out of it, so that rows which are a
        price times an amount times a common time pattern cost one multiplication a draw.
        """
        if name not in self.program.rows and self.parent is not None:
            return self.parent.present(name)
        if name not in self._present:
            self._present[name] = self._discounted(self.program.rows[name].expr)
        return self._present[name]

    def _discounted(self, expression: Expr) -> Array:
        moves = self.program.moves
        if not moves(expression):
            return np.asarray(self._evaluate(expression) * self.value("discount").sum(axis=0, keepdims=True))
        match expression:
            case Ref(row):
                return self.present(row)
            case Binary("+", left, right):
                return self._discounted(left) + self._discounted(right)
            case Binary("-", Number(0.0), right):
                return -self._discounted(right)
            case Binary("-", left, right):
                return self._discounted(left) - self._discounted(right)
            case Binary("*", left, right) if not moves(left):
                return self._evaluate(left) * self._discounted(right)
            case Binary("*", left, right) if not moves(right):
                return self._discounted(left) * self._evaluate(right)
            case Binary("/", left, right) if not moves(right):
                return self._discounted(left) / self._evaluate(right)
        value, weights = self._evaluate(expression), self.value("discount")
        if weights.shape[1] == 1:
            return np.asarray(weights[:, 0] @ value)[None, :]
        return np.asarray(np.einsum("ij,ij->j", *np.broadcast_arrays(value, weights)))[None, :]

    def _evaluate(self, expression: Expr) -> Array:
        match expression:
            case Number(value):
                return np.full((1, 1), value)
            case Input(name):
                if name not in self.inputs:
                    raise Problem("finance.missing_input", got=name)
                return np.asarray(self.inputs[name], dtype=np.float64).reshape(1, -1)
            case Ref(row):
                return self.value(row)
            case Previous(row):
                whole = self.value(row)
                shape = (self.months + 1, whole.shape[1])
                shifted = np.zeros(shape)
                shifted[1:] = np.broadcast_to(whole, shape)[:-1]
                return shifted
            case Month():
                return np.arange(self.months + 1, dtype=np.float64)[:, None]
            case Floor(of):
                return np.asarray(np.floor(self._evaluate(of)))
            case Binary(sign, left, right):
                return _apply(sign, self._evaluate(left), self._evaluate(right), isinstance(left, Binary | Floor))
        raise TypeError(f"not an expression: {expression!r}")


def _apply(sign: Sign, left: Array, right: Array, mine: bool) -> Array:
    """The operation; into the memory of `left` if that is an intermediate result of ours that is large enough."""
    if mine and left.shape == np.broadcast_shapes(left.shape, right.shape):
        return np.asarray(_NUMPY[sign](left, right, out=left))
    return np.asarray(_NUMPY[sign](left, right))


def _same(one: Quantity, other: Quantity) -> bool:
    return one is other or bool(np.array_equal(np.asarray(one), np.asarray(other)))


_NUMPY: Mapping[Sign, np.ufunc] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.power,
    "max": np.maximum,
    "min": np.minimum,
}
