"""Small readers for the tests: a JSON Schema check of the keywords that we use, and the visible text of a page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

KINDS = {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}
VOID = {"meta", "link", "br", "img", "hr", "input"}


def faults(data: Any, schema: dict[str, Any], root: dict[str, Any], at: str = "$") -> list[str]:
    """Where `data` breaks `schema`; an unknown keyword is a fault too, so that nothing is passed over."""
    known = {"type", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems", "maxItems",
             "enum", "const", "anyOf", "$ref", "$schema", "$defs", "title", "description"}  # fmt: skip
    found = [f"{at}: keyword {k}" for k in set(schema) - known]
    if "$ref" in schema:
        return found + faults(data, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    if "anyOf" in schema:
        tries = [faults(data, s, root, at) for s in schema["anyOf"]]
        return found + ([] if any(not t for t in tries) else min(tries, key=len))
    if "enum" in schema and data not in schema["enum"]:
        found.append(f"{at}: {data!r} not in {schema['enum']}")
    if "const" in schema and data != schema["const"]:
        found.append(f"{at}: {data!r} is not {schema['const']!r}")
    if "type" in schema and not any(_is(data, t) for t in _list(schema["type"])):
        return [*found, f"{at}: {type(data).__name__} is not {schema['type']}"]
    if isinstance(data, dict):
        found += _object(data, schema, root, at)
    if isinstance(data, list):
        fixed = schema.get("prefixItems", [])
        if not schema.get("minItems", 0) <= len(data) <= schema.get("maxItems", len(data)):
            found.append(f"{at}: {len(data)} items")
        for i, item in enumerate(data):
            inner = fixed[i] if i < len(fixed) else schema.get("items", {})
            found += faults(item, inner, root, f"{at}[{i}]")
    return found


def _object(data: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> list[str]:
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    found = [f"{at}: no {k}" for k in schema.get("required", ()) if k not in data]
    for key, value in data.items():
        if key in properties:
            found += faults(value, properties[key], root, f"{at}.{key}")
        elif rest is False:
            found.append(f"{at}: unexpected {key}")
        elif isinstance(rest, dict):
            found += faults(value, rest, root, f"{at}.{key}")
    return found


def _list(kind: str | list[str]) -> list[str]:
    return [kind] if isinstance(kind, str) else kind


def _is(data: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        return isinstance(data, int if kind == "integer" else (int, float)) and not isinstance(data, bool)
    return isinstance(data, KINDS[kind])


class Reader(HTMLParser):
    """Reads a page: visible text, tags with their attributes, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All visible text."""
        return "\n".join(t for t in self.texts if t.strip())
