"""Tokens read and written by a hosted model, price in currency per token."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Row
from groundsill.terms.needs import Need

LABEL = {"en": "Hosted model", "zh": "托管模型调用"}


def takes(item: str) -> bool:
    """`api-in:<model>`, `api-out:<model>`, in tokens."""
    return item.startswith(("api-in:", "api-out:"))


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need), known),)
