"""TOML tables -> Fact, Run, Shape. One fault raises one Problem that says where; `check` collects them all."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, get_args

from groundsill.resources import networks
from groundsill.terms.candidate import ROUTES, Candidate
from groundsill.terms.fact import Fact, Grade, Value
from groundsill.terms.network import Network
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.quantity import Chance, Choose, Exactly, from_table, parse, to_si
from groundsill.terms.run import Run
from groundsill.terms.shape import Experts, Latent, Shape
from groundsill.terms.source import Source

Table = Mapping[str, Any]

RESERVED = ("source", "defaults", "shape", "network", "where")  # top tables of a fact file that hold no facts
DEFAULTS = {"basis", "date", "source", "grade", "note", "shelf_life_days"}  # what facts of a file may share
FACT_KEYS = {"value", "kind", "unit", "basis", "date", "source", "grade", "note", "shelf_life_days"}
FACT_NEEDS = ("value", "basis", "date", "source", "grade")
SOURCE_KEYS = {"title", "author", "published", "read", "address", "licence", "kind"}
SOURCE_NEEDS = ("title", "read", "licence", "kind")
SOURCE_KINDS = ("publication", "vendor", "judged")
GRADES = tuple(g for g in get_args(Grade) if g != "user")
RUN_KEYS = {
    "route", "method", "model", "task", "metric", "at", "value", "stderr", "chance", "scores", "measures",
    "hardware", "test_id", "source", "grade", "note",
}  # fmt: skip
RUN_NEEDS = ("route", "task", "source", "grade")
RUN_FILE_KEYS = {"source", "defaults", "task", "run"}
_ISO = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?$")


def fault(code: str, at: str, got: object, limit: object = "", **more: object) -> Problem:
    """A fault of the catalogue itself: exit code 6, because the shipped files are part of the product."""
    return Problem(f"catalogue.{code}", at=at, got=got, limit=limit, exit=Exit.INTEGRITY, **more)


def keys(table: Table, allowed: set[str], needed: tuple[str, ...], at: str) -> None:
    """Raises Problem `catalogue.unknown_key`, `catalogue.missing_key`."""
    if unknown := sorted(set(table) - allowed):
        raise fault("unknown_key", at, ", ".join(unknown), ", ".join(sorted(allowed)))
    if missing := [k for k in needed if table.get(k) in (None, "")]:
        raise fault("missing_key", at, ", ".join(missing), ", ".join(needed))


def fact_tables(raw: Table) -> Iterator[tuple[str, Table]]:
    """(dotted path, table) of each fact of a file, in file order, the file's [defaults] filled in.

    A table that has a `value` is a fact. Raises Problem `catalogue.unknown_key`, `catalogue.bad_file`.
    """
    defaults = raw.get("defaults", {})
    if not isinstance(defaults, Mapping):
        raise fault("bad_file", "", "defaults is not a table")
    keys(defaults, DEFAULTS, (), "defaults")

    def walk(path: tuple[str, ...], table: Table) -> Iterator[tuple[str, Table]]:
        for key, inner in table.items():
            if not isinstance(inner, Mapping):
                raise fault("unknown_key", "", ".".join((*path, key)), "tables of facts")
            if "value" in inner or set(inner) & FACT_KEYS:
                yield ".".join((*path, key)), {**defaults, **inner}
            else:
                yield from walk((*path, key), inner)

    yield from walk((), {k: v for k, v in raw.items() if k not in RESERVED})


def sources_of(raw: Table, folder: str, at: str) -> Table:
    """The [source.*] tables of a file. Raises Problem `catalogue.unknown_key` for a table that this folder may not
    have, `catalogue.bad_file` for a `source` that is no table."""
    keys({k: 1 for k in raw if k in RESERVED}, set(RESERVED) if folder == "models" else {"source", "defaults"}, (), at)
    sources = raw.get("source", {})
    if not isinstance(sources, Mapping):
        raise fault("bad_file", at, "source is not a table")
    return sources


def source_of(identity: object, sources: Table, at: str) -> Source:
    """Source `identity` of the file's [source.*] tables. Raises Problem `catalogue.no_source` and key faults."""
    table = sources.get(identity) if isinstance(identity, str) else None
    if not isinstance(table, Mapping):
        raise fault("no_source", at, identity, ", ".join(sources))
    where = f"{at} source.{identity}"
    keys(table, SOURCE_KEYS, SOURCE_NEEDS, where)
    if table["kind"] not in SOURCE_KINDS:
        raise fault("bad_kind", where, table["kind"], ", ".join(SOURCE_KINDS))
    for key in ("read", "published"):
        if table.get(key) and not _ISO.match(str(table[key])):
            raise fault("bad_date", where, table[key])
    return Source(id=str(identity), **{k: str(v) for k, v in table.items()})


