"""People who must be found before the work begins: the fee, their training, and the time until they work at full speed."""

from __future__ import annotations

from groundsill.finance.charge import Rows, spent
from groundsill.finance.paths import along
from groundsill.finance.rows import Expr, Input, Row, total
from groundsill.terms.quantity import YEAR


def asked(known: frozenset[str], candidate: str, rows: Rows) -> tuple[Row, ...]:
    """`hiring`: hires x (fee x a year's wage + training + half of the ramp-up at the loaded wage). The wait for them is in the
    clock."""
    roles = sorted(n for n in known if n.startswith("price.staff:"))
    if "team.hires" not in known or not roles:
        return ()
    wage, parts = Input(roles[0]), list[Expr]()
    if "team.hiring_fee" in known:
        parts.append(Input("team.hiring_fee") * wage * YEAR)
    if "team.training" in known:
        parts.append(Input("team.training"))
    if "team.ramp_up" in known:
        loaded = wage * Input("team.loaded_cost_factor") if "team.loaded_cost_factor" in known else wage
        parts.append(loaded * Input("team.ramp_up") * 0.5)
    if not parts:
        return ()
    return (spent("hiring", "build", Input("team.hires") * total(parts), along("building", roles[0], known)),)
