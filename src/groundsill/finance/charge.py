"""How a need becomes a row of money: what is bought, times its price, times how often. Shared by all cost items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from groundsill.finance.paths import along
from groundsill.finance.rows import Expr, Input, Ref, Row, maximum
from groundsill.terms.needs import Need

RATE = "finance.discount_rate_per_year"
GROWTH = "use.growth_per_year"
DRIVER: Mapping[str, str] = {
    "build": "building",
    "per_request": "requests",
    "per_month": "operating",
    "per_retune": "retunes",
}
Rows = Mapping[str, Row]


class CostItem(Protocol):
    """What a file of `finance/costs/` holds that prices needs."""

    LABEL: Mapping[str, str]

    def takes(self, item: str) -> bool:
        """Whether this file prices needs for `item`."""
        ...

    def rows(self, need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
        """Rows of cost (negative cash) for a need. name: of the first row, and of the input that holds the amount;
        known: names of all draws, for factors that apply only where they are given."""
        ...


class CostLine(Protocol):
    """What a file of `finance/costs/` holds that adds rows which no need causes; a file may do both."""

    def asked(self, known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
        """Rows that the project asks for. known: names of all draws; rows: those of the option's needs and risks."""
        ...


def price(need: Need) -> Expr:
    """The price of a need's item, currency per SI unit."""
    return Input(f"price.{need.item}")


def bought(need: Need, name: str) -> Expr:
    """What has to be paid of a need: its amount less what is owned."""
    return maximum(Input(f"amount.{name}") - need.owned, 0.0) if need.owned else Input(f"amount.{name}")


def paid(need: Need, part: str, name: str, unit_cost: Expr, known: frozenset[str]) -> Row:
    """The row: - max(amount - owned, 0) x unit cost x how often, along the path of its price. Its unit is the currency of
    the project."""
    often = along(DRIVER[part], f"price.{need.item}", known)
    return Row(name, "", "currency", part, -(bought(need, name) * unit_cost * often))


def settled(need: Need, part: str, name: str, unit_cost: Expr) -> Row:
    """The same at a price that was agreed at the decision and does not move."""
    return Row(name, "", "currency", part, -(bought(need, name) * unit_cost * Ref(DRIVER[part])))


def spent(name: str, part: str, cost: Expr, often: Expr) -> Row:
    """A row that the project asks for: - cost x how often. Its words are `finance.row_<first part of its name>`."""
    return Row(name, f"finance.row_{name.partition('.')[0]}", "currency", part, -(cost * often))
