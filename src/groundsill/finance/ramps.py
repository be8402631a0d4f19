"""Rows that begin at some time and then hold: shares of a month after a start, found among the formulas of the cash model.

A ramp is R(t) = min(1, max(t - start, 0)): operation is one, a build is 1 less one, re-tunes are many. Its sum over the
months, with any weights by month, is a straight line in the start between whole months; so one table of sums answers it
for every option and draw, and what it is the pattern of needs no array by month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from groundsill.finance.rows import Binary, Expr, Floor, Month, Number, Previous, Program, Ref, Row
from groundsill.terms.quantity import Array

MOST = 12  # repetitions that are looked up one by one; with more of them the months are fewer
_ZERO, _ONE = Number(0.0), Number(1.0)


@dataclass(frozen=True, slots=True)
class Ramp:
    """level + sign x R from `start` + `after` months on; with `every` the sum of R from start + k every, k = 1, 2, ..."""

    start: Expr
    level: float = 0.0
    sign: float = 1.0
    after: float = 0.0
    every: Expr | None = None


def ramp(expression: Expr, rows: Mapping[str, Row]) -> Ramp | None:
    """The expression as a ramp, None if it is written as none. Whether its start stays all months is not looked at."""
    match expression:
        case Binary("min", Number(1.0), Binary("max", Binary("-", Month(), start), Number(0.0))):
            return Ramp(start)
        case Binary("min", Number(1.0), Binary("max", Binary("-", end, Month()), Number(0.0))):
            return Ramp(end, level=1.0, sign=-1.0, after=-1.0)
        case Binary("max", Binary("+", _, Binary("min", _, Binary("*", _, Binary("max", every, _)))), _):
            return _saw(expression, every, rows)
    return None


def _saw(expression: Expr, every: Expr, rows: Mapping[str, Row]) -> Ramp | None:
    """What was begun by month t if k periods after a start something begins that takes a month, as `clock` writes it with
    the age in periods as a row of its own."""
    for age in {leaf.row for leaf in _refs(expression)} & set(rows):
        match rows[age].expr:
            case Binary("/", Binary("max", Binary("-", Month(), start), Number(0.0)), period) if period == every:
                whole, past = Floor(Ref(age)), Ref(age) - Floor(Ref(age))
                share = Binary("min", _ONE, past * Binary("max", every, _ONE))
                if expression == Binary("max", whole - 1.0 + share, _ZERO):
                    return Ramp(start, every=every)
    return None


def _refs(expression: Expr) -> list[Ref]:
    match expression:
        case Binary(_, left, right):
            return [*_refs(left), *_refs(right)]
        case Floor(of):
            return _refs(of)
        case Ref():
            return [expression]
    return []


class Shape:
    """Which expressions of a program add up without their months: what holds for their rows adds up to what holds for
    them, and what is left at the end stands still or is a ramp.

    A product of rows that move counts where one of them does and the others are plain rows: those are weights.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._known: dict[tuple[int, bool], bool] = {}  # by identity of the expression: the rows keep them alive
        self._ramps: dict[int, Ramp | None] = {}
        self._splits: dict[int, tuple[list[Expr], Expr | None, tuple[str, ...]]] = {}

    def adds(self, expression: Expr) -> bool:
        """Whether it is a sum of rows, and of what `ramped` holds for, each times what stands still."""
        if not self._program.moves(expression) or self.ramped(expression):
            return True
        match expression:
            case Ref():
                return True
            case Binary("+" | "-", left, right):
                return self.adds(left) and self.adds(right)
            case Binary("*", left, right):
                still = [not self._program.moves(side) for side in (left, right)]
                return any(still) and self.adds(left) and self.adds(right)
            case Binary("/", left, right):
                return self.adds(left) and not self._program.moves(right)
        return False

    def ramped(self, expression: Expr, alone: bool = False) -> bool:
        """Whether only ramps and what stands still are left in the end; alone: without weights."""
        key = id(expression), alone
        if key not in self._known:
            self._known[key] = self._ramped(expression, alone)
        return self._known[key]

    def ramp(self, expression: Expr) -> Ramp | None:
        """The expression as a ramp whose start stays, None if it is none."""
        if id(expression) not in self._ramps:
            found = ramp(expression, self._program.rows)
            stays = found is not None and not any(
                self._program.moves(part) for part in (found.start, found.every) if part is not None
            )
            self._ramps[id(expression)] = found if stays else None
        return self._ramps[id(expression)]

    def split(self, expression: Expr) -> tuple[list[Expr], Expr | None, tuple[str, ...]]:
        """A product as factors that stand still, the one that moves, and rows that are its weights; None where it cannot
        be written so."""
        if id(expression) not in self._splits:
            self._splits[id(expression)] = self._split(expression)
        return self._splits[id(expression)]

    def _split(self, expression: Expr) -> tuple[list[Expr], Expr | None, tuple[str, ...]]:
        still, moving = list[Expr](), list[Expr]()
        for factor in _factors(expression):
            (moving if self._program.moves(factor) else still).append(factor)
        for place, carrier in enumerate(moving):
            others = moving[:place] + moving[place + 1 :]
            if not others or (self.ramped(carrier) and all(isinstance(other, Ref) for other in others)):
                return still, carrier, tuple(other.row for other in others if isinstance(other, Ref))
        return still, None, ()

    def _ramped(self, expression: Expr, alone: bool) -> bool:
        if not self._program.moves(expression) or self.ramp(expression) is not None:
            return True
        match expression:
            case Ref(row):
                return row in self._program.rows and self.ramped(self._program.rows[row].expr, alone)
            case Previous(row):
                return row in self._program.rows and self.ramped(self._program.rows[row].expr, True)
            case Binary("+" | "-", left, right):
                return self.ramped(left, alone) and self.ramped(right, alone)
            case Binary("*"):
                _, carrier, weights = self.split(expression)
                return carrier is not None and self.ramped(carrier, alone) and not (alone and weights)
            case Binary("/", left, right):
                return self.ramped(left, alone) and not self._program.moves(right)
        return False


