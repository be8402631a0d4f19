"""A policy: its premium, and what it pays for the risks that it covers."""

from __future__ import annotations

from groundsill.finance import events
from groundsill.finance.charge import Rows, spent
from groundsill.finance.paths import along
from groundsill.finance.rows import Expr, Input, Row, maximum, minimum, total


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """`premium` each month; `insured.<risk>`: min(max(loss - deductible, 0), limit), each time the risk strikes."""
    out = list[Row]()
    if "insurance.premium_per_year" in known:
        often = along("operating", "insurance.premium_per_year", known)
        out.append(spent("premium", "per_month", Input("insurance.premium_per_year") / 12.0, often))
    for name in sorted(n.removeprefix("insurance.covers.") for n in known if n.startswith("insurance.covers.")):
        if f"risk.{name}" not in rows:
            continue
        parts = list[Expr]()
        for draws, when in events.occasions(f"risk.{name}", known):
            loss = events.loss(f"risk.{name}", draws, known)
            if "insurance.deductible" in known:
                loss = maximum(loss - Input("insurance.deductible"), 0.0)
            if "insurance.limit" in known:
                loss = minimum(loss, Input("insurance.limit"))
            parts.append(loss * along(when, f"risk.{name}", known))
        out.append(Row(f"insured.{name}", "finance.row_insured", "currency", "risk", total(parts)))
    return tuple(out)
