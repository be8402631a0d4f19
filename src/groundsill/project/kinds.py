"""What a number of the project file may be: its units and its limits. One description per key, used for reading,
for the JSON Schema and for the page of keys."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from groundsill.terms.fact import Value
from groundsill.terms.mixture import Mixture, of_table, units_of
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import (
    CURRENCIES,
    UNITS,
    Chance,
    Choose,
    Exactly,
    Pert,
    Range,
    ThreePoint,
    from_table,
    parse,
    to_si,
)

MONEY = "¤"  # stands for any currency in `Kind.units`


@dataclass(frozen=True)
class Kind:
    """One kind of number.

    units: spellings that are accepted, `¤` for a currency. bare: a number without a unit is allowed, and the fact gets
    `units[0]` however it was written (all of `units` then mean the same); else the unit is kept as given. per: the
    period that the key's own name carries (`month` of `requests_per_month`); it may be written and is dropped.
    low, high: limits, both allowed unless `above` (then low itself is not). whole: only whole numbers. exact: no
    uncertainty. decision: `{choose}` may stand here. name: name of the fact, "" for the dotted key; `{role}`, `{of}`,
    `{name}` are keys of the same table, `{around}` is the key or number of that table.
    about, example: for the page of keys.
    """

    units: tuple[str, ...]
    about: str
    example: str
    low: float = 0.0
    high: float = math.inf
    above: bool = False
    whole: bool = False
    exact: bool = False
    decision: bool = False
    bare: bool = True
    keep: bool = False
    per: str = ""
    name: str = ""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        types = ["number", "string"] if self.exact else ["number", "string", "object"]
        return {"type": types, "description": f"{self.about} {self.unit_text()}".strip(), "examples": [self.example]}

    def unit_text(self) -> str:
        """Units for the page of keys and for messages; the currency stands for any."""
        shown = [u.replace(MONEY, "USD") for u in self.units if u and u != "month-count"]
        shown = [f"{u}/{self.per}" for u in shown] if self.per and self.bare else shown
        return ", ".join(shown) if shown else "1, %" if self.high <= 10 else "1"


@dataclass(frozen=True)
class Items:
    """A table of numbers whose keys the user chooses. kind: the kind by key (raises Problem for a key that cannot be);
    name: name of the fact with `{key}` in it; samples: keys for the page of keys."""

    kind: Callable[[str], Kind]
    name: str
    samples: tuple[str, ...]

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {"type": ["number", "string", "object"]}}


def read_number(raw: object, kind: Kind) -> tuple[Value, str]:
    """A number of the file as (value, unit).

    Raises Problem `quantity.*`, `project.wrong_type`, `project.wrong_unit`, `project.no_unit`,
    `project.unknown_currency`, `project.out_of_range`, `project.not_whole`, `project.not_exact`, `project.not_a_decision`.
    """
    value, unit = _parsed(raw)
    unit = fit_unit(unit, kind)
    if isinstance(value, Choose) and not kind.decision:
        raise Problem("project.not_a_decision", got=str(raw))
    if kind.exact and not isinstance(value, Exactly):
        raise Problem("project.not_exact", got=str(raw))
    check_limits(value, unit, kind)
    return value, unit


def _parsed(raw: object) -> tuple[Value, str]:
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str, dict)):
        raise Problem("project.wrong_type", got=type_name(raw), limit="number, string, table")
    try:
        if isinstance(raw, str):
            return parse(raw)
        if isinstance(raw, dict):
            return of_table(raw) if "mix" in raw else from_table(raw), _table_unit(raw)
        return Exactly(float(raw)), ""
    except OverflowError:
        raise Problem("quantity.not_a_number", got="> 1e308") from None


def _table_unit(table: dict[str, object]) -> str:
    """Unit of a table: its own, else the one in the text of a chance's size (`from_table` keeps the number only)."""
    unit, size = table.get("unit", ""), table.get("size")
    if not isinstance(unit, str):
        raise Problem("project.wrong_type", got=type_name(unit), limit="string")
    found = units_of(table) | ({unit} if unit else set())
    if len(found) > 1:
        raise Problem("quantity.mixed_units", got=", ".join(sorted(u or "-" for u in found)))
    if found:
        return found.pop()
    return parse(size)[1] if isinstance(size, str) else _table_unit(size) if isinstance(size, dict) else ""


def fit_unit(unit: str, kind: Kind) -> str:
    """The unit that the fact carries. Raises Problem `project.wrong_unit`, `project.no_unit`, `project.unknown_currency`."""
    written = unit
    parts = [_singular(part) for part in unit.replace(" ", "").split("/")]
    if kind.per and len(parts) > 1 and parts[-1] == kind.per:
        parts.pop()
    unit = "/".join(parts)
    currency = parts[0]
    if "/".join([MONEY, *parts[1:]] if currency in CURRENCIES else parts) in kind.units:
        return kind.units[0] if kind.bare and not kind.keep else unit
    if kind.bare and (unit in ("", "1") or (unit == "%" and kind.units[0] == "")):
        return unit if unit == "%" else kind.units[0]
    if len(currency) == 3 and currency.isascii() and currency.isupper() and currency not in CURRENCIES | UNITS.keys():
        raise Problem("project.unknown_currency", got=currency, limit=", ".join(sorted(CURRENCIES)))
    if unit:
        to_si(unit)  # a unit that nobody knows is another mistake than a known one in the wrong place
        raise Problem("project.wrong_unit", got=written, limit=kind.unit_text(), example=kind.example)
    raise Problem("project.no_unit", limit=kind.unit_text(), example=kind.example)


def _singular(part: str) -> str:
    return part[:-1] if part not in UNITS and part.endswith("s") and part[:-1] in UNITS else part


def check_limits(value: Value, unit: str, kind: Kind) -> None:
    """Raises Problem `project.out_of_range`, `project.not_whole`, `quantity.not_a_number` (infinite)."""
    ends = ends_of(value)
    if not all(math.isfinite(e) for e in ends):
        raise Problem("quantity.not_a_number", got=", ".join(f"{e:g}" for e in ends))
    factor = 0.01 if unit == "%" else 1.0
    low, high = min(ends) * factor, max(ends) * factor
    if low < kind.low or (kind.above and low <= kind.low) or high > kind.high:
        bound = f"> {kind.low:g}" if kind.above else f">= {kind.low:g}"
        limit = bound if math.isinf(kind.high) else f"{bound}, <= {kind.high:g}"
        outside = min(ends) if low < kind.low or (kind.above and low <= kind.low) else max(ends)
        raise Problem("project.out_of_range", got=f"{outside:g}", limit=limit, example=kind.example)
    if kind.whole and isinstance(value, (Exactly, Choose)) and any(e != math.floor(e) for e in ends):
        raise Problem("project.not_whole", got=", ".join(f"{e:g}" for e in ends))


def ends_of(value: Value) -> tuple[float, ...]:
    """The numbers that were written down, smallest and largest among them."""
    match value:
        case Exactly():
            return (value.value,)
        case Range() | Pert():
            return (value.low, value.high)
        case ThreePoint():
            return (value.p10, value.p90)
        case Mixture():
            return tuple(end for part in value.parts for end in ends_of(part))
        case Chance():
            return ends_of(value.size)
        case Choose():
            return value.options


def type_name(raw: object) -> str:
    """TOML's own name of a value's type."""
    names = {bool: "boolean", int: "integer", float: "float", str: "string", list: "array", dict: "table"}
    return names.get(type(raw), "date")
