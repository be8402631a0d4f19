"""Electricity of machines of one's own, price in currency per joule."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Row
from groundsill.terms.needs import Need

LABEL = {"en": "Electricity", "zh": "电力"}


def takes(item: str) -> bool:
    """`energy`, in joules."""
    return item == "energy"


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need), known),)
