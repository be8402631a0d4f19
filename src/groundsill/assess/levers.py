"""Thresholds of every candidate in every lever it depends on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from groundsill.assess import threshold, units
from groundsill.assess.assessment import Threshold
from groundsill.assess.compare import Standing
from groundsill.assess.evaluate import Probe, World
from groundsill.finance.model import RATE
from groundsill.terms.quantity import Array, Interval, Quantity

LEVERS = (
    "use.requests_per_month",
    "use.value_per_right",
    "use.cost_per_wrong",
    "market.requests_per_month",
    "market.price_per_request",
    RATE,
)
Kind = Literal["break-even", "confidence"]
PRICES = ("price.labels", "price.accelerator:", "price.staff:", "price.api-in:", "price.api-out:")
_RATES = (0.0, 10.0)  # a year, searched
_REACH = 1_000.0  # other levers are searched from their median over this to their median times this


def thresholds(here: World, rows: Sequence[Standing], probes: Mapping[str, Probe]) -> tuple[Threshold, ...]:
    """Break-even and confidence thresholds of every assessed candidate at the choice it took. probes: `quick_probes`."""
    return tuple(found for row in rows if row.id in probes for found in _of(here, probes[row.id], row))


def _of(here: World, quick: Probe, row: Standing) -> list[Threshold]:
    full = Probe(here, quick.row, row.taken.choice, row.taken)
    out = list[Threshold]()
    for name in sorted(full.uses & set(here.draws)):
        if name in LEVERS or name.startswith(PRICES):
            out += _lever(here, row, name, full, quick)
    return out


def _lever(here: World, row: Standing, name: str, full: Probe, quick: Probe) -> list[Threshold]:
    """Thresholds of one lever: over all draws where only the cash model reads it, over the first 2,000 where each step
    needs a forecast or other discount factors."""
    middle = float(np.median(here.draws[name]))
    if middle <= 0:
        return []
    searched = _RATES if name == RATE else (middle / _REACH, middle * _REACH)
    probe = quick if name == RATE or name in quick.read else full

    seen = dict[float, Array]()

    def net(amount: Quantity) -> Array:
        """NPV at an amount; a single amount, such as an end of the range, is asked for more than once."""
        if isinstance(amount, np.ndarray):
            return probe.npv({name: amount})
        if amount not in seen:
            seen[amount] = probe.npv({name: amount})
        return seen[amount]

    found = threshold.bent(net, searched) if name == RATE else threshold.crossing(net, middle, searched)
    if found is None:
        return []
    scale = units.factor(here.case, here.draws, name)
    now = Interval.of(np.asarray(here.draws[name]) / scale)
    edges: tuple[tuple[Kind, float | None, threshold.Edge], ...] = (
        ("break-even", None, threshold.break_even(net, found)),
        ("confidence", here.case.confidence, threshold.confidence(found, here.case.confidence)),
    )
    return [
        Threshold(
            kind=kind,
            candidate=row.entrant.candidate,
            lever=name,
            unit=units.unit(here.case, name),
            direction=found.direction,
            probability=probability,
            value=None if edge.value is None else edge.value / scale,
            low=None if edge.low is None else edge.low / scale,
            high=None if edge.high is None else edge.high / scale,
            now=now,
            searched=(searched[0] / scale, searched[1] / scale),
            trail=units.behind(here.case, {name, *row.taken.trail}),
        )
        for kind, probability, edge in edges
    ]
