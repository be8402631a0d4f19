"""What is wrong with a project file, as Problems with file and line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any

from pydantic import BaseModel, ValidationError

from groundsill.project.kinds import type_name
from groundsill.project.lines import Lines, Path
from groundsill.project.numbers import container, dotted
from groundsill.project.schema import ProjectFile
from groundsill.terms.problem import Problem

_EXPECTED = {
    "string_type": "string", "int_type": "integer", "int_from_float": "integer", "bool_type": "boolean",
    "float_type": "number", "dict_type": "table", "model_type": "table", "tuple_type": "array",
}  # fmt: skip
_UNKNOWN = {"route": "project.unknown_route", "kind": "project.unknown_task", "language": "project.unknown_language"}


class ProblemList(Problem):
    """Every mistake of one file. It looks like the first of them (in line order); `problems` holds all, and
    `more["others"]` those after the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = {**first.more, "others": tuple(problems[1:])}
        super().__init__(first.code, at=first.at, got=first.got, limit=first.limit, exit=first.exit, **more)
        self.problems = tuple(problems)


def raise_all(problems: Iterable[Problem]) -> None:
    """Raise what there is: one Problem, or a ProblemList by line; nothing if there is none."""
    found = sorted(problems, key=_line_of)
    if len(found) == 1:
        raise found[0]
    if found:
        raise ProblemList(found)


def _line_of(problem: Problem) -> int:
    tail = problem.at.rpartition(":")[2]
    return int(tail) if tail.isdigit() else 0


def nearest(got: str, names: Iterable[str], n: int = 3) -> str:
    """The `n` names most like `got`, best first."""
    return ", ".join(
        sorted(sorted(set(names)), key=lambda name: -SequenceMatcher(None, got.lower(), name.lower()).ratio())[:n]
    )


def placed(problem: Problem, path: Path, lines: Lines, file_name: str) -> Problem:
    """The same problem with its file, line and key."""
    more = {k: v for k, v in problem.more.items() if k != "path"} | {"key": dotted(path)}
    at = f"{file_name}:{lines.at(path)}"
    return Problem(problem.code, at=at, got=problem.got, limit=problem.limit, exit=problem.exit, **more)


def of_structure(error: ValidationError, lines: Lines, file_name: str) -> list[Problem]:
    """pydantic's findings as Problems: unknown or missing keys and sections, wrong types, unknown names."""
    found: dict[Path, Problem] = {}
    for item in error.errors(include_url=False, include_context=True):
        path = _real_path(item["loc"])
        if path not in found:
            found[path] = placed(_one(str(item["type"]), path, item), path, lines, file_name)
    return list(found.values())


def _one(kind: str, path: Path, item: Any) -> Problem:
    got, context = item.get("input"), item.get("ctx", {})
    last = str(path[-1]) if path else ""
    if kind == "extra_forbidden":
        return Problem("project.unknown_key", got=last, limit=nearest(last, _keys(_model_at(path[:-1]))))
    if kind == "missing":
        model = _model_at(path[:-1])
        field = next((f for n, f in model.model_fields.items() if (f.alias or n) == last), None) if model else None
        section = field is not None and container(field.annotation)[1] is not None
        return Problem("project.missing_section" if section else "project.missing_key", got=last)
    if kind == "literal_error":
        options = [o.strip(" '") for o in str(context["expected"]).replace(" or ", ",").split(",")]
        code = (
            "project.unknown_name"
            if path[:1] != ("task",) and last == "kind"
            else _UNKNOWN.get(last, "project.unknown_name")
        )
        return Problem(code, got=str(got), limit=", ".join(options))
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = f">= {context['ge']}" if "ge" in context else f"<= {context['le']}"
        return Problem("project.out_of_range", got=got, limit=bound)
    return Problem("project.wrong_type", got=type_name(got), limit=_EXPECTED.get(kind, kind))


def _real_path(loc: tuple[int | str, ...]) -> Path:
    """pydantic adds the members of a union to the place (`rank`, `str`); the file knows only `rank`."""
    return loc[:-1] if len(loc) > 3 and loc[-3:-2] == ("recipe",) else loc


def _model_at(path: Path) -> type[BaseModel] | None:
    """The section that stands at `path`, None if there is none."""
    model: type[BaseModel] | None = ProjectFile
    free = False  # the next part of the path is an index or the user's own key
    for part in path:
        if free or isinstance(part, int):
            free = False
            continue
        fields = {f.alias or n: f for n, f in model.model_fields.items()} if model else {}
        if part not in fields:
            return None
        shape, model = container(fields[part].annotation)
        free = shape == "named"
    return model


def _keys(model: type[BaseModel] | None) -> list[str]:
    return [f.alias or n for n, f in model.model_fields.items()] if model else []
