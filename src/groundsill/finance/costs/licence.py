"""Licences of models, data and programs, price in currency each."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Row
from groundsill.terms.needs import Need

LABEL = {"en": "Licences", "zh": "许可"}


def takes(item: str) -> bool:
    """`licence:<what>`."""
    return item.startswith("licence:")


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need), known),)
