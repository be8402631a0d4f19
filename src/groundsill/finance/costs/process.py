"""Change of the work around the model: training of users, new procedures, people who lead it."""

from __future__ import annotations

from groundsill.finance.charge import Rows, spent
from groundsill.finance.paths import along
from groundsill.finance.rows import Input, Ref, Row, total


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """`process`: a cost of its own, or such that it is the given share of the whole build: build x share / (1 - share)."""
    if "process.cost" in known:
        return (spent("process", "build", Input("process.cost"), along("building", "process.cost", known)),)
    built = [Ref(row.name) for row in rows.values() if row.part == "build"]
    if "process.share" not in known or not built:
        return ()
    share = Input("process.share")
    return (Row("process", "finance.row_process", "currency", "build", total(built) * (share / (1.0 - share))),)
