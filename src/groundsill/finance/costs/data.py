"""Data that are bought, collected or made once, or licensed for each year of use."""

from __future__ import annotations

from groundsill.finance.charge import Rows, paid, price, spent
from groundsill.finance.paths import along
from groundsill.finance.rows import Input, Row
from groundsill.terms.needs import Need

LABEL = {"en": "Data", "zh": "数据"}


def takes(item: str) -> bool:
    """`data:<what>`, in objects."""
    return item.startswith("data:")


def rows(need: Need, part: str, name: str, known: frozenset[str]) -> tuple[Row, ...]:
    """Amount times price."""
    return (paid(need, part, name, price(need), known),)


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """`acquired.<name>` for each line of the project, where this candidate needs it."""
    out = list[Row]()
    for name in sorted(n.removeprefix("acquire.") for n in known if n.startswith("acquire.")):
        only = [n for n in known if n.startswith(f"only.{name}.")]
        if only and f"only.{name}.{candidate}" not in known:
            continue
        cost = Input(f"acquire.{name}") * Input(f"price.data:{name}")
        yearly = f"licensed.{name}" in known
        often = along("operating" if yearly else "building", f"price.data:{name}", known)
        out.append(
            spent(f"acquired.{name}", "per_month" if yearly else "build", cost / 12.0 if yearly else cost, often)
        )
    return tuple(out)
