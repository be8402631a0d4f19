"""Compare what the engine answers with what a case expects, at the tolerance that fits how the answer was made."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DEFAULT_N = 100_000


@dataclass(frozen=True)
class Answer:
    """exact: by a closed form or an algorithm without chance; sampled: by draws. Both in the shape of what is expected; a
    value may stand in both, and is then judged twice. NOTHING: expected there is nothing (`null`)."""

    exact: Mapping[str, Any] = field(default_factory=dict)
    sampled: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OneOf:
    """Any of these is right: the list of all roots, where another tool prints a single one."""

    values: tuple[float, ...]


class Relative(float):
    """A number whose error is judged against its size, also where the case states an absolute tolerance."""


class Skipped(Exception):
    """The case does not carry its data."""


def sample_size(tolerance: Mapping[str, float]) -> int:
    """Draws or points that the tolerance is stated for (`rel_mc_1e6`, `abs_N4096`)."""
    found = [float(m) for key in tolerance for m in re.findall(r"(?:mc_|_n|_N)(\d+(?:\.\d+)?(?:e\d+)?)", key)]
    return int(max(found)) if found else DEFAULT_N


def _limits(tolerance: Mapping[str, float], key: str, sampled: bool) -> dict[str, float]:
    """`abs` and `rel` of the rules that fit best: one for this key, one for how it was made, one for all, any."""
    groups: list[dict[str, float]] = [{}, {}, {}, {}]
    for name, limit in tolerance.items():
        kind, _, rest = name.partition("_")
        if kind not in ("abs", "rel"):
            continue
        chance = bool(re.match(r"(mc|n|N)(_|\d|$)", rest))
        sure = rest.startswith(("analytic", "exact", "closed"))
        if not rest:
            place = 2
        elif chance or sure:
            place = 1 if chance == sampled else 3
        else:
            place = 0 if key.lower().startswith(rest.lower()) else 4
        if place < 4:
            groups[place][kind] = float(limit)
    return next((group for group in groups if group), {"rel": 1e-6})


def wrong(case: Mapping[str, Any], answer: Answer) -> tuple[list[str], float]:
    """What is wrong, in words, and the largest error over its tolerance."""
    faults, worst = [], 0.0
    expected = case["expected"]
    scale = max((abs(v) for _, v in _leaves(expected) if isinstance(v, (int, float))), default=1.0)
    for key, want in expected.items():
        if told_by_others(key):
            continue
        found = [(a, sampled) for a, sampled in ((answer.exact, False), (answer.sampled, True)) if key in a]
        missing = _missing(want, [part[key] for part, _ in found], key)
        faults += [f"{place}: no answer" for place in missing]
        worst = math.inf if missing else worst
        for part, sampled in found:
            limits = _limits(case.get("tolerance", {}), key, sampled)
            for place, fault, share in _compare(want, part[key], limits, scale, key):
                worst = max(worst, share)
                if fault:
                    faults.append(f"{place}{' (draws)' if sampled else ''}: {fault}")
    return faults, worst


def _missing(want: Any, answers: Sequence[Any], place: str) -> list[str]:
    """Numbers asked for that no part of the answer gives."""
    if isinstance(want, str) and not answers:
        return []
    if not answers:
        return [place]
    out: list[str] = []
    if isinstance(want, Mapping):
        for name, inner in want.items():
            out += _missing(
                inner, [a[name] for a in answers if isinstance(a, Mapping) and name in a], f"{place}.{name}"
            )
    elif isinstance(want, list) and any(isinstance(w, Mapping) for w in want):
        for i, inner in enumerate(want):
            out += _missing(inner, [a[i] for a in answers if isinstance(a, list) and i < len(a)], f"{place}[{i}]")
    return out


def told_by_others(key: str) -> bool:
    """Estimates that another tool printed: shown by a case, not judged."""
    return bool(re.search(r"package|_estimates|peer", key))


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not told_by_others(name):
                yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value


def _compare(
    want: Any, got: Any, limits: Mapping[str, float], scale: float, place: str
) -> Iterator[tuple[str, str, float]]:
    """(place, what is wrong or "", error over tolerance) of every number in `want`."""
    if isinstance(got, np.ndarray):
        got = got.tolist()
    if isinstance(want, Mapping):
        for name, inner in want.items():
            if isinstance(got, Mapping) and name in got:
                yield from _compare(inner, got[name], limits, scale, f"{place}.{name}")
    elif isinstance(want, list):
        if not isinstance(got, (list, tuple)) or len(got) != len(want):
            yield place, f"{got!r} for {want!r}", math.inf
            return
        for i, (a, b) in enumerate(zip(want, got, strict=True)):
            yield from _compare(a, b, limits, scale, f"{place}[{i}]")
    elif isinstance(got, OneOf):
        yield from _compare(want, _nearest(want, got), limits, scale, place)
    elif want is None or isinstance(want, (str, bool)):
        missing = got is None or (isinstance(got, float) and math.isnan(got))
        good = missing if want is None else got == want
        yield place, "" if good else f"{got!r} for {want!r}", 0.0 if good else math.inf
    elif got is None or isinstance(got, str) or not math.isfinite(float(got)):
        same = isinstance(got, float) and got == want
        yield place, "" if same else f"{got!r} for {want!r}", 0.0 if same else math.inf
    else:
        error, size = abs(float(got) - float(want)), abs(float(want)) or 1e-3 * scale
        by_size = isinstance(got, Relative)
        share = min(error / (limit * (size if kind == "rel" or by_size else 1.0)) for kind, limit in limits.items())
        yield place, "" if share <= 1 else f"{float(got):.9g} for {float(want):.9g}", share


def _nearest(want: Any, got: OneOf) -> float | None:
    if not got.values:
        return None
    if not isinstance(want, (int, float)):
        return got.values[0] if len(got.values) == 1 else None
    return min(got.values, key=lambda v: abs(v - want))
