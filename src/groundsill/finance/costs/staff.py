"""People: work in seconds at the price of the role, times what an employer pays on top of the wage where that is given."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Input, Row
from groundsill.terms.needs import Need
from groundsill.terms.quantity import YEAR

LABEL = {"en": "Staff", "zh": "人员"}
LOADED, LEAVE, RAMP = "team.loaded_cost_factor", "team.attrition_per_year", "team.ramp_up"


def takes(item: str) -> bool:
    """`staff:<role>`, in seconds of work."""
    return item.startswith("staff:")


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Work times wage, times `team.loaded_cost_factor` where it is given, and what people who leave cost.

    A share a of them leaves in a year; who follows works up to full speed along a straight line over the ramp-up and so
    loses half of it, and was found for a fee and trained: wage x loaded x (1 + a x ramp / 2) + a x (fee x wage + training).
    """
    wage = price(need)
    unit = wage * Input(LOADED) if LOADED in known else wage
    if {LEAVE, RAMP} <= known:
        leave = Input(LEAVE)
        unit = unit * (leave * Input(RAMP) / (2.0 * YEAR) + 1.0)
        if "team.hiring_fee" in known:
            unit = unit + leave * Input("team.hiring_fee") * wage
        if "team.training" in known:
            unit = unit + leave * Input("team.training") / YEAR
    return (paid(need, part, name, unit, known),)
