"""Rows of the cash model with their numbers: values by month, present values, means."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from groundsill.finance.rows import Binary, Expr, Floor, Input, Month, Number, Previous, Program, Ref, Sign, Upto
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity


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
        self._parts: dict[str, dict[str, Array]] = {}

    def reuse(self, other: Sheet) -> Sheet:
        """Take over what `other` has computed, for the rows that are the same over the same inputs. Returns itself.

        Inputs are compared by identity, then by value; a sensitivity that changes one price keeps all else.
        """
        mine, theirs, same_weights = self.program, other.program, True
        alike = mine is theirs
        changed = {n for n in mine.inputs if n in self.inputs and not self._shares(other, n)}
        if self.parent is not other.parent and self.parent is not None and other.parent is not None:
            changed |= {n for n in self.parent.program.rows if not _same(self.parent.value(n), other.parent.value(n))}
            same_weights = "discount" not in changed
        elif self.parent is None:
            same_weights = changed.isdisjoint(mine.reads.get("discount", frozenset()))
        for name, row in mine.rows.items():
            if (alike or theirs.rows.get(name) == row) and changed.isdisjoint(mine.reads[name]):
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
            expression = self.program.rows[name].expr
            sums = self.program.is_sum(expression)
            self._present[name] = self._discounted(expression) if sums else self._weighed(self.value(name))
        return self._present[name]

    @property
    def presents(self) -> Mapping[str, Array]:
        """The present values that were asked for so far, by row, (1, draws or 1)."""
        return self._present

    def know(self, presents: Mapping[str, Array]) -> Sheet:
        """Take over present values that were found elsewhere, over the same draws. Returns itself."""
        self._present |= presents
        return self

    def monthly(self, name: str) -> Array:
        """The row by month, (months + 1, draws or 1): as `value`, but what stands on the same time pattern is added up
        before it is spread over the months."""
        parts = [(self.value(row) if row else np.ones((1, 1)), w) for row, w in self._patterns(name).items()]
        shape = np.broadcast_shapes((self.months + 1, 1), *(array.shape for part in parts for array in part))
        out, scratch = np.zeros(shape), np.empty(shape)
        for pattern, weight in parts:
            out += np.multiply(pattern, weight, out=scratch)
        return out

    def means(self, name: str, n: int) -> Array:
        """Mean of the row over `n` draws by month, (months + 1,)."""
        out = np.zeros(self.months + 1)
        for row, weight in self._patterns(name).items():
            spread = np.broadcast_to(weight[0], (n,))
            pattern = self.value(row) if row else np.ones((1, 1))
            out += pattern @ spread / n if pattern.shape[1] == n else pattern[:, 0] * spread.mean()
        return out

    def _patterns(self, name: str) -> dict[str, Array]:
        """The row as a sum of rows that move by month, each times a number a draw, (1, draws or 1); "" for 1."""
        if name not in self._parts:
            row = self.program.rows.get(name)
            whole = row is None or not self.program.is_sum(row.expr)
            self._parts[name] = {name: np.ones((1, 1))} if whole or row is None else self._summed(row.expr)
        return self._parts[name]

    def _summed(self, expression: Expr) -> dict[str, Array]:
        """The same for an expression that is such a sum."""
        moves = self.program.moves
        if not moves(expression):
            return {"": self._evaluate(expression)}
        match expression:
            case Ref(row):
                return dict(self._patterns(row))
            case Binary("+" | "-" as sign, left, right):
                out = self._summed(left)
                for row, weight in self._summed(right).items():
                    out[row] = out.get(row, 0.0) + (weight if sign == "+" else -weight)
                return out
            case Binary("*" | "/" as sign, left, right):
                still, other = (right, left) if moves(left) else (left, right)
                factor = self._evaluate(still) if sign == "*" else 1.0 / self._evaluate(still)
                return {row: weight * factor for row, weight in self._summed(other).items()}
        raise TypeError(f"not a sum of rows: {expression!r}")

    def _weighed(self, values: Array) -> Array:
        """Sum over months of values (months + 1 or 1, draws or 1) times the row `discount`."""
        weights = self.value("discount")
        if len(values) == 1:
            return np.asarray(values * weights.sum(axis=0, keepdims=True))
        if weights.shape[1] == 1:
            return np.asarray(weights[:, 0] @ values)[None, :]
        return np.asarray(np.einsum("ij,ij->j", *np.broadcast_arrays(values, weights)))[None, :]

    def _discounted(self, expression: Expr) -> Array:
        """The same of an expression that is a sum of rows."""
        moves = self.program.moves
        if not moves(expression):
            return self._weighed(self._evaluate(expression))
        match expression:
            case Ref(row):
                return self.present(row)
            case Binary("+", left, right):
                return self._discounted(left) + self._discounted(right)
            case Binary("-", Number(0.0), right):
                return -self._discounted(right)
            case Binary("-", left, right):
                return self._discounted(left) - self._discounted(right)
            case Binary("*", left, right):
                still, other = (right, left) if moves(left) else (left, right)
                return self._evaluate(still) * self._discounted(other)
            case Binary("/", left, right):
                return self._discounted(left) / self._evaluate(right)
        raise TypeError(f"not a sum of rows: {expression!r}")

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
            case Upto(how, row):
                whole = self.value(row)
                spread = np.broadcast_to(whole, (self.months + 1, whole.shape[1]))
                return np.asarray((np.cumsum if how == "sum" else np.maximum.accumulate)(spread, axis=0))
            case Month():
                return np.arange(self.months + 1, dtype=np.float64)[:, None]
            case Floor(of):
                return np.asarray(np.floor(self._evaluate(of)))
            case Binary(sign, left, right):
                ours = isinstance(left, Binary | Floor), isinstance(right, Binary | Floor)
                return _apply(sign, self._evaluate(left), self._evaluate(right), ours)
        raise TypeError(f"not an expression: {expression!r}")


def _apply(sign: Sign, left: Array, right: Array, ours: tuple[bool, bool]) -> Array:
    """The operation; into the memory of a side that is an intermediate result of ours and large enough, because fresh
    memory costs several times what the arithmetic does."""
    shape = np.broadcast_shapes(left.shape, right.shape)
    if ours[0] and left.shape == shape:
        return np.asarray(_NUMPY[sign](left, right, out=left))
    if ours[1] and right.shape == shape:
        return np.asarray(_NUMPY[sign](left, right, out=right))
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
