"""From a fitted candidate to net present values: all choices at once, and one choice again with changed inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from groundsill.assess.fit import Fitted
from groundsill.finance import cashflow
from groundsill.finance.cashflow import Block, Model, Plan, Worth
from groundsill.finance.model import GROWTH, RATE
from groundsill.finance.sheet import Sheet
from groundsill.project.case import Case
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Choice, Forecast, Outcome
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Quantity


class Watched(Mapping[str, Quantity]):
    """Values by name that remember which names were read, so that untouched candidates need not be forecast again."""

    def __init__(self, values: Mapping[str, Quantity]) -> None:
        self._values = values
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> Quantity:
        self.read.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str):
            self.read.add(name)
        return name in self._values


@dataclass(frozen=True)
class World:
    """Draws with the plan and the rows that all options share. size: of a group of draws that is valued at a time, 0 for
    the usual one; all at once keep what they found for the next change."""

    case: Case
    draws: Draws
    plan: Plan
    common: Sheet
    size: int = 0

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """The draws in groups, each with the rows that all options share."""
        return cashflow.blocks(self.draws, self.plan, self.common, self.size)

    def first(self, n: int) -> World:
        """The same over the first draws, at most `n`."""
        block = self.blocks[0]
        if n == block.stop:  # its growth and discount factors are there already
            return World(self.case, block.draws, self.plan, block.common)
        return self if n >= self.draws.n else self.with_draws(self.draws.first(n))

    def with_draws(self, draws: Draws) -> World:
        """The same over other draws."""
        return World(self.case, draws, self.plan, cashflow.common(draws, self.plan))

    def changed(self, changes: Mapping[str, Quantity]) -> World:
        """The same with some inputs replaced; growth and discount are computed again only if they change."""
        draws = replace(self.draws, values_by_name={**self.draws.values_by_name, **changes})
        if {RATE, GROWTH} & set(changes):
            return replace(self, draws=draws, common=cashflow.common(draws, self.plan).reuse(self.common))
        return replace(self, draws=draws)


def world(case: Case, draws: Draws) -> World:
    """Raises Problem `finance.zero_horizon`, `finance.missing_input` (no discount rate)."""
    risks = {n.removeprefix("risk."): c for n, c in case.names.items() if n.startswith("risk.")}
    plan = Plan(case.months, case.currency, risks=risks)
    return World(case, draws, plan, cashflow.common(draws, plan))


@dataclass(frozen=True)
class Option:
    """One choice of one candidate. problem: why it has no value (too far from what was measured, no price). read: names
    of the draws that its route looked at; trail: facts and runs behind needs, quality and cash; sheet: of the model over
    all draws, it knows the present values of all rows."""

    choice: Choice
    outcome: Outcome | None
    model: Model | None
    worth: Worth | None
    problem: Problem | None
    read: frozenset[str]
    trail: tuple[str, ...]
    sheet: Sheet | None = None


def options(here: World, row: Fitted, *, choices: tuple[Choice, ...] | None = None) -> tuple[Option, ...]:
    """All choices of a candidate (or those named), valued. Without a quality only the cost rows are there.

    Raises Problem of the route where not even needs can be forecast.
    """
    drafts = _drafts(here, row, choices)
    models = [draft.model for draft in drafts if draft.model is not None]
    made = iter(cashflow.sheets(models, here.draws, here.common, here.blocks))
    return tuple(draft if draft.model is None else _valued(draft, next(made), here.draws.n) for draft in drafts)


def options_again(here: World, row: Fitted, before: Sequence[Option], changed: frozenset[str]) -> tuple[Option, ...]:
    """The same options with the inputs `changed` at what they are `here`; only rows that read them are valued.

    before: as `options` found them over as many draws, valued all at once. Raises as `options`."""
    drafts: Sequence[Option] = before
    if any(changed & option.read for option in before):
        drafts = _drafts(here, row, tuple(option.choice for option in before))
    out = list[Option]()
    for draft, was in zip(drafts, before, strict=True):
        if draft.model is None or (draft is was and changed.isdisjoint(draft.model.trail)):
            out.append(draft)
            continue
        sheet = draft.model.sheet(here.draws, here.common)
        out.append(_valued(draft, sheet if was.sheet is None else sheet.reuse(was.sheet), here.draws.n))
    return tuple(out)


def _drafts(here: World, row: Fitted, choices: tuple[Choice, ...] | None) -> list[Option]:
    """Options with what their route says of them, not valued yet."""
    watched = Watched(here.draws.values_by_name)
    seen = replace(here, draws=replace(here.draws, values_by_name=watched))
    found = forecast(seen, row, choices)
    read = frozenset(watched.read | ({row.own} if row.own else set()))
    return [_draft(here, row, outcome, read) for outcome in found.outcomes]


def _valued(draft: Option, sheet: Sheet, n: int) -> Option:
    return replace(draft, worth=cashflow.worth_of(sheet, n), sheet=sheet)


def forecast(here: World, row: Fitted, choices: tuple[Choice, ...] | None = None) -> Forecast:
    """What the route says of all choices, or of those named; quality cut to as many draws as there are."""
    entrant = row.entrant if choices is None else replace(row.entrant, choices=choices)
    found = row.route.forecast(here.case, entrant, here.draws, row.curve)
    n = here.draws.n
    return Forecast(
        found.candidate,
        tuple(
            o if o.quality is None or len(o.quality) == n else replace(o, quality=o.quality[:n]) for o in found.outcomes
        ),
    )


def built(here: World, row: Fitted, outcome: Outcome) -> Model:
    """The rows of an outcome."""
    return cashflow.build(outcome, here.draws, replace(here.plan, candidate=row.id), earns=outcome.quality is not None)


def _draft(here: World, row: Fitted, outcome: Outcome, read: frozenset[str]) -> Option:
    """The option with its rows, not valued yet."""
    trail = list(row.curve.trail) if row.curve is not None else []
    trail += [row.own] if row.own else []
    for group in outcome.needs.parts().values():
        for need in group:
            trail += need.trail
    problem, model = outcome.problem, None
    if problem is None:
        try:
            model = built(here, row, outcome)
        except Problem as refusal:
            problem = refusal
    elif not isinstance(problem, Problem):
        raise problem
    names = _once([*trail, *(model.trail if model is not None else ())])
    return Option(
        outcome.choice, outcome, model, None, None if problem is None else problem.located(row.id), read, names
    )


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))


class Probe:
    """One choice of one candidate over a few draws, valued again and again with inputs changed."""

    def __init__(self, here: World, row: Fitted, choice: Choice, option: Option | None = None) -> None:
        """option: the choice as it was valued over the same draws, if it was."""
        self.here, self.row, self.choice = here, row, choice
        option = options(here, row, choices=(choice,))[0] if option is None else option
        if option.model is None or option.outcome is None or option.outcome.quality is None or option.sheet is None:
            raise option.problem or Problem("assess.no_value", at=row.id)
        self.model, self.read, self._sheet = option.model, option.read, option.sheet
        worth = cashflow.worth_of(self._sheet, here.draws.n)
        self.built, self.base = worth.build, worth.operate

    @property
    def uses(self) -> frozenset[str]:
        """Names of all inputs that can move this value."""
        return self.read | frozenset(self.model.trail)

    def npv(self, changes: Mapping[str, Quantity], quality: Quantity | None = None) -> Array:
        """NPV (draws,) with some inputs, or the quality, replaced. NaN where the route then refuses."""
        if not frozenset(changes) & self.uses and quality is None:
            return self.base
        sheet = self._changed(changes, quality)
        n = self.here.draws.n
        return np.full(n, np.nan) if sheet is None else np.broadcast_to(sheet.present("net")[0], (n,))

    def worth(self, changes: Mapping[str, Quantity], quality: Quantity | None = None) -> tuple[Array, Array]:
        """The same, with the value if stopped after the build before it."""
        if not frozenset(changes) & self.uses and quality is None:
            return self.built, self.base
        sheet = self._changed(changes, quality)
        if sheet is None:
            nothing = np.full(self.here.draws.n, np.nan)
            return nothing, nothing
        found = cashflow.worth_of(sheet, self.here.draws.n)
        return found.build, found.operate

    def _changed(self, changes: Mapping[str, Quantity], quality: Quantity | None) -> Sheet | None:
        """The rows with some inputs, or the quality, replaced; None where the route then refuses."""
        here, model = self.here.changed(changes), self.model
        if frozenset(changes) & self.read:
            try:
                again = forecast(here, self.row, (self.choice,)).outcomes[0]
                if again.problem is not None or again.quality is None:
                    return None
                model = built(here, self.row, again)
            except Problem:
                return None
        if quality is not None:
            model = replace(model, own={**model.own, "quality": quality})
        return model.sheet(here.draws, here.common).reuse(self._sheet)


def with_class_shares(case: Case, draws: Draws) -> Draws:
    """Shares of the classes as the data card counted them, where money is given by class and no share is bound."""
    if case.card is None or not any(name.startswith("use.class.") for name in draws):
        return draws
    total = sum(case.card.classes.values())
    shares = {f"class_share.{name}": rows / total for name, rows in case.card.classes.items()}
    return replace(draws, values_by_name={**shares, **draws.values_by_name})
