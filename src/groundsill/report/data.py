"""An assessment as plain data: what report.json holds, and what `explain` and `against` read.

Each object that holds numbers keeps its `trail`; in the file the trails are stored once (`packed`). The rule for explaining a number: its trail is that of the nearest
enclosing object with a trail that is not empty. Numbers inside `facts`, `runs` and `card` explain themselves; numbers
of an object with a `code` are explained by its `text`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from groundsill.assess.assessment import Assessment
from groundsill.report.tongue import Tongue, clean
from groundsill.terms.candidate import Candidate
from groundsill.terms.curve import Rung
from groundsill.terms.fact import Fact
from groundsill.terms.mixture import Mixture
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Chance, Choose, Exactly, Interval, Pert, Range, ThreePoint
from groundsill.terms.run import Run

SCHEMA = "groundsill.report/2"
READ = (SCHEMA, "groundsill.report/1")  # layouts that can be read; the first kept every trail where it was
WORDS = ("name", "language", "currency", "task", "metric", "version", "made")
NEW = (
    "winners",
    "grids",
    "loss_boxes",
    "hazards",
    "waiting",
    "studies",
    "staging",
    "doubts",
    "levers",
    "weighings",
    "searches",
)
PARTS = ("verdict", "results", "thresholds", "tickets", "swings", "warnings", "card", "gates", *NEW, "facts", "runs")
SETTINGS = {  # setting -> (name of the fact that says so, unit)
    "target": ("task.target", "metric"),
    "confidence": ("task.confidence", "1"),
    "months": ("use.months", "month"),
    "seed": ("assess.seed", "1"),
    "draws": ("assess.draws", "1"),
}
ORIGINS = {"measured": "fresh", "shipped": "shipped", "imported": "imported", "publication": "published"}
VALUES = (Exactly, Range, ThreePoint, Pert, Mixture, Chance, Choose)


def origin(source_kind: str) -> str:
    """`fresh`, `shipped`, `imported` or `published`; another kind of source stays as it is."""
    return ORIGINS.get(source_kind, source_kind)


def to_data(assessment: Assessment, language: str | None = None) -> dict[str, Any]:
    """The whole assessment as JSON values; problems worded in `language` (the assessment's own if None).

    Floats are finite or None. `net_benefit` is given as quantiles per option and gate, under `options`.
    """
    tongue = Tongue(language or assessment.language, assessment.currency)
    data: dict[str, Any] = {"schema": SCHEMA}
    data |= {key: plain(getattr(assessment, key), tongue) for key in WORDS}
    data["language"] = tongue.language
    data["settings"] = settings(assessment, tongue)
    data |= {key: plain(getattr(assessment, key), tongue) for key in PARTS[:-2]}
    for row in data["results"]:  # doing nothing rests on nothing of its own, its chance to be best on the comparison
        row["trail"] = row["trail"] or list(assessment.verdict.trail)
    data["options"] = _options(assessment, tongue)
    return data | {key: plain(getattr(assessment, key), tongue) for key in PARTS[-2:]}


def packed(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with each trail stored once: `trail` is then its place in `trails`."""
    known: dict[tuple[str, ...], int] = {}

    def pack(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: place(v) if k == "trail" and isinstance(v, list) else pack(v) for k, v in value.items()}
        return [pack(v) for v in value] if isinstance(value, list) else value

    def place(trail: list[str]) -> int:
        return known.setdefault(tuple(trail), len(known))

    out = {key: pack(value) for key, value in data.items()}
    return out | {"trails": [list(trail) for trail in known]}


def unpacked(data: Mapping[str, Any]) -> dict[str, Any]:
    """The data with every trail where it belongs again. Raises IndexError for a place that is not there."""
    trails = data.get("trails", [])

    def unpack(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: list(trails[v]) if k == "trail" and isinstance(v, int) else unpack(v) for k, v in value.items()}
        return [unpack(v) for v in value] if isinstance(value, list) else value

    return {key: unpack(value) for key, value in data.items() if key != "trails"}


def settings(assessment: Assessment, tongue: Tongue) -> dict[str, Any]:
    """What was asked for: target, confidence, months, seed, draws, each with its fact or a text that says whence."""
    found: dict[str, Any] = {}
    for key, (name, unit) in SETTINGS.items():
        known = name in assessment.facts
        found[key] = {
            "value": plain(getattr(assessment, key), tongue),
            "unit": assessment.metric if unit == "metric" else unit,
            "trail": [name] if known else [],
            "text": "" if known else tongue.say(f"setting_{key}"),
        }
    return found


def plain(value: object, tongue: Tongue) -> Any:
    """`value` as JSON data. Dataclasses become objects by field name, except the few below."""
    if value is None or isinstance(value, (bool, int, str)):
        return clean(value) if isinstance(value, str) else value
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {clean(k): plain(v, tongue) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(v, tongue) for v in value]
    if isinstance(value, Problem):
        return _problem(value, tongue)
    if isinstance(value, Candidate):
        return {"id": clean(value.id), **_fields(value, tongue)}
    if isinstance(value, Run):
        return {"origin": origin(value.source.kind), **_fields(value, tongue)}
    if isinstance(value, VALUES):
        return {"kind": type(value).__name__.lower(), **_fields(value, tongue)}
    if isinstance(value, Rung):
        return {**_fields(value, tongue), "trail": list(value.runs)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value, tongue)
    return clean(value)


def _fields(value: Any, tongue: Tongue) -> dict[str, Any]:
    return {f.name: plain(getattr(value, f.name), tongue) for f in dataclasses.fields(value)}


def _problem(problem: Problem, tongue: Tongue) -> dict[str, Any]:
    return {
        "code": problem.code,
        "at": clean(problem.at),
        "got": _shown(problem.got, tongue),
        "limit": _shown(problem.limit, tongue),
        "text": tongue.problem(problem),
    }


def _shown(value: object, tongue: Tongue) -> Any:
    scalar = value is None or isinstance(value, (bool, int, float, str))
    return plain(value, tongue) if scalar else clean(value)


def _options(assessment: Assessment, tongue: Tongue) -> list[dict[str, Any]]:
    rows = []
    for o, (candidate, choice) in enumerate(assessment.options):
        worth = {
            gate: plain(Interval.of(assessment.net_benefit[:, o, g]), tongue)
            for g, gate in enumerate(assessment.gates)
            if assessment.net_benefit.shape[0]
        }
        rows.append(
            {
                "candidate": clean(candidate),
                "choice": plain(choice, tongue),
                "net_benefit": worth,
                "trail": list(_option_trail(assessment, candidate, dict(choice))),
            }
        )
    return rows


def _option_trail(assessment: Assessment, candidate: str, choice: dict[str, float]) -> tuple[str, ...]:
    for result in assessment.results:
        if result.candidate.id == candidate:
            for option in result.options:
                if dict(option.choice) == choice and option.trail:
                    return option.trail
            return (result.value.trail if result.value else ()) or result.trail or assessment.verdict.trail
    return assessment.verdict.trail


__all__ = ["READ", "SCHEMA", "Fact", "origin", "packed", "plain", "settings", "to_data", "unpacked"]
