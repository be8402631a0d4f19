"""Storage: bytes held for a time, price in currency per byte and second."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Row
from groundsill.terms.needs import Need

LABEL = {"en": "Storage", "zh": "存储"}


def takes(item: str) -> bool:
    """`storage`, in byte seconds."""
    return item == "storage"


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need), known),)
