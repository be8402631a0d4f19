"""People: work in seconds at the price of the role, times what an employer pays on top of the wage where that is given."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Input, Row
from groundsill.terms.needs import Need

LABEL = {"en": "Staff", "zh": "人员"}
LOADED = "team.loaded_cost_factor"


def takes(item: str) -> bool:
    """`staff:<role>`, in seconds of work."""
    return item.startswith("staff:")


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Work times wage, times `team.loaded_cost_factor` where it is given."""
    wage = price(need)
    return (paid(need, part, name, wage * Input(LOADED) if LOADED in known else wage),)
