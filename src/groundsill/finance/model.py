"""The rows of one option: when it is built, when it runs, what it earns, what each need costs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from typing import cast

import numpy as np

from groundsill.finance import costs
from groundsill.finance.charge import CostItem
from groundsill.finance.rows import (
    Expr,
    Floor,
    Input,
    Month,
    Number,
    Previous,
    Program,
    Ref,
    Row,
    inputs_of,
    maximum,
    minimum,
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

RATE = "finance.discount_rate_per_year"
GROWTH = "use.growth_per_year"
_CLASS = re.compile(r"^use\.class\.(.+)\.(value_per_right|cost_per_wrong)$")


@dataclass(frozen=True)
class Plan:
    """What all options share. months: the horizon; currency: of every price; candidate: id of the one that is valued;
    risks: name of a risk -> id of the candidate it strikes, "" for all (the word after `risk.`)."""

    months: int
    currency: str
    candidate: str = ""
    risks: Mapping[str, str] = field(default_factory=dict)

    def strikes(self, risk: str) -> bool:
        """Whether a risk (its name in the draws) costs this candidate its size, once, at first use."""
        return self.risks.get(risk.removeprefix("risk."), "") in ("", self.candidate)


@dataclass(frozen=True)
class Model:
    """One option as rows. own: the option's own numbers (amounts, calendar, quality); needs: name of a cost row ->
    (part, need); cash: names of the rows that are money in or out; trail: names of the draws that the rows read;
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

    Month t is discounted by (1 + r)^(-t / 12), r a year. Raises Problem `finance.zero_horizon`, `finance.missing_input`.
    """
    if plan.months < 1:
        raise Problem("finance.zero_horizon", got=plan.months)
    rows = [Row("discount", "finance.row_discount", "1", "driver", power(Number(1.0) + Input(RATE), -Month() / 12.0))]
    if GROWTH in draws:
        factor = power(Number(1.0) + Input(GROWTH), Month() / 12.0)
        rows.append(Row("growth", "finance.row_growth", "1", "driver", factor))
    if RATE not in draws:
        raise Problem("finance.missing_input", got=RATE)
    return Sheet(Program(rows), draws.values_by_name, plan.months)


def label(item: str, language: str) -> str:
    """The cost item's own name for a need's item. Raises Problem `finance.unknown_item`."""
    words = _item(item).LABEL
    return words.get(language, words["en"])


@cache
def _shelf() -> tuple[CostItem, ...]:
    return tuple(cast(CostItem, module) for module in shelf(costs).values())


@cache
def _item(item: str) -> CostItem:
    for file in _shelf():
        if file.takes(item):
            return file
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
    if outcome.quality is not None:
        own["quality"] = outcome.quality
    if given.per_retune and given.retune_seconds is not None:
        own["retune_months"] = np.asarray(given.retune_seconds, dtype=np.float64) / MONTH
    kinds = tuple((part, replace(need, amount=0.0, trail=())) for part, need in bought)
    struck = tuple(name for name in sorted(draws) if name.startswith("risk.") and plan.strikes(name))
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
    rows, notes = _clock(known, own, retuned), list[str]()
    rows += _volume(known, earns)
    if earns:
        rows += _benefits(known, notes)
    amounts, needs = list[str](), dict[str, int]()
    for place, (part, need) in enumerate(kinds):
        name = f"{part}.{need.item}"
        while name in needs:
            name += "+"
        amounts.append(name)
        made = _item(need.item).rows(need, part, name, known)
        _priced(made, known | own | {f"amount.{name}"}, candidate)
        rows += made
        needs |= {row.name: place for row in made}
    rows += [Row(n, "finance.row_risk", "currency", "risk", -(Input(n) * Ref("first_use"))) for n in struck]
    cash = tuple(row.name for row in rows if row.part != "driver")
    built = tuple(row.name for row in rows if row.part == "build")
    rows.append(Row("build_total", "finance.row_build_total", "currency", "total", total(Ref(name) for name in built)))
    rows.append(Row("net", "finance.row_net", "currency", "total", total(Ref(name) for name in cash)))
    parent = {"discount": True, **({"growth": True} if GROWTH in known else {})}
    read = {*inputs_of(rows), RATE, *({GROWTH} & known)} & known
    program = Program(rows, parent)
    return _Frame(program, tuple(amounts), tuple(needs.items()), cash, built, tuple(sorted(read)), tuple(notes))


def _clock(known: frozenset[str], own: frozenset[str], retuned: bool) -> list[Row]:
    """When things happen, as shares of a month, so that values are continuous in calendar time.

    The build is paid in advance: month t (from 0) pays for the time from t to t + 1. Operation is counted in arrears:
    month t holds the time from t - 1 to t. A build shorter than a month is paid in month 0 at once.
    """
    start = Input("calendar_months")
    span = maximum(start, 1.0)
    ready = minimum(1.0, maximum(Month() - start, 0.0))
    rows = [
        Row("building", "finance.row_building", "1", "driver", minimum(1.0, maximum(span - Month(), 0.0)) / span),
        Row("operating", "finance.row_operating", "1", "driver", ready),
        Row("first_use", "finance.row_first_use", "1", "driver", Ref("operating") - Previous("operating")),
    ]
    return [*rows, *_retunes(known, own)] if retuned else rows


def _retunes(known: frozenset[str], own: frozenset[str]) -> list[Row]:
    """Number k falls k periods after first use and is paid over the month that follows: continuous in calendar time."""
    if "retune_months" in own:
        every: Expr = Input("retune_months")
    elif "use.retune_months" in known:
        every = Input("use.retune_months")
    else:
        return [Row("retunes", "finance.row_retunes", "1", "driver", Number(0.0))]
    age = maximum(Month() - Input("calendar_months"), 0.0) / every
    whole = Floor(Ref("age"))
    begun = whole - 1.0 + minimum(1.0, (Ref("age") - whole) * maximum(every, 1.0))
    return [
        Row("age", "finance.row_age", "1", "driver", age),
        Row("retuned", "finance.row_retuned", "1", "driver", maximum(begun, 0.0)),
        Row("retunes", "finance.row_retunes", "1", "driver", Ref("retuned") - Previous("retuned")),
    ]


def _market(known: frozenset[str]) -> bool:
    return any(name.startswith("market.") for name in known)


def _volume(known: frozenset[str], earns: bool) -> list[Row]:
    """Requests by month: own use at `use.requests_per_month` with its growth, and what the market buys.

    Both are served. Sold = market requests x adoption x share; share = e^(w q) / (e^(w q) + rivals e^(w q_rival)), the logit form, here
    as 1 / (1 + rivals e^(w (q_rival - q))). Adoption or rivals that are not given are left out of the product.
    """
    rows = list[Row]()
    served = list[Expr]()
    if "use.requests_per_month" in known:
        pattern = Ref("growth") * Ref("operating") if GROWTH in known else Ref("operating")
        rows.append(Row("volume", "finance.row_volume", "1", "driver", pattern))
        own = Input("use.requests_per_month") * Ref("volume")
        rows.append(Row("requests_own", "finance.row_requests_own", "request", "driver", own))
        served.append(Ref("requests_own"))
    if _market(known) and earns:
        size: Expr = Input("market.requests_per_month")
        if "market.adoption" in known:
            size = size * Input("market.adoption")
        if "market.rivals" in known:
            gap = Input("market.rival_quality") - Input("quality")
            rivals = Input("market.rivals") * power(math.e, Input("market.quality_weight") * gap)
            rows.append(Row("share", "finance.row_share", "1", "driver", Number(1.0) / (rivals + 1.0)))
            size = size * Ref("share")
        rows.append(Row("requests_sold", "finance.row_requests_sold", "request", "driver", size * Ref("operating")))
        served.append(Ref("requests_sold"))
    return [*rows, Row("requests", "finance.row_requests", "request", "driver", total(served))]


def _benefits(known: frozenset[str], notes: list[str]) -> list[Row]:
    """Right decisions earn, wrong ones cost, against doing nothing; sold requests bring their price."""
    rows = list[Row]()
    if "use.requests_per_month" in known:
        classes = _classes(known, notes)
        for name, key, hit in (("value_right", "value_per_right", True), ("cost_wrong", "cost_per_wrong", False)):
            worth = _per_request(known, classes, key, hit)
            if worth is not None:
                money = worth * Ref("requests_own")
                rows.append(Row(name, f"finance.row_{name}", "currency", "benefit", money if hit else -money))
    if _market(known):
        money = Input("market.price_per_request") * Ref("requests_sold")
        rows.append(Row("revenue", "finance.row_revenue", "currency", "benefit", money))
    if not rows:
        notes.append("finance.no_benefit")
    return rows


def _classes(known: frozenset[str], notes: list[str]) -> tuple[str, ...]:
    """Classes with a value of their own and a share of the requests; a note where a share is missing."""
    named = sorted({match[1] for match in map(_CLASS.match, known) if match})
    if named and any(f"class_share.{name}" not in known for name in named):
        notes.append("finance.class_values_ignored")
        return ()
    return tuple(named)


def _per_request(known: frozenset[str], classes: tuple[str, ...], key: str, hit: bool) -> Expr | None:
    """Money of one request that is decided rightly (hit) or wrongly. A class is weighted by its share and by
    `recall.<class>` where that is given, else by the quality."""
    parts = list[Expr]()
    rest: Expr = Number(1.0)
    for name in classes:
        own = f"use.class.{name}.{key}"
        if own in known:
            right: Expr = Input(f"recall.{name}") if f"recall.{name}" in known else Input("quality")
            share = Input(f"class_share.{name}")
            parts.append(Input(own) * share * (right if hit else 1.0 - right))
            rest = rest - share
    if f"use.{key}" in known:
        quality = Input("quality") if hit else 1.0 - Input("quality")
        general = Input(f"use.{key}") * quality
        parts.append(general if isinstance(rest, Number) else general * maximum(rest, 0.0))
    return total(parts) if parts else None


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


def _priced(rows: tuple[Row, ...], known: frozenset[str], at: str) -> None:
    for name in inputs_of(rows):
        if name not in known:
            raise Problem("finance.no_price" if name.startswith("price.") else "finance.missing_input", at=at, got=name)
