"""From the name of a key, as a person writes it, to its place in the tables of the project file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from groundsill.project.kinds import Items, Kind
from groundsill.project.lines import Path
from groundsill.project.numbers import Entry, candidate_of, container
from groundsill.project.schema import ProjectFile
from groundsill.terms.problem import Problem


def place_of(key: str, raw: Mapping[str, Any], entries: Mapping[str, Entry]) -> Path | None:
    """Where `key` stands, or would stand if it were there; None if no such key can be.

    Understood: the name of the fact that a number becomes (`price.labels`), the dotted key of the file
    (`labels.price`, `hardware.price.<id>`), and an element of a list by its id or name (`candidate.<id>.model`).
    """
    if key in entries:
        return entries[key].path
    return _element(key, raw) or _inside(ProjectFile, (), key) or _by_fact(key)


def names(raw: Mapping[str, Any], entries: Mapping[str, Entry]) -> list[str]:
    """Keys that could be meant: those of the file, those it might have, those of each candidate."""
    own = [entry.fact for entry in entries.values()]
    might = [".".join(map(str, path)) for path, _ in _numbers(ProjectFile, ())]
    lists = [f"{key}.{name}.{field}" for key, model, _, name in _elements(raw) for field in _fields(model)]
    return list(dict.fromkeys([*own, *might, *lists]))


def put(raw: Mapping[str, Any], path: Path, value: object) -> dict[str, Any]:
    """The tables with `value` at `path`; tables on the way are made where they are missing. Nothing is changed in place."""
    out = dict(raw)
    here: Any = out
    for part in path[:-1]:
        inner: Any = here[part] if isinstance(here, list) or part in here else {}  # type: ignore[index]
        here[part] = list(inner) if isinstance(inner, list) else dict(inner)
        here = here[part]
    here[path[-1]] = value
    return out


def at(raw: Mapping[str, Any], path: Path) -> object:
    """What stands at `path`, None if nothing does."""
    here: Any = raw
    for part in path:
        there = isinstance(here, Mapping) and part in here
        if not there and not (isinstance(here, list) and isinstance(part, int) and part < len(here)):
            return None
        here = here[part]
    return here


def flat(change: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, object, Path]]:
    """Key, value and place inside the table of every change. TOML reads `labels.price = 1` without quotes as a table in a
    table; a table that is a number (`{p10 = ...}`) is one value."""
    for key, value in change.items():
        name, here = f"{start}{key}", (key,)
        if isinstance(value, Mapping) and not _NUMBER & value.keys():
            for inner, found, path in flat(value, f"{name}."):
                yield inner, found, (*here, *path)
        else:
            yield name, value, here


_NUMBER = frozenset({"p10", "low", "chance", "choose", "mix"})


def _element(key: str, raw: Mapping[str, Any]) -> Path | None:
    """`candidate.<id>.<key>`, `risk.<name>.<key>`; ids may hold dots themselves."""
    for section, model, i, name in _elements(raw):
        head = f"{section}.{name}."
        if key.startswith(head):
            found = _inside(model, (section, i), key.removeprefix(head))
            if found is not None:
                return found
    return None


def _elements(raw: Mapping[str, Any]) -> Iterator[tuple[str, type[BaseModel], int, str]]:
    for section, field in ProjectFile.model_fields.items():
        shape, model = container(field.annotation)
        rows = raw.get(section, ())
        if shape != "many" or model is None or section in ("lever", "correlation") or not isinstance(rows, Sequence):
            continue
        for i, row in enumerate(rows):
            if isinstance(row, Mapping):
                yield section, model, i, candidate_of(row).id if section == "candidate" else _label(row)


def _label(row: Mapping[str, Any]) -> str:
    return str(row.get("name", row.get("of", "")))


def _fields(model: type[BaseModel]) -> Iterator[str]:
    return (field.alias or name for name, field in model.model_fields.items())


def _inside(model: type[BaseModel], path: Path, key: str) -> Path | None:
    """`key` inside the section `model` that stands at `path`."""
    for name, field in model.model_fields.items():
        own = field.alias or name
        if key == own:
            return (*path, own)
        if not key.startswith(f"{own}."):
            continue
        rest, (shape, inner) = key.removeprefix(f"{own}."), container(field.annotation)
        items = next((m for m in field.metadata if isinstance(m, Items)), None)
        if items is not None and _allowed(items, rest):
            return (*path, own, rest)
        if inner is not None and shape == "one":
            return _inside(inner, (*path, own), rest)
        if inner is not None and shape == "named":
            head, _, last = rest.rpartition(".")
            return _inside(inner, (*path, own, head), last) if head else None
    return None


def _allowed(items: Items, key: str) -> bool:
    try:
        items.kind(key)
    except Problem:
        return False
    return True


def _by_fact(key: str) -> Path | None:
    """The key whose number is called so in the draws: `price.energy` is `[prices] energy`."""
    for path, kind in _numbers(ProjectFile, ()):
        if isinstance(kind, Kind):
            if kind.name == key:
                return path
            continue
        head, _, tail = kind.name.partition("{key}")
        middle = key.removeprefix(head).removesuffix(tail) if tail else key.removeprefix(head)
        if key.startswith(head) and key.endswith(tail) and "{" not in head + tail and middle and _allowed(kind, middle):
            return (*path, middle)
    return None


def _numbers(model: type[BaseModel], path: Path) -> Iterable[tuple[Path, Kind | Items]]:
    """Every number of the sections that stand once."""
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        kind = next((m for m in field.metadata if isinstance(m, (Kind, Items))), None)
        shape, inner = container(field.annotation)
        if kind is not None:
            yield here, kind
        elif inner is not None and shape == "one":
            yield from _numbers(inner, here)
