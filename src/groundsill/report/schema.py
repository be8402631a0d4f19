"""The JSON schema of report.json, made from the types themselves, so that it cannot fall behind them.

Run `python -m groundsill.report.schema` to print it; `docs/report-schema.json` holds the same text (a test compares).
"""

from __future__ import annotations

import dataclasses
import json
import sys
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from groundsill.assess.assessment import Assessment
from groundsill.report.data import PARTS, SCHEMA, SETTINGS, VALUES, WORDS
from groundsill.terms.candidate import Candidate
from groundsill.terms.curve import Rung
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Interval
from groundsill.terms.run import Run

Json = dict[str, Any]
NAMES: Json = {"type": "array", "items": {"type": "string"}}
TRAIL: Json = {"type": "integer", "description": "place in `trails`"}
EXTRA: dict[type, Json] = {  # what `data.plain` adds to the fields of a type
    Candidate: {"id": {"type": "string"}},
    Run: {"origin": {"type": "string", "description": "fresh, shipped, imported, published, or the kind of source"}},
    Rung: {"trail": TRAIL},
}


def schema() -> Json:
    """JSON Schema (draft 2020-12) of what `data.packed` gives of `data.to_data`."""
    made: Json = {}
    hints = get_type_hints(Assessment)
    setting = _object(
        {"value": {"type": ["number", "null"]}, "unit": {"type": "string"}, "trail": TRAIL, "text": {"type": "string"}}
    )
    properties: Json = {"schema": {"const": SCHEMA}}
    properties |= {key: _of(hints[key], made) for key in WORDS}
    properties["settings"] = _object(dict.fromkeys(SETTINGS, setting))
    properties |= {key: _of(hints[key], made) for key in PARTS}
    option = {
        "candidate": {"type": "string"},
        "choice": {"type": "object", "additionalProperties": {"type": ["number", "null"]}},
        "net_benefit": {"type": "object", "additionalProperties": _of(Interval, made)},
        "trail": TRAIL,
    }
    properties["options"] = {"type": "array", "items": _object(option)}
    properties["trails"] = {"type": "array", "items": NAMES}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "groundsill report",
        "description": (
            "An assessment. A number is explained by the `trail` of the nearest enclosing object that has one that is not "
            "empty: the place in `trails` of names of `facts` and ids of `runs`. Numbers inside facts, runs and card explain themselves; those of an object with a "
            "`code` or of a setting are explained by its `text`. Numbers that are not finite are null."
        ),
        **_object(properties),
        "$defs": dict(sorted(made.items())),
    }


def text() -> str:
    """The schema as the published file holds it."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def _object(properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _of(kind: Any, made: Json) -> Json:
    """Schema of a type; dataclasses go to `made` and are referred to."""
    plain = {str: "string", bool: "boolean", int: "integer"}
    if kind in plain:
        return {"type": plain[kind]}
    if kind is float:
        return {"type": ["number", "null"]}
    if kind is type(None):
        return {"type": "null"}
    if kind is object or kind is Any:
        return {}
    if kind is Problem:
        return _problem(made)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, made)
    return _generic(kind, made)


def _generic(kind: Any, made: Json) -> Json:
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_of(a, made) for a in args]}
    if origin is tuple and args[-1] is Ellipsis:
        return {"type": "array", "items": _of(args[0], made)}
    if origin is tuple:
        return {
            "type": "array",
            "prefixItems": [_of(a, made) for a in args],
            "minItems": len(args),
            "maxItems": len(args),
        }
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _of(args[1], made)}
    raise TypeError(f"no schema for {kind}")


def _problem(made: Json) -> Json:
    scalar = {"type": ["string", "number", "boolean", "null"]}
    text = {"type": "string"}
    made["Problem"] = _object({"code": text, "at": text, "got": scalar, "limit": scalar, "text": text})
    return {"$ref": "#/$defs/Problem"}


def _dataclass(kind: Any, made: Json) -> Json:
    name = kind.__name__
    if name not in made:
        made[name] = {}  # stands in while its fields are read, should it refer to itself
        hints = get_type_hints(kind)
        properties = dict(EXTRA.get(kind, {}))
        if kind in VALUES:
            properties["kind"] = {"const": name.lower()}
        properties |= {
            f.name: TRAIL if f.name == "trail" else _of(hints[f.name], made) for f in dataclasses.fields(kind)
        }
        head = (kind.__doc__ or "").strip().split("\n\n")
        made[name] = {"description": " ".join(" ".join(head).split()), **_object(properties)}
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    sys.stdout.write(text())
