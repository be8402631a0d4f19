"""Cash by month of one option, and its present values without the months."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from groundsill.finance.model import Model, Plan, build, common, label
from groundsill.finance.rows import Sheet, inputs_of
from groundsill.terms.draws import Draws
from groundsill.terms.forecast import Outcome
from groundsill.terms.needs import Need
from groundsill.terms.quantity import Array

__all__ = [
    "Cash",
    "Cost",
    "Model",
    "Plan",
    "Worth",
    "build",
    "cash",
    "common",
    "flows",
    "label",
    "need_costs",
    "worth",
    "worth_of",
]


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


def need_costs(model: Model, draws: Draws, parent: Sheet) -> tuple[Cost, ...]:
    """Present value of what each need costs."""
    sheet, out = model.sheet(draws, parent), list[Cost]()
    for name, (part, need) in model.needs.items():
        present = -np.broadcast_to(sheet.present(name)[0], (draws.n,))
        read = [n for n in inputs_of((model.program.rows[name],)) if n in draws]
        out.append(Cost(part, need, present, tuple(dict.fromkeys((*need.trail, *read)))))
    return tuple(out)
