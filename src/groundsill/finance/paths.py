"""How prices, values and volumes move by month: paths that the project names, else inflation where it is counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from groundsill.finance.rows import Expr, Input, Month, Number, Ref, Row, Upto, leaves, maximum, minimum, power

INFLATION, NOMINAL = "finance.inflation_per_year", "finance.nominal"
LEVEL = "price_level"
_VOLUMES = ("use.requests_per_month", "market.requests_per_month")
_JOINT = "~"  # `requests~path.price.energy` is the row requests times the row path.price.energy


def factor(name: str, known: frozenset[str]) -> str:
    """The row that a price, value or volume moves with, "" if it stays: its own path, else the price level where flows are
    in money of each day."""
    if any(key.startswith(f"path.{name}.") for key in known):
        return f"path.{name}"
    return LEVEL if {INFLATION, NOMINAL} <= known and name not in _VOLUMES else ""


def along(driver: str, name: str, known: frozenset[str]) -> Expr:
    """The time pattern of money: the row `driver` times what `name` moves with."""
    moves = factor(name, known)
    return Ref(f"{driver}{_JOINT}{moves}") if moves else Ref(driver)


def wanted(rows: Sequence[Row], known: frozenset[str]) -> list[Row]:
    """The rows that `along` and `factor` refer to in `rows` and that are not among them."""
    out, there = dict[str, Row](), {row.name for row in rows}
    asked = sorted(_names(rows) - there)
    for joint in (name for name in asked if _JOINT in name):
        driver, _, moves = joint.partition(_JOINT)
        out[joint] = Row(joint, "finance.row_along_path", "1", "driver", Ref(driver) * Ref(moves))
        asked.append(moves)
    for name in dict.fromkeys(asked):
        if name == LEVEL:
            level = power(Number(1.0) + Input(INFLATION), Month() / 12.0)
            out[name] = Row(name, "finance.row_price_level", "1", "driver", level)
        elif name.startswith("path."):
            path = _path(name, known)
            out[name] = Row(name, "finance.row_path", "1", "driver", path)
    return list(out.values())


def _names(rows: Iterable[Row]) -> set[str]:
    return {leaf.row for row in rows for leaf in leaves(row.expr) if isinstance(leaf, Ref | Upto)}


def _path(name: str, known: frozenset[str]) -> Expr:
    """Multiple of the start by month: (1 + g)^(t / 12) between floor and ceiling, or straight lines between knots."""
    months = sorted(int(key.rpartition(".")[2]) for key in known if key.startswith(f"{name}.at."))
    if months:
        return _knots(name, months)
    out = power(Number(1.0) + Input(f"{name}.per_year"), Month() / 12.0)
    if f"{name}.floor" in known:
        out = maximum(out, Input(f"{name}.floor"))
    return minimum(out, Input(f"{name}.ceiling")) if f"{name}.ceiling" in known else out


def _knots(name: str, months: Sequence[int]) -> Expr:
    """1 at month 0 unless a knot stands there, flat after the last."""
    out: Expr = Input(f"{name}.at.0") if months[0] == 0 else Number(1.0)
    before, level = 0, out
    for month in months:
        if month == 0:
            continue
        next_level = Input(f"{name}.at.{month}")
        way = minimum(maximum(Month() - before, 0.0) / float(month - before), 1.0)
        out = out + (next_level - level) * way
        before, level = month, next_level
    return out
