"""Labels: examples that people mark, price in currency per label."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Row
from groundsill.terms.needs import Need

LABEL = {"en": "Labels", "zh": "标注"}


def takes(item: str) -> bool:
    """`labels`."""
    return item == "labels"


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need)),)
