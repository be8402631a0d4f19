"""Cash by month of one option, and its present values without the months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from groundsill.finance.model import Model, Plan, build, common, label
from groundsill.finance.rows import inputs_of
from groundsill.finance.sheet import Sheet
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need
from groundsill.terms.quantity import Array

__all__ = [
    "Block",
    "Cash",
    "Cost",
    "Model",
    "Monthly",
    "Plan",
    "Worth",
    "blocks",
    "build",
    "cash",
    "common",
    "flows",
    "label",
    "monthly",
    "need_costs",
    "sheets",
    "unit_cost",
    "worth",
    "worth_of",
]
BLOCK = 8_192  # draws that are valued at a time: their numbers stay in a processor's cache from row to row


@dataclass(frozen=True)
class Cash:
    """rows: name -> money by month (draws, months + 1), costs negative; net: their sum. Month 0 is the decision.
    drivers: rows that are not money (requests, share of the month in operation). trail, notes: see Model."""

    rows: Mapping[str, Array]
    net: Array
    drivers: Mapping[str, Array]
    trail: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Cost:
    """Present value (draws,) of what one need costs, positive. Its trail holds the names of the draws it rests on."""

    part: str
    need: Need
    present: Array
    trail: tuple[str, ...]


@dataclass(frozen=True)
class Worth:
    """Net present values (draws,): if stopped after the build, and if carried through."""

    build: Array
    operate: Array


@dataclass(frozen=True)
class Block:
    """The draws from `start` up to before `stop`, and `common` of them."""

    start: int
    stop: int
    draws: Draws
    common: Sheet


@dataclass(frozen=True)
class Monthly:
    """Cash by month of some draws. net: (months + 1, draws); means: row that is money -> mean by month (months + 1,)."""

    net: Array
    means: Mapping[str, Array]


def cash(outcome: Outcome, draws: Draws, plan: Plan) -> Cash:
    """Cash of `outcome` by month over `draws`. Raises as `model.build` and `model.common` do."""
    return flows(build(outcome, draws, plan), draws, common(draws, plan))


def flows(model: Model, draws: Draws, parent: Sheet) -> Cash:
    """The same from a model that is built already. parent: `common` of the same draws."""
    sheet = model.sheet(draws, parent)
    shape = (parent.months + 1, draws.n)

    def whole(name: str) -> Array:
        return np.broadcast_to(sheet.value(name), shape).T

    drivers = {name: whole(name) for name, row in model.program.rows.items() if row.part == "driver"}
    rows = {name: whole(name) for name in model.cash}
    return Cash(rows, whole("net"), drivers, model.trail, model.notes)


def worth(model: Model, draws: Draws, parent: Sheet) -> Worth:
    """Net present values of a model, by pushing the discounting into the rows. Equal to `value.npv` of `flows`."""
    return worth_of(model.sheet(draws, parent), draws.n)


def worth_of(sheet: Sheet, n: int) -> Worth:
    """The same from a model's sheet over `n` draws."""
    first, last = (np.broadcast_to(sheet.present(name)[0], (n,)) for name in ("build_total", "net"))
    return Worth(first, last)


def blocks(draws: Draws, plan: Plan, parent: Sheet, size: int = 0) -> tuple[Block, ...]:
    """The draws in groups of `size`, BLOCK if 0. parent: `common` of all of them, which serves if they are one group."""
    size = size or BLOCK
    if draws.n <= size:
        return (Block(0, draws.n, draws, parent),)
    cuts = [(start, min(start + size, draws.n)) for start in range(0, draws.n, size)]
    parts = [(start, stop, draws.part(start, stop)) for start, stop in cuts]
    return tuple(Block(start, stop, some, common(some, plan)) for start, stop, some in parts)


def sheets(models: Sequence[Model], draws: Draws, parent: Sheet, parts: Sequence[Block]) -> tuple[Sheet, ...]:
    """Sheets of options over all draws that know what they are worth, and find all else in blocks of the draws when it is
    asked for. parts: `blocks` of the draws."""
    found: list[list[Worth]] = [[] for _ in models]
    for part in parts:
        some = _sheets_in(models, part)
        if len(parts) == 1:
            return some
        for worths, sheet in zip(found, some, strict=True):
            worths.append(worth_of(sheet, part.stop - part.start))
    return tuple(_whole(m, draws, parent, parts, worths) for m, worths in zip(models, found, strict=True))


def _sheets_in(models: Sequence[Model], part: Block) -> tuple[Sheet, ...]:
    """The same in one block. An option takes over from the one before what is the same, such as the calendar."""
    out = list[Sheet]()
    for model in models:
        sheet = _part(model, part)
        if out:
            sheet.reuse(out[-1])
        worth_of(sheet, part.draws.n)
        out.append(sheet)
    return tuple(out)


def _part(model: Model, part: Block) -> Sheet:
    return model.part(part.start, part.stop).sheet(part.draws, part.common)


def _whole(model: Model, draws: Draws, parent: Sheet, parts: Sequence[Block], worths: Sequence[Worth]) -> Sheet:
    """A sheet over all draws that knows its worth, from the blocks' worths. Its blocks are made once, if ever."""

    @cache
    def made() -> tuple[tuple[Sheet, int], ...]:
        return tuple((_part(model, part), part.stop - part.start) for part in parts)

    known = {
        "build_total": np.concatenate([worth.build for worth in worths])[None, :],
        "net": np.concatenate([worth.operate for worth in worths])[None, :],
    }
    return model.sheet(draws, parent).over(made).know(known)


def monthly(model: Model, part: Block) -> Monthly:
    """Cash by month of an option in one block of the draws: as `flows`, without keeping every row in every draw."""
    sheet = _part(model, part)
    net = np.broadcast_to(sheet.monthly("net"), (part.common.months + 1, part.draws.n))
    return Monthly(net, {name: sheet.means(name, part.draws.n) for name in model.cash})


def unit_cost(sheet: Sheet, n: int) -> Array:
    """Cost of one request (draws,), in money of the decision day: present value of all costs before tax over the present
    value of all requests, so that a sale at this price just pays them. NaN where nothing is served."""
    costs, served = (np.broadcast_to(sheet.present(name)[0], (n,)) for name in ("costs", "requests"))
    return np.asarray(np.divide(-costs, served, out=np.full(n, np.nan), where=served > 0))


def need_costs(model: Model, draws: Draws, sheet: Sheet) -> tuple[Cost, ...]:
    """Present value of what each need costs. sheet: of the model over the same draws."""
    out = list[Cost]()
    for name, (part, need) in model.needs.items():
        present = -np.broadcast_to(sheet.present(name)[0], (draws.n,))
        read = [n for n in inputs_of((model.program.rows[name],)) if n in draws]
        out.append(Cost(part, need, present, tuple(dict.fromkeys((*need.trail, *read)))))
    return tuple(out)
