"""Which names were meant."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


def nearest(name: str, names: Sequence[str]) -> str:
    """Three of `names` for an unknown `name`, with commas: first those that hold it (h100 -> h100-sxm-80gb), the shortest
    first, then those that are spelled most like it."""
    low = name.lower()
    holding = sorted((n for n in names if low in n.lower()), key=lambda n: (not n.lower().startswith(low), len(n), n))
    alike = get_close_matches(name, names, n=3, cutoff=0.0) if len(holding) < 3 else []
    return ", ".join(list(dict.fromkeys([*holding, *alike]))[:3])
