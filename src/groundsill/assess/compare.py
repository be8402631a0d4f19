"""Candidates side by side: the best choice of each, and how often each is the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from groundsill.assess.assessment import Status
from groundsill.assess.evaluate import Option, World, options
from groundsill.assess.fit import Fitted
from groundsill.finance import cashflow
from groundsill.finance.model import RATE
from groundsill.project.case import Case, Entrant
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Needs
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

NONE = "none"


@dataclass(frozen=True)
class Standing:
    """One candidate with its valued choices. best: index into `options` of the choice taken, None if there is none;
    p_target: of each option, None where there is no target or no quality."""

    entrant: Entrant
    status: Status
    fitted: Fitted | None
    options: tuple[Option, ...]
    p_target: tuple[float | None, ...]
    best: int | None
    problem: Problem | None

    @property
    def id(self) -> str:
        """Id of the candidate."""
        return self.entrant.candidate.id

    @property
    def taken(self) -> Option:
        """The choice taken. Raises Problem `assess.no_value` if there is none."""
        if self.best is None:
            raise Problem("assess.no_value", at=self.id)
        return self.options[self.best]

    @property
    def taken_p_target(self) -> float | None:
        """Chance of reaching the target with the choice taken."""
        return None if self.best is None else self.p_target[self.best]

    @property
    def npv(self) -> Array:
        """NPV (draws,) of the choice taken."""
        worth = self.taken.worth
        if worth is None:
            raise Problem("assess.no_value", at=self.id)
        return worth.operate


def has_target(case: Case) -> bool:
    """Whether a quality is asked for. A target of 0 or less asks for nothing."""
    return math.isfinite(case.target) and case.target > 0


def p_reach(case: Case, entrant: Entrant, quality: Array | None) -> float | None:
    """Chance that the quality reaches the target; None without a target or without a quality."""
    if quality is None or not has_target(case):
        return None
    good = quality >= case.target if entrant.anchor.higher_is_better else quality <= case.target
    return float(np.mean(good))


def standing(here: World, row: Fitted) -> Standing:
    """Value every choice of one candidate and take the best: the largest mean NPV among the choices that reach the
    target with the asked confidence, or, if none does, among all (`p_target` then says so)."""
    case, entrant = here.case, row.entrant
    if entrant.candidate.route == NONE:
        return _nothing(here, row)
    problem = row.problem
    if problem is None and not entrant.anchor.higher_is_better:
        problem = Problem("assess.metric_falls", at=row.id, got=case.metric)
    if problem is not None:
        return Standing(entrant, "refused", row, (), (), None, problem)
    try:
        found = options(here, row)
    except Problem as refusal:
        return Standing(entrant, "refused", row, (), (), None, refusal.located(row.id))
    return chosen(case, row, found)


def chosen(case: Case, row: Fitted, found: tuple[Option, ...]) -> Standing:
    """The best of the valued choices, as `standing` says."""
    entrant = row.entrant
    chances = tuple(p_reach(case, entrant, _quality(o)) for o in found)
    priced = [i for i, option in enumerate(found) if option.worth is not None]
    valued = [i for i in priced if _quality(found[i]) is not None]
    if not priced:
        why = next((o.problem for o in found if o.problem), Problem("assess.no_choice", at=row.id))
        return Standing(entrant, "refused", row, found, chances, None, why)
    if not valued:
        cheapest = max(priced, key=lambda i: _mean(found[i]))
        return Standing(entrant, "unknown", row, found, chances, cheapest, None)
    able = [i for i in valued if _able(case, chances[i])]
    best = max(able or valued, key=lambda i: _mean(found[i]))
    return Standing(entrant, "assessed", row, found, chances, best, None)


def _able(case: Case, chance: float | None) -> bool:
    """Whether the target is reached surely enough; always where none is set."""
    return chance is None or chance >= case.confidence


def _quality(option: Option) -> Array | None:
    return option.outcome.quality if option.outcome is not None else None


def _nothing(here: World, row: Fitted) -> Standing:
    """Doing nothing: no needs, no benefit, no risk, worth 0."""
    outcome = Outcome({}, None, Needs(), {})
    model = cashflow.build(
        outcome, Draws({RATE: here.draws[RATE]}, here.draws.n, here.draws.seed), here.plan, earns=False
    )
    sheet = cashflow.sheets([model], here.draws, here.common, here.blocks)[0]
    option = Option({}, outcome, model, cashflow.worth_of(sheet, here.draws.n), None, frozenset(), (), sheet)
    return Standing(row.entrant, "assessed", row, (option,), (None,), 0, None)


def _mean(option: Option) -> float:
    return float(option.worth.operate.mean()) if option.worth is not None else -math.inf


def p_best(rows: Sequence[Standing], n: int) -> dict[str, float]:
    """Share of draws in which each assessed candidate's choice is worth most; `none`, worth 0, wins ties, then the id."""
    ordered = sorted((row for row in rows if row.status == "assessed"), key=lambda row: row.id)
    matrix = np.column_stack([np.zeros(n), *(row.npv for row in ordered)])
    counts = np.bincount(matrix.argmax(axis=1), minlength=matrix.shape[1]) / n
    return dict(zip((NONE, *(row.id for row in ordered)), map(float, counts), strict=True))


def contenders(case: Case, rows: Sequence[Standing]) -> tuple[Standing, ...]:
    """Candidates that may be recommended: assessed ones that reach the target with the asked confidence; all assessed
    ones if none does. Largest mean NPV first, ties by id."""
    assessed = [row for row in rows if row.status == "assessed"]
    able = [row for row in assessed if _able(case, row.taken_p_target)]
    return tuple(sorted(able or assessed, key=lambda row: (-float(row.npv.mean()), row.id)))
