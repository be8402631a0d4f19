"""Traffic, price in currency per byte, and what else stands on a cloud bill beside the rent of machines."""

from __future__ import annotations

from groundsill.finance.charge import Rows, paid, price, spent
from groundsill.finance.paths import along
from groundsill.finance.rows import Input, Number, Ref, Row
from groundsill.terms.needs import Need

LABEL = {"en": "Network", "zh": "网络"}


def takes(item: str) -> bool:
    """`network`, in bytes."""
    return item == "network"


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need), known),)


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """`traffic` where `use.bytes_per_request` is given; `beside_rent.accelerator:<id>`: rent x (1 / its share of the bill - 1)."""
    out = list[Row]()
    if {"use.bytes_per_request", "price.network"} <= known:
        cost = Input("use.bytes_per_request") * Input("price.network")
        out.append(spent("traffic", "per_request", cost, along("requests", "price.network", known)))
    seen = set[str]()
    for row in rows.values() if "hardware.rent_share" in known else ():
        if ".accelerator:" in row.name:
            name = f"beside_rent.{row.name.partition('.')[2].rstrip('+')}"
            while name in seen:
                name += "+"
            seen.add(name)
            more = Number(1.0) / Input("hardware.rent_share") - 1.0
            out.append(Row(name, "finance.row_beside_rent", "currency", row.part, Ref(row.name) * more))
    return tuple(out)
