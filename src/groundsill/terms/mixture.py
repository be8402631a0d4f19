"""A mixture of uncertain numbers: one of several, each with its weight."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Exactly, Pert, Range, ThreePoint, from_table, parse

# Probabilities at which each part is looked up: even in the middle, even in the logarithm in both tails down to 1e-9.
_TAIL = np.geomspace(1e-9, 0.02, 192, endpoint=False)
_PLACES = np.concatenate((_TAIL, np.linspace(0.02, 0.98, 769), 1.0 - _TAIL[::-1]))


@dataclass(frozen=True)
class Mixture:
    """`parts[i]` with probability `weights[i]` (they add up to 1). The quantile is that of the whole, so it rises with
    the probability and a copula can join it with others; the chance of a part alone would not do."""

    parts: tuple[Exactly | Range | ThreePoint | Pert, ...]
    weights: tuple[float, ...]

    def quantile(self, u: Array) -> Array:
        """From a table of the whole distribution, straight lines between its places: exact at jumps, within 1e-4 of the
        width elsewhere (a test holds it against samples)."""
        places, values = self._table
        return np.asarray(np.interp(u, places, values), dtype=np.float64)

    @property
    def median(self) -> float:
        return float(self.quantile(np.array([0.5]))[0])

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        """(probabilities, values), both rising. Each value stands twice: below and at it, for parts that jump there."""
        known = [(np.array([p.value]) if isinstance(p, Exactly) else p.quantile(_PLACES)) for p in self.parts]
        values = np.unique(np.concatenate(known))
        below, at = np.zeros_like(values), np.zeros_like(values)
        for own, weight in zip(known, self.weights, strict=True):
            if len(own) == 1 or own[0] == own[-1]:
                below += weight * (values > own[0])
                at += weight * (values >= own[0])
            else:
                share = np.interp(values, own, _PLACES, left=0.0, right=1.0)
                below += weight * share
                at += weight * share
        places = np.column_stack((below, at)).ravel()
        return np.maximum.accumulate(places), np.repeat(values, 2)


def of_table(table: dict[str, object]) -> Mixture:
    """Read `{mix = ["80k to 150k", 300000, {low, mode, high}], weights = [0.7, 0.2, 0.1]}`. Weights are scaled to add up
    to 1; without them all parts weigh the same.

    Raises Problem `quantity.bad_table`, `quantity.bad_weights`, `quantity.not_a_number`, `quantity.reversed`.
    """
    mix, weights = table.get("mix"), table.get("weights")
    if not isinstance(mix, list) or not mix or set(table) - {"unit", "mix", "weights"}:
        raise Problem("quantity.bad_table", got=str(table))
    parts = tuple(_part(raw, table) for raw in mix)
    given = [1.0] * len(parts) if weights is None else weights
    numbers = (
        [w for w in given if isinstance(w, (int, float)) and not isinstance(w, bool)] if isinstance(given, list) else []
    )
    if len(numbers) != len(parts) or any(not 0.0 <= w < math.inf for w in numbers) or sum(numbers) <= 0:
        raise Problem("quantity.bad_weights", got=str(given), limit=len(parts))
    return Mixture(parts, tuple(w / sum(numbers) for w in numbers))


def _part(raw: object, table: dict[str, object]) -> Exactly | Range | ThreePoint | Pert:
    """One part. A unit in a part's text must be the unit of the table, which the caller compares."""
    if isinstance(raw, bool):
        raise Problem("quantity.not_a_number", got=str(raw))
    found = (
        Exactly(float(raw))
        if isinstance(raw, (int, float)) and math.isfinite(raw)
        else parse(raw)[0]
        if isinstance(raw, str)
        else from_table(raw)
        if isinstance(raw, dict)
        else None
    )
    if not isinstance(found, (Exactly, Range, ThreePoint, Pert)):
        raise Problem("quantity.bad_table", got=str(table))
    return found


def units_of(table: dict[str, object]) -> set[str]:
    """Units that the parts of `{mix}` name in their texts."""
    mix = table.get("mix")
    return {parse(raw)[1] for raw in mix if isinstance(raw, str)} - {""} if isinstance(mix, list) else set()
