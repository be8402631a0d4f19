"""From the SI of the draws back to the units of the project file, and from names to the facts behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from groundsill.project.case import Case
from groundsill.terms.draws import Draws
from groundsill.terms.run import Run


def factor(case: Case, draws: Draws, name: str) -> float:
    """What a value in the user's unit is multiplied by to be the draws' value: the unit, the exchange rate (median),
    and for `price.labels` the workers who mark each row (median)."""
    fact = case.facts.get(name)
    if fact is None:
        return 1.0
    result = fact.si_factor
    if fact.currency not in ("", case.currency) and f"fx.{fact.currency}" in draws:
        result *= float(np.median(draws[f"fx.{fact.currency}"]))
    if name == "price.labels" and "labels.workers" in draws:
        result *= float(np.median(draws["labels.workers"]))
    return result


def unit(case: Case, name: str) -> str:
    """Unit of an input as the user gave it; `1` for a quality."""
    fact = case.facts.get(name)
    return fact.unit if fact is not None else "1"


def behind(case: Case, names: Iterable[str]) -> tuple[str, ...]:
    """The names with what was folded into them when they were drawn: exchange rates, workers per label, what makes a
    fine."""
    found = set(names)
    for name in tuple(found):
        fact = case.facts.get(name)
        if fact is not None and f"fx.{fact.currency}" in case.facts and fact.currency != case.currency:
            found.add(f"fx.{fact.currency}")
        if name == "price.labels" and case.has("labels.workers"):
            found.add("labels.workers")
        if name.startswith("risk."):
            risk = name.removeprefix("risk.")
            folded = (f"{key}.{risk}" for key in ("recurring", "turnover_share", "part", "lower"))
            found |= {n for n in (*folded, *_turnover(case, risk)) if case.has(n)}
    return tuple(sorted(found))


def _turnover(case: Case, risk: str) -> tuple[str, ...]:
    return ("finance.turnover_per_year",) if case.has(f"turnover_share.{risk}") else ()


def runs_of(case: Case) -> Mapping[str, Run]:
    """Every run of the case by id."""
    return {run.id: run for group in (case.published, case.own, *(e.runs for e in case.entrants)) for run in group}
