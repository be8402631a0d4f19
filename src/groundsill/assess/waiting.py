"""Whether to invest now or to wait: the hurdle that value over spend must clear, from the project's own numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from groundsill.assess import units
from groundsill.assess.compare import NONE, Standing
from groundsill.assess.evaluate import World
from groundsill.assess.parts import Waiting
from groundsill.finance import cashflow, options
from groundsill.finance.model import RATE
from groundsill.terms.quantity import Array

YEAR_MONTHS = 12.0
COSTS = (0.05, 0.1, 0.2, 0.3, 0.5)  # of waiting, a year, in the table
SPREADS = (0.2, 0.4, 0.6, 0.8)  # of the value, a year, in the table
DRAWS = 2_000  # worlds in which first use is put off: the loss is a ratio of two means of the same draws
_LEAST_RATE = 1e-6  # a hurdle rate of 0 has no finite answer


def waiting(here: World, rows: Sequence[Standing]) -> tuple[Waiting, ...]:
    """One for each assessed candidate whose building costs something and whose value is above 0 on average."""
    assessed = (row for row in rows if row.status == "assessed" and row.entrant.candidate.route != NONE)
    return tuple(made for made in (_of(here, row) for row in assessed) if made is not None)


def _of(here: World, row: Standing) -> Waiting | None:
    """V: present value of all that follows the build; I: of the build. What a year of waiting costs: V is valued again
    with first use twelve months later and the same last month, delta = -ln(V later / V). How V spreads: its
    coefficient of variation over the draws as that of a log-normal, spread evenly over the period, sigma^2 T =
    ln(1 + cv^2) (the consolidated volatility of Copeland and Antikarov 2001, ch. 9). Hurdle: Dixit and Pindyck 1994.
    """
    option = row.taken
    if option.worth is None or option.model is None:
        return None
    value, spend = option.worth.operate - option.worth.build, -option.worth.build
    mean, cost = float(value.mean()), float(spend.mean())
    if mean <= 0 or cost <= 0:
        return None
    few = here.first(DRAWS)
    late = _later(few, row)
    before = float(value[: len(late)].mean())
    if before <= 0:
        return None
    delta = math.inf if late.mean() <= 0 else max(0.0, -math.log(float(late.mean()) / before))
    sigma = math.sqrt(math.log1p(float(value.var()) / mean**2) / (here.case.months / YEAR_MONTHS))
    rate = max(math.log1p(float(np.median(here.draws[RATE]))), _LEAST_RATE)
    table = tuple((d, s, float(options.hurdle(rate, d, s))) for d in COSTS for s in SPREADS)
    hurdle = 1.0 if math.isinf(delta) else float(options.hurdle(rate, delta, sigma))
    return Waiting(
        candidate=row.entrant.candidate,
        value_over_spend=mean / cost,
        cost_of_waiting=delta,
        spread=sigma,
        hurdle=hurdle,
        table=table,
        trail=units.behind(here.case, {*option.trail, RATE}),
    )


def _later(few: World, row: Standing) -> Array:
    """Value (draws,) of all that follows the build, with first use a year later."""
    model = row.taken.model
    assert model is not None  # the caller has looked
    n = few.draws.n
    own = {k: v[:n] if isinstance(v, np.ndarray) and v.ndim else v for k, v in model.own.items()}
    own["calendar_months"] = np.asarray(own["calendar_months"]) + YEAR_MONTHS
    worth = cashflow.worth_of(replace(model, own=own).sheet(few.draws, few.common), n)
    return worth.operate - worth.build
