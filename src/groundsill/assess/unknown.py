"""A candidate of unknown quality: at which quality it would be the best option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groundsill.assess.compare import Standing
from groundsill.assess.evaluate import World
from groundsill.assess.sensitivity import DRAWS
from groundsill.finance import cashflow
from groundsill.finance.sheet import Sheet
from groundsill.terms.needs import Needs
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly, Quantity

_STEPS = 20  # halvings of [chance, 1]: to one part in a million


def wins_at(here: World, row: Standing, rows: Sequence[Standing]) -> float | None:
    """Smallest constant quality in [chance, 1] at which its mean NPV is above that of every other option, `none`
    included; None if that is so at none, or if its value does not rise with quality."""
    small = here.first(DRAWS)
    n = small.draws.n
    others = [other for other in rows if other.status == "assessed" and other.entrant.candidate.route != "none"]
    best_other = max([0.0, *(float(other.npv[:n].mean()) for other in others)])
    models, sheets = list[cashflow.Model](), list[Sheet]()
    for option in row.options:
        if option.outcome is not None and option.problem is None:
            needs = _cut(option.outcome.needs, n)
            assumed = replace(option.outcome, quality=np.ones(n), needs=needs)
            try:
                models.append(cashflow.build(assumed, small.draws, replace(small.plan, candidate=row.id)))
            except Problem:
                continue
            sheets.append(models[-1].sheet(small.draws, small.common))
            cashflow.worth_of(sheets[-1], n)

    def wins(quality: float) -> bool:
        pinned = [
            replace(model, own={**model.own, "quality": quality}).sheet(small.draws, small.common) for model in models
        ]
        known = [sheet.reuse(before) for sheet, before in zip(pinned, sheets, strict=True)]
        return max(float(cashflow.worth_of(sheet, n).operate.mean()) for sheet in known) > best_other

    chance = row.entrant.anchor.chance
    low = chance.value.median if chance is not None and isinstance(chance.value, Exactly) else 0.0
    high = 1.0
    if not models or not wins(high):
        return None
    if wins(low):
        return low
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if wins(middle) else (middle, high)
    return high


def _cut(needs: Needs, n: int) -> Needs:
    """The first `n` draws of the amounts."""

    def first(amount: Quantity) -> Quantity:
        return amount[:n] if isinstance(amount, np.ndarray) and amount.ndim else amount

    build, per_request, per_month, per_retune = (
        tuple(replace(need, amount=first(need.amount)) for need in group) for group in needs.parts().values()
    )
    again = None if needs.retune_seconds is None else first(needs.retune_seconds)
    return Needs(build, per_request, per_month, per_retune, first(needs.calendar_seconds), again)
