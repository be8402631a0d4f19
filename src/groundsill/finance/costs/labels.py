"""Labels: examples that people mark, price in currency per label; a part may be made by a machine, a part looked at twice."""

from __future__ import annotations

from groundsill.finance.charge import paid, price
from groundsill.finance.rows import Input, Row
from groundsill.terms.needs import Need

LABEL = {"en": "Labels", "zh": "标注"}


def takes(item: str) -> bool:
    """`labels`."""
    return item == "labels"


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price, where the price holds all workers who mark a row: price x (1 - auto) + auto x its price + share
    that is reviewed x price of a look."""
    unit = price(need)
    if {"labels.auto_share", "price.labels-auto"} <= known:
        auto = Input("labels.auto_share")
        unit = unit * (1.0 - auto) + auto * Input("price.labels-auto")
    if {"labels.review_share", "price.labels-review"} <= known:
        unit = unit + Input("labels.review_share") * Input("price.labels-review")
    return (paid(need, part, name, unit, known),)
