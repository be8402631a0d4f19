"""Events: what a room says while it works (progress, notes), by code. Doors put them into words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Event:
    """One thing that happened. `code` is `room.what`; `values` are what its sentence uses.

    Progress events carry `done` and `total` (any unit of work) and, when known, `remaining_seconds`.
    """

    code: str
    values: Mapping[str, object] = field(default_factory=dict)


Emit = Callable[[Event], None]


def silent(event: Event) -> None:
    """An `Emit` that drops everything."""
