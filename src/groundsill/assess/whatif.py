"""An assessment that is kept: change an input, and every chart is drawn again from what did not move.

The same functions as in `run`: a what-if is the assessment of the changed draws, without the curves (they rest on runs, not
on inputs) and without what is no chart of the answer: studies, stages, months, registers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from groundsill.assess import information, levers, views
from groundsill.assess.assessment import Swing, Threshold
from groundsill.assess.compare import NONE, Standing, chosen, contenders, p_best, standing
from groundsill.assess.evaluate import World, options_again, with_class_shares, world
from groundsill.assess.fit import Fitted, fitted, with_own_quality
from groundsill.assess.outlook import ranking
from groundsill.assess.parts import Winners
from groundsill.assess.run import net_benefit
from groundsill.assess.sensitivity import DRAWS, quick_probes
from groundsill.assess.waiting import waiting
from groundsill.project.case import Case
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Choice
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Interval, Quantity


@dataclass(frozen=True)
class Spread:
    """What the choice taken of a candidate is worth: see the fields of the same names of ValueView and Result."""

    choice: Choice
    npv: Interval
    p_positive: float
    tail: float
    quantiles: tuple[float, ...]
    p_best: float


@dataclass(frozen=True)
class Charts:
    """Fields as in Assessment. spreads: by candidate, doing nothing left out; perfect: EVPI; best: id of the best
    contender, `none` if nothing is worth more than that."""

    options: tuple[tuple[str, Choice], ...]
    net_benefit: Array
    spreads: Mapping[str, Spread]
    best: str
    perfect: float
    thresholds: tuple[Threshold, ...]
    winners: tuple[Winners, ...]
    swings: tuple[Swing, ...]


@dataclass(frozen=True)
class WhatIf:
    """The valued state of an assessment. here: its world, valued all draws at once; curves: as they were fitted; rows: the
    candidates that are not closed."""

    here: World
    curves: tuple[Fitted, ...]
    rows: tuple[Standing, ...]

    @classmethod
    def of(cls, case: Case, draws: Draws, curves: Sequence[Fitted] | None = None) -> WhatIf:
        """curves: as an assessment over these draws fitted them, None to fit them. Raises as `run.run`."""
        whole = world(case, with_class_shares(case, draws))
        here = replace(whole, size=draws.n)
        rows = tuple(fitted(case, here.draws) if curves is None else curves)
        return cls(here, rows, tuple(standing(here, row) for row in rows))

    def with_(self, changes: Mapping[str, Quantity]) -> WhatIf:
        """The same with some inputs at other values, in the unit of the draws; only rows that read them are valued.

        Raises Problem `draws.missing` for a name that the project does not have: a new input changes which rows there are.
        """
        for name in changes:
            if name not in self.here.draws:
                raise Problem("draws.missing", got=name)
        here, names = self.here.changed(changes), frozenset(changes)
        curves = tuple(with_own_quality(row, here.draws) if row.own in names else row for row in self.curves)
        pairs = zip(curves, self.rows, strict=True)
        return WhatIf(here, curves, tuple(_again(here, row, was, names) for row, was in pairs))

    @cached_property
    def charts(self) -> Charts:
        """What the options are worth now, who wins, and what would change that."""
        here, rows = self.here, self.rows
        competing = [row for row in rows if row.entrant.candidate.route != NONE]
        ranked = contenders(here.case, competing)
        labels, benefit = net_benefit(rows, here.draws.n)
        probes = quick_probes(here.first(DRAWS), rows)
        waits = {w.candidate.id: w for w in waiting(here, rows)}
        thresholds, winners = levers.found(levers.scene(here, rows, probes, waits))
        chances = p_best(competing, here.draws.n)
        spreads = {row.id: _spread(row, chances[row.id]) for row in competing if row.status == "assessed"}
        tornado = ranking(here, rows, ranked, benefit[:, :, -1], probes)[2] if ranked else ()
        best = ranked[0].id if ranked and float(ranked[0].npv.mean()) > 0 else NONE
        return Charts(labels, benefit, spreads, best, information.evpi(benefit[:, :, -1]), thresholds, winners, tornado)


def _again(here: World, row: Fitted, was: Standing, changed: frozenset[str]) -> Standing:
    """A candidate after a change: as it stood if it reads nothing of it."""
    if not was.options or row.entrant.candidate.route == NONE:
        return standing(here, row)
    if all(changed.isdisjoint(o.read | (set() if o.model is None else set(o.model.trail))) for o in was.options):
        return was
    try:
        return chosen(here.case, row, options_again(here, row, was.options, changed))
    except Problem:
        return standing(here, row)  # it says why the candidate is refused


def _spread(row: Standing, p_best: float) -> Spread:
    npv = row.npv
    ordered = views.distribution(npv)
    return Spread(row.taken.choice, ordered.npv, ordered.p_positive, ordered.tail, ordered.quantiles, p_best)
