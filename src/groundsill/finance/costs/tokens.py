"""Training data bought by the token."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Row
from groundsill.terms.needs import Need

LABEL = {"en": "Training text", "zh": "训练文本"}


def takes(item: str) -> bool:
    """`tokens`."""
    return item == "tokens"


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need), known),)
