"""Two inputs at a time: who is the best option over the plane of both."""

from __future__ import annotations

import numpy as np

from groundsill.assess import units
from groundsill.assess.evaluate import World
from groundsill.assess.parts import Grid
from groundsill.assess.sensitivity import QUALITY, Field, winner
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity, quantiles

STEPS = 5  # values of each input, from its 5 % to its 95 % quantile
DRAWS = 400  # worlds of one cell; its means are moved onto those of all draws


def grid(here: World, contest: Field, x: str, y: str, *, steps: int = STEPS) -> Grid:
    """contest: over few draws (`DRAWS`), with its shift to all. Raises Problem `assess.no_input` for a name that moves
    no contender."""
    axes = [_axis(here, contest, name, steps) for name in (x, y)]
    scales = [units.factor(here.case, here.draws, name) for name in (x, y)]
    winners, npv = list[tuple[str, ...]](), list[tuple[float, ...]]()
    for second in axes[1]:
        cells = [_means(contest, {x: float(first), y: float(second)}) for first in axes[0]]
        winners.append(tuple(winner(means) for means in cells))
        npv.append(tuple(max(0.0, *means.values()) for means in cells))
    names = {name for name in (x, y) if name in here.case.facts}
    trail = names.union(*(probe.model.trail for probe in contest.probes.values()))
    return Grid(
        x=x,
        y=y,
        x_unit=units.unit(here.case, x),
        y_unit=units.unit(here.case, y),
        xs=tuple(float(v) / scales[0] for v in axes[0]),
        ys=tuple(float(v) / scales[1] for v in axes[1]),
        winners=tuple(winners),
        npv=tuple(npv),
        trail=units.behind(here.case, trail),
    )


def _axis(here: World, contest: Field, name: str, steps: int) -> Array:
    """Even between the 5 % and the 95 % quantile, so that a cell is as wide as it looks."""
    draws = contest.quality_of(name) if name.startswith(QUALITY) else here.draws.get(name)
    if draws is None or name not in (*contest.inputs, *(QUALITY + i for i in contest.probes)):
        raise Problem("assess.no_input", got=name, limit=", ".join(contest.inputs))
    low, high = (float(v) for v in quantiles(np.asarray(draws, dtype=np.float64), (0.05, 0.95)))
    return np.linspace(low, high, steps)


def _means(contest: Field, at: dict[str, float]) -> dict[str, float]:
    changes: dict[str, Quantity] = {k: v for k, v in at.items() if not k.startswith(QUALITY)}
    out = dict[str, float]()
    for candidate, probe in contest.probes.items():
        npv = probe.npv(changes, at.get(QUALITY + candidate))
        out[candidate] = float(npv.mean()) + contest.shift[candidate]
    return out
