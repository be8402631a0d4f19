"""From the raw tables to the user's numbers: every key that holds one, with its kind and the name of its fact."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from groundsill.project.kinds import Items, Kind, read_number
from groundsill.project.lines import Lines, Path
from groundsill.project.schema import CandidateLine, ProjectFile
from groundsill.project.sections import RiskLine
from groundsill.terms.candidate import Candidate
from groundsill.terms.fact import Fact
from groundsill.terms.mixture import Mixture
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Chance, Choose
from groundsill.terms.source import Source

FACT = "fact:"


@dataclass(frozen=True)
class Entry:
    """One number of the file: where it stands, what was written, what it may be, and the fact it becomes."""

    path: Path
    raw: object
    kind: Kind
    fact: str

    @property
    def key(self) -> str:
        """Dotted key as the user knows it; elements of a list are counted from 1."""
        return dotted(self.path)


def dotted(path: Path) -> str:
    """`("candidate", 0, "route")` -> `candidate[1].route`."""
    out = ""
    for part in path:
        out += f"[{part + 1}]" if isinstance(part, int) else ("." if out else "") + part
    return out


def entries(raw: Mapping[str, Any]) -> Iterator[Entry | Problem]:
    """Every number of the file, also where other parts of it are wrong. A key that cannot be is yielded as a Problem
    with its path in `more["path"]`."""
    yield from _walk(ProjectFile, raw, (), raw)


def _walk(
    model: type[BaseModel], table: Mapping[str, Any], path: Path, root: Mapping[str, Any]
) -> Iterator[Entry | Problem]:
    for field_name, field in model.model_fields.items():
        key = field.alias or field_name
        if key not in table or not isinstance(table, Mapping):
            continue
        raw, here = table[key], (*path, key)
        kind = next((m for m in field.metadata if isinstance(m, (Kind, Items))), None)
        if isinstance(kind, Kind):
            yield Entry(here, raw, kind, _fact_name(kind, here, table, root))
        elif isinstance(kind, Items):
            yield from _items(kind, raw, here, _context(here, table))
        else:
            yield from _inside(field.annotation, raw, here, root)


def _context(path: Path, table: Mapping[str, Any]) -> dict[str, str]:
    """What the name of a fact may stand on: other keys of the same table, and the key or place of the table itself."""
    told = {key: str(table.get(key, "")) for key in ("role", "of", "name")}
    around = path[-2] if len(path) > 1 else ""
    return {**told, "around": str(around)}


def _items(items: Items, raw: object, path: Path, context: Mapping[str, str]) -> Iterator[Entry | Problem]:
    if not isinstance(raw, Mapping):
        return  # the structure check names it
    for key, value in raw.items():
        try:
            kind = items.kind(key)
        except Problem as p:
            yield Problem(p.code, got=p.got, limit=p.limit, path=(*path, key))
        else:
            yield Entry((*path, key), value, kind, items.name.format(key=key, **context))


def _inside(annotation: object, raw: object, path: Path, root: Mapping[str, Any]) -> Iterator[Entry | Problem]:
    shape, model = container(annotation)
    if model is None:
        return
    if shape == "one" and isinstance(raw, Mapping):
        yield from _walk(model, raw, path, root)
    elif shape == "many" and isinstance(raw, list):
        for i, element in enumerate(raw):
            if isinstance(element, Mapping):
                yield from _walk(model, element, (*path, i), root)
    elif shape == "named" and isinstance(raw, Mapping):
        for key, element in raw.items():
            if isinstance(element, Mapping):
                yield from _walk(model, element, (*path, key), root)


def container(annotation: object) -> tuple[str, type[BaseModel] | None]:
    """`one`, `many` (list) or `named` (table by the user's keys) and the section inside; None if there is none."""
    origin, args = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "one", annotation
    if origin in (Union, types.UnionType):
        return next((c for c in map(container, args) if c[1]), ("one", None))
    if origin is tuple:
        return "many", container(args[0])[1]
    if origin is dict:
        return "named", container(args[1])[1]
    return "one", None


def _fact_name(kind: Kind, path: Path, table: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    if path[0] == "candidate":
        return f"candidate.{candidate_of(table).id}.{path[-1]}"
    if path[0] == "risk" and not kind.name:
        return f"risk.{table.get('name', '')}" + ("" if path[-1] == "cost" else f".{path[-1]}")
    if kind.name:
        return kind.name.format(**_context(path, table))
    return ".".join(str(p) for p in path)


def candidate_of(line: CandidateLine | Mapping[str, Any]) -> Candidate:
    """The candidate of one `[[candidate]]` table, raw or checked. Numbers that are facts are not part of its id."""
    given = line.model_dump() if isinstance(line, CandidateLine) else line
    recipe = given.get("recipe")
    written = recipe.items() if isinstance(recipe, Mapping) else ()
    pairs = tuple(sorted((str(k), float(v) if isinstance(v, (int, float)) else str(v)) for k, v in written))
    return Candidate(str(given.get("route", "")), str(given.get("method", "")), str(given.get("model", "")), pairs)


def user_fact(entry: Entry, lines: Lines, file_name: str) -> Fact:
    """The user's own number as a Fact. Raises Problem as `read_number`."""
    value, unit = read_number(entry.raw, entry.kind)
    place = f"{file_name}:{lines.at(entry.path)}"
    source = Source(id="project", kind="user", title=file_name)
    return Fact(entry.fact, value, unit, source, "user", place=place)


def with_chances(facts: dict[str, Fact], risks: tuple[RiskLine, ...]) -> tuple[dict[str, Fact], dict[str, float]]:
    """`risk.<name>.chance` (or `.per_year`) and the cost `risk.<name>` become one fact: an event with its size. A cost
    that stands in the catalogue joins its chance later: those chances are given apart, by name of the fact."""
    out, apart = dict(facts), dict[str, float]()
    for risk in risks:
        name = f"risk.{risk.name}"
        told = [_median(out.pop(key)) for key in (f"{name}.chance", f"{name}.per_year") if key in out]
        if name in out:
            out[name] = event(out[name], told[0])
        else:
            apart[name] = told[0]
    return out, apart


def event(cost: Fact, chance: float) -> Fact:
    """The cost as an event. Raises Problem `quantity.bad_table` for one that cannot have a chance."""
    if isinstance(cost.value, (Chance, Choose, Mixture, str)):
        raise Problem("quantity.bad_table", at=cost.place, got=str(cost.value))
    return replace(cost, value=Chance(chance, cost.value))


def _median(fact: Fact) -> float:
    return 0.0 if isinstance(fact.value, str) else fact.value.median
