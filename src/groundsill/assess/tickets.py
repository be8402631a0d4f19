"""Entry ticket: what a newcomer must be able to bring before the first return."""

from __future__ import annotations

import numpy as np

from groundsill.assess.assessment import Ticket
from groundsill.assess.compare import Standing
from groundsill.terms.needs import Need
from groundsill.terms.quantity import Array, Quantity


def ticket(row: Standing, trough: Array, probability: float) -> Ticket:
    """Amounts that suffice with `probability`: quantiles of the build needs (owned ones too: a newcomer has none), of
    the deepest trough of cumulative cash, and of the time to first use. trough: (draws,), 0 or below."""
    outcome = row.taken.outcome
    build = outcome.needs.build if outcome is not None else ()

    def enough(prefix: str) -> float | None:
        found = [need for need in build if need.item == prefix or need.item.startswith(f"{prefix}:")]
        return _quantile(_sum(found), probability) if found else None

    calendar = outcome.needs.calendar_seconds if outcome is not None else 0.0
    return Ticket(
        candidate=row.entrant.candidate,
        probability=probability,
        accelerator_seconds=enough("accelerator"),
        labels=enough("labels"),
        tokens=enough("tokens"),
        staff_seconds=enough("staff"),
        capital=_quantile(-trough, probability),
        calendar_seconds=_quantile(calendar, probability),
        trail=row.taken.trail,
    )


def _sum(needs: list[Need]) -> Quantity:
    """Needs for one thing under one shared key are met by the largest of them."""
    shared = dict[tuple[str, str], Quantity]()
    alone: Quantity = 0.0
    for need in needs:
        if need.shared:
            key = (need.item, need.shared)
            shared[key] = np.maximum(shared.get(key, 0.0), need.amount)
        else:
            alone = alone + need.amount
    for amount in shared.values():
        alone = alone + amount
    return alone


def _quantile(amounts: Quantity, probability: float) -> float:
    return float(np.quantile(np.atleast_1d(np.asarray(amounts, dtype=np.float64)), probability)) + 0.0
