"""Machines that are bought. Without a count, each second of use carries its part of the price; with one, cash goes out at the
decision and comes back at the sale."""

from __future__ import annotations

from groundsill.finance.charge import Rows, price, settled, spent
from groundsill.finance.paths import factor
from groundsill.finance.rows import Expr, Input, Ref, Row
from groundsill.terms.needs import Need

LABEL = {"en": "Machines bought", "zh": "购买的机器"}
PRICE = "price.owned:"


def takes(item: str) -> bool:
    """`owned:<id>`; the cash model sends `accelerator:<id>` here where `price.owned:<id>` is given without a count."""
    return item.startswith("owned:")


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Straight line: price x (1 + spare) x (1 - residual) / (life x share of hours in use), a second. It was paid before,
    so it follows no path."""
    id = need.item.partition(":")[2]
    if f"{PRICE}{id}" not in known:
        return (settled(need, part, name, price(need)),)
    left = 1.0 - Input(f"owned.{id}.residual") if f"owned.{id}.residual" in known else None
    each = with_spares(id, known)
    seconds = Input(f"owned.{id}.life") * Input(f"owned.{id}.use")
    return (settled(need, part, name, (each * left if left is not None else each) / seconds),)


def with_spares(id: str, known: frozenset[str]) -> Expr:
    """Price of one machine and its part of the spares."""
    one = Input(f"{PRICE}{id}")
    return one * (Input(f"owned.{id}.spare") + 1.0) if f"owned.{id}.spare" in known else one


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """Bought by number: `capital.<id>` at the decision and `sale.<id>` at the end, if the option uses such machines."""
    out = list[Row]()
    for id in sorted(n.removeprefix(PRICE) for n in known if n.startswith(PRICE)):
        count = f"owned.{id}.count"
        if count not in known or not any(n.rstrip("+").endswith(f".accelerator:{id}") for n in rows):
            continue
        cost = Input(count) * with_spares(id, known)
        out.append(spent(f"capital.{id}", "build", cost, Ref("at_decision")))
        if f"owned.{id}.residual" in known:
            moves = factor(f"price.owned:{id}", known)
            back = cost * Input(f"owned.{id}.residual") * (Ref(f"at_end~{moves}") if moves else Ref("at_end"))
            out.append(Row(f"sale.{id}", "finance.row_sale", "currency", "residual", back))
    return tuple(out)
