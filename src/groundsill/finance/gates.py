"""Stages with gates between them, valued from the last to the first: go on only where it pays."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from groundsill.terms.problem import Problem


@dataclass(frozen=True)
class Branch:
    """What may happen after a gate was passed: with `chance`, `wait` years later, `payoff` and then the gate `to`."""

    chance: float
    to: Gate | None = None
    payoff: float = 0.0
    wait: float = 1.0


@dataclass(frozen=True)
class Gate:
    """A decision: pay `cost` and see which branch comes, or stop for `salvage`. What is known before the gate is in
    where it stands: a gate of its own for each thing that may have been learned. Gates that ask the same question
    share a name."""

    name: str
    cost: float
    branches: tuple[Branch, ...]
    salvage: float = 0.0


@dataclass(frozen=True)
class Staged:
    """value: with the right to stop at every gate; committed: all is spent whatever is learned; at: gate name -> mean
    value there for whoever stands there, also where it was not worth coming; stops: names of gates where stopping is the
    better choice in some case; reached: gate name -> probability with the best choices before it."""

    value: float
    committed: float
    at: Mapping[str, float] = field(default_factory=dict)
    reached: Mapping[str, float] = field(default_factory=dict)
    stops: tuple[str, ...] = ()

    @property
    def flexibility(self) -> float:
        """What the right to stop is worth."""
        return self.value - self.committed


def gates(root: Gate, rate_per_year: float, *, forced: Collection[str] = ()) -> Staged:
    """Value of a tree of gates by backward induction: V = max(salvage, -cost + sum chance d^wait (payoff + V next)).

    forced: names of gates that are always passed when reached. Raises Problem `flows.rate`, `flows.probability` if the
    chances of a gate are not in [0, 1] or do not sum to 1.
    """
    if not rate_per_year > -1:
        raise Problem("flows.rate", got=rate_per_year, limit=-1)
    d = 1.0 / (1.0 + rate_per_year)
    found: dict[int, tuple[float, bool]] = {}
    value = _value(root, d, frozenset(forced), found)
    seen: dict[str, list[tuple[float, float, float]]] = {}
    stops: set[str] = set()
    _walk(root, (1.0, 1.0), found, seen, stops)
    reached = {name: sum(best for _, best, _ in places) for name, places in seen.items()}
    at = {
        name: float(np.average([v for *_, v in places], weights=[p for p, *_ in places]))
        for name, places in seen.items()
        if sum(p for p, *_ in places) > 0
    }
    earned, spent = _committed(root, d)
    return Staged(value, earned - spent, at, reached, tuple(sorted(stops)))


def _value(gate: Gate, d: float, forced: frozenset[str], found: dict[int, tuple[float, bool]]) -> float:
    chances = [b.chance for b in gate.branches]
    if not all(0.0 <= c <= 1.0 for c in chances) or abs(sum(chances) - 1.0) > 1e-9:
        raise Problem("flows.probability", at=gate.name, got=", ".join(f"{c:g}" for c in chances))
    on = -gate.cost
    for branch in gate.branches:
        after = _value(branch.to, d, forced, found) if branch.to is not None else 0.0
        on += branch.chance * d**branch.wait * (branch.payoff + after)
    goes = gate.name in forced or on >= gate.salvage
    found[id(gate)] = (on if goes else gate.salvage, goes)
    return found[id(gate)][0]


def _walk(
    gate: Gate,
    p: tuple[float, float],
    found: Mapping[int, tuple[float, bool]],
    seen: dict[str, list[tuple[float, float, float]]],
    stops: set[str],
) -> None:
    """Note every gate: the chance to come there if one always goes on, the chance with the best choices, the value."""
    value, goes = found[id(gate)]
    seen.setdefault(gate.name, []).append((*p, value))
    if not goes:
        stops.add(gate.name)
    for branch in gate.branches:
        if branch.to is not None:
            ahead = (p[0] * branch.chance, p[1] * branch.chance if goes else 0.0)
            _walk(branch.to, ahead, found, seen, stops)


def _committed(gate: Gate, d: float) -> tuple[float, float]:
    """Present value of what comes in and of what is spent if every stage is paid for, also after a failure: a branch
    that ends early spends what its neighbours that go on spend."""
    earned, spent, share = 0.0, 0.0, 0.0
    for branch in gate.branches:
        ahead = branch.chance * d**branch.wait
        earned += ahead * branch.payoff
        if branch.to is not None:
            more, cost = _committed(branch.to, d)
            earned, spent, share = earned + ahead * more, spent + ahead * cost, share + branch.chance
    return earned, gate.cost + (spent / share if share > 0 else 0.0)


def chain(stages: list[tuple[str, float, float, float]], last: Gate | tuple[Branch, ...]) -> Gate:
    """Stages (name, cost, chance of success, years until it is known) one after the other; what fails ends. `last`:
    the gate after the last success, or its branches (what is learned there)."""
    after: Gate | tuple[Branch, ...] = last
    for name, cost, chance, wait in reversed(stages):
        if isinstance(after, Gate):
            good: tuple[Branch, ...] = (Branch(chance, after, wait=wait),)
        else:
            good = tuple(Branch(chance * b.chance, b.to, b.payoff, wait + b.wait) for b in after)
        bad = (Branch(1.0 - chance, None, wait=wait),) if chance < 1.0 else ()
        after = Gate(name, cost, good + bad)
    if not isinstance(after, Gate):
        raise Problem("flows.stages", got=0, limit=1)
    return after
