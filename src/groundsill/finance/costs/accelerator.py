"""Accelerators: hours that are rented; hours on machines that were there before have the price 0."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Row
from groundsill.terms.needs import Need

LABEL = {"en": "Accelerators", "zh": "加速卡"}


def takes(item: str) -> bool:
    """`accelerator:<id>`, in seconds."""
    return item.startswith("accelerator:")


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need), known),)
