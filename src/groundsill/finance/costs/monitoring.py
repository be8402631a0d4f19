"""Watching the model at work: tools each month, and answers that people check."""

from __future__ import annotations

from groundsill.finance.charge import Rows, spent
from groundsill.finance.paths import along
from groundsill.finance.rows import Input, Row


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """`watching` each month; `checking`: requests x share that is checked x price of a check."""
    out = list[Row]()
    if "operation.cost_per_month" in known:
        often = along("operating", "operation.cost_per_month", known)
        out.append(spent("watching", "per_month", Input("operation.cost_per_month"), often))
    if {"operation.checked_share", "price.check"} <= known:
        cost = Input("operation.checked_share") * Input("price.check")
        out.append(spent("checking", "per_request", cost, along("requests", "price.check", known)))
    return tuple(out)
