"""How a need becomes a row of money: what is bought, times its price, times how often. Shared by all cost items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from groundsill.finance.rows import Expr, Input, Ref, Row, maximum
from groundsill.terms.needs import Need

DRIVER: Mapping[str, str] = {
    "build": "building",
    "per_request": "requests",
    "per_month": "operating",
    "per_retune": "retunes",
}


class CostItem(Protocol):
    """What a file of `finance/costs/` holds."""

    LABEL: Mapping[str, str]

    def takes(self, item: str) -> bool:
        """Whether this file prices needs for `item`."""
        ...

    def rows(self, need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
        """Rows of cost (negative cash) for a need. name: of the first row, and of the input that holds the amount;
        known: names of all draws, for factors that apply only where they are given."""
        ...


def price(need: Need) -> Expr:
    """The price of a need's item, currency per SI unit."""
    return Input(f"price.{need.item}")


def paid(need: Need, part: str, name: str, unit_cost: Expr) -> Row:
    """The row: - max(amount - owned, 0) x unit cost x how often. Its unit is the currency of the project."""
    bought = maximum(Input(f"amount.{name}") - need.owned, 0.0) if need.owned else Input(f"amount.{name}")
    return Row(name, "", "currency", part, -(bought * unit_cost * Ref(DRIVER[part])))
