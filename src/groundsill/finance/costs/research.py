"""Trials and failed runs: all compute of the project over that of its final run."""

from __future__ import annotations

from groundsill.finance.charge import Rows
from groundsill.finance.rows import Input, Ref, Row


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """`research.accelerator:<id>`: the machines of the build x (factor - 1), unless the candidate has a factor or trials of its own: then
    its route counts them already."""
    own = any(f"candidate.{candidate}.{key}" in known for key in ("research_factor", "trials"))
    if "research.compute_factor" not in known or own:
        return ()
    more = Input("research.compute_factor") - 1.0
    return tuple(
        Row(
            f"research.{row.name.removeprefix('build.')}",
            "finance.row_research",
            "currency",
            "build",
            Ref(row.name) * more,
        )
        for row in rows.values()
        if row.name.startswith("build.accelerator:")
    )
