"""A config.json that somebody else wrote: read as plain data, never executed, every number within bounds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from groundsill.terms.problem import Problem

MOST_BYTES = 1_000_000  # configurations are a few kB; the largest we know, with its quantisation table, has 300 kB
MOST_DEPTH = 16
MOST_ITEMS = 100_000
MOST = {"layers": 10_000, "size": 10_000_000, "words": 100_000_000, "tokens": 1_000_000_000}


def parse_config(data: bytes, at: str) -> Mapping[str, Any]:
    """The top table. Raises Problem `shape.bad_config`: too long, no JSON, no table, too deep, too many items."""

    def no(word: str) -> NoReturn:
        raise ValueError(word)

    if len(data) > MOST_BYTES:
        raise Problem("shape.bad_config", at=at, got=f"{len(data)} B", limit=f"{MOST_BYTES} B")
    try:
        found = json.loads(data.decode("utf-8"), parse_constant=no)
    except RecursionError as e:
        raise Problem("shape.bad_config", at=at, got="too deep", limit=f"depth {MOST_DEPTH}") from e
    except (ValueError, UnicodeDecodeError) as e:  # also numbers of thousands of digits
        raise Problem("shape.bad_config", at=at, got=str(e)[:80], limit="JSON") from e
    if not isinstance(found, dict):
        raise Problem("shape.bad_config", at=at, got=type(found).__name__, limit="{...}")
    _bounded(found, at)
    return found


def _bounded(top: Any, at: str) -> None:
    waiting, items = [(top, 1)], 0
    while waiting:
        value, depth = waiting.pop()
        if depth > MOST_DEPTH:
            raise Problem("shape.bad_config", at=at, got=f"depth {depth}", limit=f"depth {MOST_DEPTH}")
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        items += len(inner)
        if items > MOST_ITEMS:
            raise Problem("shape.bad_config", at=at, got=f"{items} items", limit=f"{MOST_ITEMS} items")
        waiting += [(v, depth + 1) for v in inner]


class Keys:
    """Typed look-ups in one table of a configuration; a key that is null counts as not there."""

    def __init__(self, table: Mapping[str, Any], at: str) -> None:
        self.table, self.at = table, at

    def whole(self, *names: str, default: int | None = None, least: int = 1, of: str = "size") -> int:
        """A whole number from `least` to MOST[of] under the first of `names` that is there. Raises Problem
        `shape.bad_key`."""
        for name in names:
            value = self.table.get(name)
            if value is None:
                continue
            if isinstance(value, float) and math.isfinite(value) and value == int(value):
                value = int(value)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST[of]:
                raise self.bad(name, value, f"{least} ... {MOST[of]}")
            return value
        if default is None:
            raise self.bad(names[0], "-", f"{least} ... {MOST[of]}")
        return default

    def flag(self, name: str, default: bool) -> bool:
        """true or false. Raises Problem `shape.bad_key`."""
        value = self.table.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.bad(name, value, "true, false")
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """A list of words, () if it is not there. Raises Problem `shape.bad_key`."""
        value = self.table.get(name)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > MOST["layers"] or not all(isinstance(v, str) for v in value):
            raise self.bad(name, value, "[...]")
        return tuple(value)

    def word(self, name: str, default: str = "") -> str:
        """A word. Raises Problem `shape.bad_key`."""
        value = self.table.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.bad(name, value, '"..."')
        return value

    def inner(self, name: str) -> Keys:
        """An inner table, empty if it is not there. Raises Problem `shape.bad_key`."""
        value = self.table.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.bad(name, value, "{...}")
        return Keys(value, self.at)

    def length(self, name: str) -> int:
        """How many items a list or table has; 0 if it is not there."""
        value = self.table.get(name)
        return len(value) if isinstance(value, (list, dict)) else 0

    def bad(self, name: str, got: object, limit: object) -> Problem:
        """The Problem `shape.bad_key` for one key."""
        return Problem("shape.bad_key", at=self.at, got=str(got)[:80], limit=limit, key=name)
