"""The rows of one option: when it is built, when it runs, what it earns, what each need costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import cast

import numpy as np

from groundsill.finance import charge, costs, events, paths, taxes
from groundsill.finance.benefits import benefits, volume
from groundsill.finance.charge import CostItem, CostLine
from groundsill.finance.clock import END, clock
from groundsill.finance.rows import (
    Expr,
    Floor,
    Input,
    Month,
    Number,
    Program,
    Ref,
    Row,
    inputs_of,
    maximum,
    power,
    total,
)
from groundsill.finance.sheet import Sheet
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need, Needs
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import MONTH, Quantity
from groundsill.terms.shelf import shelf

RATE, GROWTH, TIMING = charge.RATE, charge.GROWTH, "finance.year_end"

STRUCTURE = (RATE, GROWTH, TIMING, paths.NOMINAL, taxes.CARRY)  # inputs that shape the rows, or stand in `common`


@dataclass(frozen=True)
class Plan:
    """What all options share. months: the horizon; currency: of every price; candidate: id of the one that is valued;
    risks: name of a risk -> id of the candidate it strikes, "" for all (the word after `risk.`)."""

    months: int
    currency: str
    candidate: str = ""
    risks: Mapping[str, str] = field(default_factory=dict)

    def strikes(self, risk: str) -> bool:
        """Whether a risk (its name in the draws) costs this candidate its size when it comes."""
        return self.risks.get(risk.removeprefix("risk."), "") in ("", self.candidate)


@dataclass(frozen=True)
class Model:
    """One option as rows. own: the option's own numbers (amounts, calendar, quality); needs: name of a cost row ->
    (part, need); cash: names of the rows that are money in or out; trail: names of the facts that the rows read;
    notes: codes of what was left out."""

    program: Program
    own: Mapping[str, Quantity]
    needs: Mapping[str, tuple[str, Need]]
    cash: tuple[str, ...]
    build: tuple[str, ...]
    trail: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def part(self, start: int, stop: int) -> Model:
        """The same option in some of the draws."""
        own = {k: v[start:stop] if isinstance(v, np.ndarray) and v.ndim else v for k, v in self.own.items()}
        return replace(self, own=own)

    def sheet(self, draws: Draws, parent: Sheet) -> Sheet:
        """The rows over these draws. `parent` comes from `common` with the same draws."""
        return Sheet(self.program, {**draws.values_by_name, **self.own}, parent.months, parent)


def common(draws: Draws, plan: Plan) -> Sheet:
    """Rows that all options share: growth and discount factors by month.

    Month t is discounted by (1 + r)^(-t / 12), r a year; with `finance.year_end` (1, or 0.5 for the middle) as if all of a
    year came at its end, or in its middle: (1 + r)^-(year - 1 + that), the year counted from 1. Month 0 is not discounted. Raises Problem `finance.zero_horizon`, `finance.missing_input`.
    """
    if plan.months < 1:
        raise Problem("finance.zero_horizon", got=plan.months)
    rows = [Row("discount", "finance.row_discount", "1", "driver", power(Number(1.0) + Input(RATE), _time(draws)))]
    if GROWTH in draws:
        factor = power(Number(1.0) + Input(GROWTH), Month() / 12.0)
        rows.append(Row("growth", "finance.row_growth", "1", "driver", factor))
    if RATE not in draws:
        raise Problem("finance.missing_input", got=RATE)
    return Sheet(Program(rows), draws.values_by_name, plan.months)


def _time(draws: Draws) -> Expr:
    """Minus the years by which a month is discounted."""
    if TIMING not in draws:
        return -Month() / 12.0
    year = -Floor(-Month() / 12.0)  # rounded up
    return -maximum(year - 1.0 + Input(TIMING), 0.0)


def label(item: str, language: str) -> str:
    """The cost item's own name for a need's item. Raises Problem `finance.unknown_item`."""
    words = _item(item).LABEL
    return words.get(language, words["en"])


@cache
def _lines() -> tuple[CostLine, ...]:
    return tuple(cast(CostLine, module) for module in shelf(costs).values() if hasattr(module, "asked"))


@cache
def _item(item: str) -> CostItem:
    for module in shelf(costs).values():
        if hasattr(module, "takes") and module.takes(item):
            return cast(CostItem, module)
    raise Problem("finance.unknown_item", got=item)


def build(outcome: Outcome, draws: Draws, plan: Plan, *, earns: bool = True) -> Model:
    """The rows of `outcome`.

    earns=False leaves the benefits out (for an option of unknown quality). Raises Problem `finance.quality_unknown`,
    `finance.no_price`, `finance.unknown_item`, `finance.missing_input`.
    """
    if earns and outcome.quality is None:
        raise Problem("finance.quality_unknown", at=plan.candidate)
    given, bought = outcome.needs, _merged(outcome.needs)
    own: dict[str, Quantity] = {"calendar_months": np.maximum(np.asarray(given.calendar_seconds), 0.0) / MONTH}
    own[END] = float(plan.months)
    if outcome.quality is not None:
        own["quality"] = outcome.quality
    if given.per_retune and given.retune_seconds is not None:
        own["retune_months"] = np.asarray(given.retune_seconds, dtype=np.float64) / MONTH
    kinds = tuple((part, replace(need, amount=0.0, trail=())) for part, need in bought)
    struck = tuple(name for name in events.names(frozenset(draws)) if plan.strikes(name))
    frame = _frame(kinds, frozenset(draws), frozenset(own), struck, plan.candidate, earns, bool(given.per_retune))
    own |= {f"amount.{name}": need.amount for name, (_, need) in zip(frame.amounts, bought, strict=True)}
    needs = {name: bought[place] for name, place in frame.needs}
    return Model(frame.program, own, needs, frame.cash, frame.built, frame.trail, frame.notes)


@dataclass(frozen=True)
class _Frame:
    """A Model without its numbers. amounts: first row of each need; needs: cost row and the place of its need."""

    program: Program
    amounts: tuple[str, ...]
    needs: tuple[tuple[str, int], ...]
    cash: tuple[str, ...]
    built: tuple[str, ...]
    trail: tuple[str, ...]
    notes: tuple[str, ...]


@lru_cache(256)
def _frame(
    kinds: tuple[tuple[str, Need], ...],
    known: frozenset[str],
    own: frozenset[str],
    struck: tuple[str, ...],
    candidate: str,
    earns: bool,
    retuned: bool,
) -> _Frame:
    """Which rows there are hangs on names alone, and a threshold is searched with hundreds of other numbers: kept.

    kinds: (part, need without its amount); own: names of the option's own numbers; struck: the risks that strike it.
    """
    rows, notes = clock(known, own, retuned), list[str]()
    rows += volume(known, earns)
    if earns:
        rows += benefits(known, notes)
    amounts, needs = list[str](), dict[str, int]()
    for place, (part, need) in enumerate(kinds):
        name = f"{part}.{need.item}"
        while name in needs:
            name += "+"
        amounts.append(name)
        made = _item(_priced_as(need.item, known)).rows(need, part, name, known)
        _priced(made, known | own | {f"amount.{name}"}, candidate)
        rows += made
        needs |= {row.name: place for row in made}
    rows += events.rows(struck, known)
    rows += _asked(rows, known, candidate)
    notes += _unclassed(rows, known, candidate)
    rows += taxes.left(known)
    rows += taxes.marks(rows)
    cash = [row for row in rows if row.part != "driver"]
    rows += taxes.tax(cash, known)
    built = tuple(row.name for row in cash if row.part == "build")
    rows += _totals(cash, built, known)
    rows += paths.wanted(rows, known)
    cash += [row for row in rows if row.part == "tax"]
    parent = {"discount": True, **({"growth": True} if GROWTH in known else {})}
    read = {name.partition("#")[0] for name in {*inputs_of(rows), *STRUCTURE} & known}
    program = Program(rows, parent)
    return _Frame(
        program,
        tuple(amounts),
        tuple(needs.items()),
        tuple(r.name for r in cash),
        built,
        tuple(sorted(read)),
        tuple(notes),
    )


def _priced_as(item: str, known: frozenset[str]) -> str:
    """Hours on machines that are bought, but not by number, carry their part of the price."""
    head, _, id = item.partition(":")
    bought = head == "accelerator" and f"price.owned:{id}" in known and f"owned.{id}.count" not in known
    return f"owned:{id}" if bought else item


def _asked(rows: Sequence[Row], known: frozenset[str], candidate: str) -> list[Row]:
    """Rows that the project asks for without a need. Each file sees those of needs and risks."""
    there = {row.name: row for row in rows if row.part != "driver"}
    out = list[Row]()
    for file in _lines():
        out += file.asked(known, candidate, there)
    return out


def _unclassed(rows: Sequence[Row], known: frozenset[str], candidate: str) -> list[str]:
    """A note where duties by law are given, but the compute that decides on them is not known."""
    duties = any(name.startswith(("compliance.gpai", "compliance.systemic")) for name in known)
    trains = candidate.startswith(("pretrain", "tune/", "continue/"))
    unknown = duties and trains and all(row.name != "class_gpai" for row in rows)
    return ["finance.class_unknown"] if unknown else []


def _totals(cash: Sequence[Row], built: tuple[str, ...], known: frozenset[str]) -> list[Row]:
    """`build_total` (with the tax that it saves), `costs` before tax, `net` after."""
    taxed = taxes.RATE in known
    saved = [Ref("tax_build")] if taxed and taxes.CARRY not in known else []
    spent = [Ref(row.name) for row in cash if row.part != "benefit"]
    whole = [Ref(row.name) for row in cash] + ([Ref("tax")] if taxed else [])
    build = total([*(Ref(name) for name in built), *saved])
    return [
        Row("build_total", "finance.row_build_total", "currency", "total", build),
        Row("costs", "finance.row_costs", "currency", "total", total(spent)),
        Row("net", "finance.row_net", "currency", "total", total(whole)),
    ]


def _merged(needs: Needs) -> list[tuple[str, Need]]:
    """All needs with their part. Within a part, needs for one item with one `shared` key are bought once: the larger."""
    out = dict[tuple[object, ...], tuple[str, Need]]()
    for part, group in needs.parts().items():
        for place, need in enumerate(group):
            if not np.any(np.asarray(need.amount) > need.owned):
                continue
            key = (part, need.item, need.shared) if need.shared else (part, need.item, place, "")
            if key in out:
                other = out[key][1]
                amount = np.maximum(other.amount, need.amount)
                trail = tuple(dict.fromkeys(other.trail + need.trail))
                owned = max(other.owned, need.owned)
                need = Need(need.item, amount, need.unit, need.shared, owned, trail)
            out[key] = (part, need)
    return list(out.values())


def _priced(rows: Sequence[Row], known: frozenset[str], at: str) -> None:
    for name in inputs_of(rows):
        if name not in known:
            raise Problem("finance.no_price" if name.startswith("price.") else "finance.missing_input", at=at, got=name)
