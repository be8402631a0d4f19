"""Coefficients that ship: one JSON file a part, made by benchmarks/make_resource_factors.py from published runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def shipped(part: str) -> Mapping[str, Any]:
    """The factors of `time`, `memory` or `serving`; read once."""
    found: Mapping[str, Any] = json.loads((Path(__file__).parent / f"{part}.json").read_text(encoding="utf-8"))
    return found