@lru_cache(512)
def shape(program: Program) -> Shape:
    """What is known of a program, kept."""
    return Shape(program)


def _factors(expression: Expr) -> list[Expr]:
    match expression:
        case Binary("*", left, right):
            return [*_factors(left), *_factors(right)]
    return [expression]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where starts lie between whole months: `place` of the month before among the rows of a table, and the share of the
    way to the next, (draws,) each or one number for all."""

    place: npt.NDArray[np.intp]
    share: Array

    @classmethod
    def of(cls, start: Array, last: int) -> Spot:
        """start (1, draws or 1), in months; before -1 all months are past, from `last` on none is left."""
        place = start[0] + 1.0
        np.maximum(place, 0.0, out=place)
        np.minimum(place, last + 1.0, out=place)
        whole = place.astype(np.intp)
        place -= whole
        return cls(whole, place)


class Table:
    """Sums of weights (months + 1, draws or 1) over the months after a start, for starts from -1 to the last month."""

    def __init__(self, weights: Array) -> None:
        self.last, draws = len(weights) - 1, weights.shape[1]
        self._weights = weights
        self._sums = np.zeros(
            (self.last + 3, draws)
        )  # row j: of all months from j on, so of a ramp that starts at j - 1
        for month in range(self.last, -1, -1):
            np.add(self._sums[month + 1], weights[month], out=self._sums[month])
        self._columns = np.arange(draws)
        self._repeated: dict[tuple[int, bool], Array] = {}

    @property
    def total(self) -> Array:
        """Sum over all months, (1, draws or 1)."""
        return self._sums[:1]

    def after(self, spot: Spot, *, once: bool = False, every: int = 0) -> Array:
        """Sum over the months of the weights times R, (1, draws or 1).

        once: times R less R a month before. every: of all R that start whole multiples of it later.
        """
        sums = self._sums if not every and not once else self._more(every, once)
        place, draws = spot.place, sums.shape[1]
        if draws == 1:
            low, high = sums[place, 0], sums[place + 1, 0]
        elif len(place) == 1:
            low, high = sums[place[0]], sums[place[0] + 1]
        else:
            flat, at = sums.ravel(), place * draws
            at += self._columns
            low = flat.take(at)
            at += draws
            high = flat.take(at)
        high = high - low
        high *= spot.share
        high += low
        return np.asarray(high).reshape(1, -1)

    def _more(self, every: int, once: bool) -> Array:
        """The table of other patterns that are straight lines between whole months too."""
        key = every, once
        if key not in self._repeated:
            out = np.zeros_like(self._sums)
            if once:
                out[: self.last + 1] = self._weights  # what is lost by a month's delay
            else:
                out += self._sums
            if every:
                for row in range(len(out) - 1 - every, -1, -1):
                    out[row] += out[row + every]
                out[:-every] = out[every:]
                out[-every:] = 0.0
            self._repeated[key] = out
        return self._repeated[key]
