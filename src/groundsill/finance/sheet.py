"""Rows of the cash model with their numbers: values by month, present values, means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from groundsill.finance.ramps import MOST, Ramp, Spot, Table, shape
from groundsill.finance.rows import Binary, Expr, Floor, Input, Month, Number, Previous, Program, Ref, Sign, Upto
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity


@dataclass(frozen=True, slots=True)
class Weighing:
    """How months are added up. weights: rows whose product they are weighed with, in order; late: what is added up comes
    so many months later, and is 0 before; once: less the same a month later, so what begins counts in one month only."""

    weights: tuple[str, ...] = ("discount",)
    late: int = 0
    once: bool = False


PLAIN = Weighing()  # a present value
Rows = tuple[str, ...]


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
        self._tables: dict[Rows, Table] = {}
        self._spots: dict[tuple[Expr, float, int], Spot] = {}
        self._known: Mapping[str, Callable[[str], Array]] = {}  # rows whose present value is found elsewhere
        self._shape = shape(program)

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
        kept = [
            name
            for name, row in mine.rows.items()
            if (alike or theirs.rows.get(name) == row) and changed.isdisjoint(mine.reads[name])
        ]
        self._values |= {name: other._values[name] for name in kept if name in other._values}
        if same_weights:
            self._known = dict.fromkeys(kept, other.present)
        for weights, table in other._tables.items() if same_weights else ():
            own = [name for name in weights if name in mine.rows]
            reads = frozenset[str]().union(*(mine.reads[name] for name in weights if name in mine.reads))
            if changed.isdisjoint(reads) and all(alike or theirs.rows.get(name) == mine.rows[name] for name in own):
                self._tables[weights] = table
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
        price times an amount times a common time pattern cost one multiplication a draw; a pattern that is a ramp is
        looked up (`ramps`).
        """
        if name not in self.program.rows and self.parent is not None:
            return self.parent.present(name)
        if name not in self._present and name in self._known:
            self._present[name] = self._known[name](name)
        elif name not in self._present:
            expression = self.program.rows[name].expr
            sums = self._shape.adds(expression)
            self._present[name] = (
                self._weigh(expression, PLAIN) if sums else self._weighed(self.value(name), PLAIN.weights)
            )
        return self._present[name]

    def over(self, parts: Callable[[], Sequence[tuple[Sheet, int]]]) -> Sheet:
        """Find present values part by part: sheets, and how many draws each has, from first to last. Returns itself."""

        def joined(name: str) -> Array:
            return np.concatenate([np.broadcast_to(sheet.present(name), (1, n)) for sheet, n in parts()], axis=1)

        self._known = dict.fromkeys(self.program.rows, joined)
        return self

    def know(self, presents: Mapping[str, Array]) -> Sheet:
        """Take over present values that were found elsewhere, (1, draws). Returns itself."""
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

    def table(self, weights: Rows) -> Table:
        """Sums over the months of the product of these rows."""
        if self.parent is not None and self.program.rows.keys().isdisjoint(weights):
            return self.parent.table(weights)
        if weights not in self._tables:
            self._tables[weights] = Table(self._product(weights))
        return self._tables[weights]

    def _product(self, weights: Rows) -> Array:
        shape = (self.months + 1, 1)
        out = np.broadcast_to(self.value(weights[0]), np.broadcast_shapes(shape, self.value(weights[0]).shape))
        for name in weights[1:]:
            out = out * self.value(name)
        return out

    def _weighed(self, values: Array, weights: Rows) -> Array:
        """Sum over months of values (months + 1 or 1, draws or 1) times the weights."""
        if len(values) == 1:
            return np.asarray(values * self.table(weights).total)
        factors = self._product(weights)
        if factors.shape[1] == 1:
            return np.asarray(factors[:, 0] @ values)[None, :]
        return np.asarray(np.einsum("ij,ij->j", *np.broadcast_arrays(values, factors)))[None, :]

    def _weigh(self, expression: Expr, how: Weighing) -> Array:
        """The same of an expression that adds up (`Shape.adds`)."""
        ramp = self._shape.ramp(expression)
        if not self.program.moves(expression):
            return self._evaluate(expression) * self._level(how)
        if ramp is not None:
            return self._ramp(ramp, expression, how)
        match expression:
            case Ref(row):
                if how == PLAIN:
                    return self.present(row)
                if row in self.program.rows and self._shape.ramped(expression):
                    return self._weigh(self.program.rows[row].expr, how)
                return self._weighed(self.value(row), how.weights)
            case Previous(row):
                return self._weigh(self.program.rows[row].expr, replace(how, late=how.late + 1))
            case Binary("-", Ref(row), Previous(other)) if row == other and not how.once and self._alone(row):
                return self._weigh(self.program.rows[row].expr, replace(how, once=True))
            case Binary("+", left, right):
                ours = isinstance(left, Binary) and left.sign == "+"  # a sum of its own, which nobody else holds
                return _apply("+", self._weigh(left, how), self._weigh(right, how), (ours, False))
            case Binary("-", Number(0.0), right):
                return -self._weigh(right, how)
            case Binary("-", left, right):
                return self._weigh(left, how) - self._weigh(right, how)
            case Binary("*"):
                still, carrier, more = self._shape.split(expression)
                assert carrier is not None  # it adds up
                out = self._weigh(carrier, replace(how, weights=tuple(sorted((*how.weights, *more)))) if more else how)
                for factor in still:
                    out = self._evaluate(factor) * out
                return out
            case Binary("/", left, right):
                return self._weigh(left, how) / self._evaluate(right)
        raise TypeError(f"not a sum of rows: {expression!r}")

    def _alone(self, row: str) -> bool:
        """Whether a row is nothing but ramps, each times what stands still."""
        return row in self.program.rows and self._shape.ramped(self.program.rows[row].expr, True)

    def _level(self, how: Weighing) -> Array:
        """The sum of 1 over the months."""
        table = self.table(how.weights)
        if not how.late and not how.once:
            return table.total
        return table.after(Spot.of(np.full((1, 1), how.late - 1.0), self.months), once=how.once)

    def _ramp(self, ramp: Ramp, expression: Expr, how: Weighing) -> Array:
        """The sum of a ramp over the months."""
        table = self.table(how.weights)
        if ramp.every is None:
            out = table.after(self._spot(ramp, how.late), once=how.once)
            return np.asarray(ramp.level * self._level(how) + ramp.sign * out) if ramp.level else out
        start, every = self._evaluate(ramp.start) + how.late, self._evaluate(ramp.every)
        least, first = float(every.min()), float(start.min())
        if least >= 1.0 and first >= how.late - 1.0 and every.size == 1 and least.is_integer():
            return table.after(self._spot(ramp, how.late), once=how.once, every=int(least))
        times = (self.months - first) / least if least >= 1.0 else np.inf
        if not times < MOST:
            values = _later(self._evaluate(expression), how.late, self.months)
            return self._weighed(values - _later(values, 1, self.months) if how.once else values, how.weights)
        out = np.zeros((1, 1))
        for _ in range(int(times) + 1):
            start = start + every
            out = out + table.after(Spot.of(np.maximum(start, how.late - 1.0), self.months), once=how.once)
        return out

    def _spot(self, ramp: Ramp, late: int) -> Spot:
        """Where a ramp starts; kept, for several patterns start together."""
        key = ramp.start, ramp.after, late
        if key not in self._spots:
            start = self._evaluate(ramp.start) + (ramp.after + late)
            self._spots[key] = Spot.of(np.maximum(start, late - 1.0) if late else start, self.months)
        return self._spots[key]

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
                return _later(self.value(row), 1, self.months)
            case Upto(how, row):
                whole = self.value(row)
                spread = np.broadcast_to(whole, (self.months + 1, whole.shape[1]))
                return np.asarray((np.cumsum if how == "sum" else np.maximum.accumulate)(spread, axis=0))
            case Month():
                return np.arange(self.months + 1, dtype=np.float64)[:, None]
            case Floor(of):
                return np.asarray(np.floor(self._evaluate(of)))
            case Binary("^", base, exponent):
                return _power(self._evaluate(base), self._evaluate(exponent))
            case Binary(sign, left, right):
                ours = isinstance(left, Binary | Floor), isinstance(right, Binary | Floor)
                return _apply(sign, self._evaluate(left), self._evaluate(right), ours)
        raise TypeError(f"not an expression: {expression!r}")


def _later(values: Array, months: int, last: int) -> Array:
    """The row so many months later, 0 before; months 0 to `last`."""
    shape = (last + 1, values.shape[1])
    shifted = np.zeros(shape)
    shifted[months:] = np.broadcast_to(values, shape)[: last + 1 - months]
    return shifted


def _power(base: Array, exponent: Array) -> Array:
    """base^exponent; multiplied up from month to month where the exponent is a multiple of the month."""
    if len(base) > 1 or exponent.shape[1] > 1 or len(exponent) < 3:
        return np.asarray(np.power(base, exponent))
    if not np.allclose(exponent[:, 0], np.arange(len(exponent)) * exponent[1, 0], rtol=1e-14, atol=0.0):
        return np.asarray(np.power(base, exponent))
    out = np.empty((len(exponent), base.shape[1]))
    out[0], step = 1.0, np.power(base[0], exponent[1, 0])
    for month in range(1, len(out)):
        np.multiply(out[month - 1], step, out=out[month])
    return out


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