def value_of(table: Table, at: str) -> Value | str:
    """Raises Problem `catalogue.bad_value`. A name (`kind = "name"`) stays a string, else the value is a number."""
    value = table["value"]
    try:
        if table.get("kind") == "name":
            if not isinstance(value, str):
                raise fault("bad_value", at, value)
            return value
        if isinstance(value, str):
            number, unit = parse(value)
            if unit:
                raise fault("bad_value", at, value)
            return number
        if isinstance(value, Mapping):
            found = from_table(dict(value))
            if isinstance(found, (Choose, Chance)):
                raise fault("bad_value", at, value)
            return found
        return Exactly(_number(value, at))
    except Problem as e:
        raise e if e.code.startswith("catalogue.") else fault("bad_value", at, value) from e


def fact_of(name: str, table: Table, sources: Table, at: str) -> Fact:
    """One fact. Raises Problem `catalogue.*` for keys, source, grade, kind, date, unit and value."""
    keys(table, FACT_KEYS, FACT_NEEDS, at)
    named = table.get("kind") == "name"
    if "kind" in table and not named:
        raise fault("bad_kind", at, table["kind"], "name")
    if not named and "unit" not in table:
        raise fault("missing_key", at, "unit", "unit")
    if table["grade"] not in GRADES:
        raise fault("bad_grade", at, table["grade"], ", ".join(GRADES))
    day(str(table["date"]), at)
    unit = str(table.get("unit", ""))
    try:
        to_si(unit)
    except Problem as e:
        raise fault("bad_unit", at, unit) from e
    life = table.get("shelf_life_days")
    if life is not None and (isinstance(life, bool) or not isinstance(life, int) or life <= 0):
        raise fault("bad_value", at, life)
    return Fact(
        name, value_of(table, at), unit, source_of(table["source"], sources, at), table["grade"],
        str(table["basis"]), str(table["date"]), "", str(table.get("note", "")), life,
    )  # fmt: skip


def day(text: str, at: str) -> date:
    """An ISO date in full. Raises Problem `catalogue.bad_date`."""
    try:
        return date.fromisoformat(text)
    except ValueError as e:
        raise fault("bad_date", at, text) from e


def shape_of(table: Table, at: str) -> Shape:
    """The [shape] table; its keys are the fields of `terms.Shape`, [shape.experts] and [shape.latent] those of its parts.

    Raises Problem `catalogue.bad_shape`.
    """
    parts = {"experts": Experts, "latent": Latent}
    try:
        inner = {k: parts[k](**v) if k in parts else v for k, v in table.items()}
        return Shape(**inner)
    except TypeError as e:
        raise fault("bad_shape", at, str(e)) from e
    except Problem as e:
        raise fault("bad_shape", f"{at} {e.at}", f"{e.got}, not {e.limit}") from e


def network_of(table: Table, at: str) -> Network:
    """The [network] table: `builder`, a function of `resources.networks`, and its arguments.

    Raises Problem `catalogue.bad_shape`.
    """
    builders = {
        f.__name__: f for f in (networks.resnet, networks.unet, networks.dit, networks.lstm, networks.recommender)
    }
    try:
        build = builders[table["builder"]]
        return build(**{k: v for k, v in table.items() if k != "builder"})
    except (KeyError, TypeError) as e:
        raise fault("bad_shape", at, f"{e}; builders: {', '.join(builders)}") from e
    except Problem as e:
        raise fault("bad_shape", f"{at} {e.at}", f"{e.got}, not {e.limit}") from e


def run_of(table: Table, sources: Table, at: str) -> Run:
    """One published run. Raises Problem `catalogue.*` or `run.unknown_measure`."""
    keys(table, RUN_KEYS, RUN_NEEDS, at)
    if table["route"] not in ROUTES:
        raise fault("bad_kind", at, table["route"], ", ".join(ROUTES))
    if table["grade"] not in GRADES:
        raise fault("bad_grade", at, table["grade"], ", ".join(GRADES))
    source = source_of(table["source"], sources, at)
    if source.kind != "publication":
        raise fault("bad_kind", at, source.kind, "publication")
    return Run(
        candidate=Candidate(table["route"], table.get("method", ""), table.get("model", "")),
        task=table["task"],
        metric=table.get("metric", ""),
        source=source,
        value=_optional(table, "value", at),
        stderr=_optional(table, "stderr", at),
        chance=_optional(table, "chance", at),
        hardware=table.get("hardware", ""),
        test_id=table.get("test_id", ""),
        note=table.get("note", ""),
        at=_numbers(table, "at", at),
        scores=_numbers(table, "scores", at),
        measures=_numbers(table, "measures", at),
    )


def _numbers(table: Table, key: str, at: str) -> dict[str, float]:
    inner = table.get(key, {})
    if not isinstance(inner, Mapping):
        raise fault("bad_value", at, inner)
    return {name: _number(value, at) for name, value in inner.items()}


def _optional(table: Table, key: str, at: str) -> float | None:
    return _number(table[key], at) if key in table else None


def _number(value: object, at: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise fault("bad_value", at, value)
    return float(value)
