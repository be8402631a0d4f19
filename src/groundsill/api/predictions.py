"""Forecasts kept with the runs they were made from, and scored when later runs arrive at amounts they spoke of.

An assessment stores the forecast of each label curve in the ledger; nothing is stored where the ledger cannot be written
to. Only runs that came into the ledger after the forecast score it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill import __version__
from groundsill.terms.problem import Exit, Problem

if TYPE_CHECKING:
    from groundsill.assess.fit import Fitted
    from groundsill.catalogue.ledger import Ledger
    from groundsill.terms.candidate import Candidate
    from groundsill.terms.run import Run

KIND = "label-curve"
TIMES = (1.0, 2.0, 4.0, 8.0)  # of the largest measured amount
LEVELS = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95)
SAME = ("kind", "candidate", "metric", "runs", "version")  # what makes two forecasts one: the first stands
DIGITS = 12


@dataclass(frozen=True)
class Scored:
    """One forecast against one later measurement.

    prediction: key of the forecast, the same for all its amounts. candidate: id; labels: the amount; made: ISO date of the forecast; quantiles: 5 to 95 % as forecast (see LEVELS);
    measured: mean of `seeds` later runs; miss: measured less median; inside80, inside90: whether it lies inside.
    """

    candidate: str
    metric: str
    labels: float
    made: str
    prediction: str
    quantiles: tuple[float, ...]
    measured: float
    seeds: int
    miss: float
    inside80: bool
    inside90: bool


@dataclass(frozen=True)
class Scores:
    """forecasts: how many are stored; scored: those that later runs can judge, in the order in which they were made."""

    forecasts: int
    scored: tuple[Scored, ...]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON; shares are None where nothing is scored."""
        from dataclasses import asdict

        n = len(self.scored)
        return {
            "forecasts": self.forecasts,
            "levels": list(LEVELS),
            "scored": [asdict(s) for s in self.scored],
            "inside80": sum(s.inside80 for s in self.scored) / n if n else None,
            "inside90": sum(s.inside90 for s in self.scored) / n if n else None,
            "median_absolute_miss": sorted(abs(s.miss) for s in self.scored)[n // 2] if n else None,
        }


def records(fitted: Iterable[Fitted], runs_before: int, made: str) -> list[dict[str, Any]]:
    """The forecasts of label curves as plain data: what one more run on the same test rows would show.

    runs_before: how many runs the ledger held; made: ISO date.
    """
    from groundsill.scaling.predict import LabelCurve
    from groundsill.terms.quantity import quantiles

    out = []
    for row in fitted:
        curve = row.curve
        if not isinstance(curve, LabelCurve):
            continue
        used = [run for run in row.entrant.runs if run.id in set(curve.trail)]
        last = curve.rungs[-1].x
        places = [
            [t * last, [round(float(q), DIGITS) for q in quantiles(curve.measured(t * last, 1), LEVELS)]] for t in TIMES
        ]
        out.append({
            "kind": KIND, "candidate": _named(row.entrant.candidate), "metric": row.entrant.anchor.metric,
            "test_ids": sorted({run.test_id for run in used}), "runs": _hash(sorted(curve.trail)), "levels": list(LEVELS),
            "higher_is_better": row.entrant.anchor.higher_is_better, "calibration": curve.calibration,
            "at": places, "made": made, "runs_before": runs_before, "version": __version__,
        })  # fmt: skip
    return out


def store(ledger: Ledger, made: Sequence[Mapping[str, Any]]) -> int:
    """Keep forecasts that are not there yet. One from the same runs by the same version is there already, whatever its
    day, seed or number of draws: it counts once.

    Returns how many are new: 0 where the ledger cannot be written to (read-only, full, locked); any other fault of the
    ledger is raised.
    """
    if not made:
        return 0
    new = 0
    try:
        known = {_same(p) for p in ledger.predictions()}
        for record in made:
            if _same(record) not in known:
                ledger.predict(record)
                new += 1
    except Problem as problem:
        if problem.exit not in (Exit.NO_ROOM, Exit.LOCKED):
            raise
    return new


def scored_predictions(path: Path) -> Scores:
    """Forecasts of the project `path` against what was measured later. Raises Problem of the project or the ledger."""
    from groundsill.api.analysis import folder_of
    from groundsill.catalogue.ledger import Ledger
    from groundsill.project import file

    ledger = Ledger(folder_of(file.read(path)))
    return score(ledger.predictions(), ledger.runs())


def score(predictions: Sequence[Mapping[str, Any]], runs: Sequence[Run]) -> Scores:
    """Every stored forecast of a label curve against the runs that came after it.

    Runs count where candidate, metric and test rows are those of the forecast and their labels lie beyond the largest
    rung that it was made from, up to the farthest amount that it spoke of; between two of these its quantiles go
    straight in ln labels. The runs at one amount are one measurement, their mean. The forecast is for one run, so that
    a mean of several lies inside a little more often than promised.
    """
    own = [p for p in predictions if p.get("kind") == KIND]
    return Scores(len(own), tuple(s for p in own for s in _against(p, runs)))


def _against(record: Mapping[str, Any], runs: Sequence[Run]) -> list[Scored]:
    places = [(float(x), tuple(float(q) for q in quantiles)) for x, quantiles in record["at"]]
    groups: dict[float, list[float]] = {}
    for run in runs[int(record["runs_before"]) :]:
        labels = float(run.at.get("labels", 0.0))
        same = _named(run.candidate) == record["candidate"] and run.metric == record["metric"]
        within = places[0][0] < labels <= places[-1][0] * (1 + 1e-9)
        if same and within and run.value is not None and run.test_id in record["test_ids"]:
            groups.setdefault(labels, []).append(run.value)
    key = _hash((record["candidate"], record["metric"], record["runs"], record["version"]))
    return [_one(record, key, labels, values, places) for labels, values in sorted(groups.items())]


def _one(
    record: Mapping[str, Any],
    key: str,
    labels: float,
    values: list[float],
    places: list[tuple[float, tuple[float, ...]]],
) -> Scored:
    above = next((i for i, (x, _) in enumerate(places) if x >= labels), len(places) - 1)
    (x0, low), (x1, high) = places[above - 1], places[above]
    share = min(1.0, math.log(labels / x0) / math.log(x1 / x0))
    q = tuple(a + share * (b - a) for a, b in zip(low, high, strict=True))
    mean = sum(values) / len(values)
    candidate = "/".join(str(part) for part in record["candidate"][:3] if part)
    inside = {level: q[LEVELS.index(level)] <= mean <= q[LEVELS.index(1 - level)] for level in (0.05, 0.10)}
    return Scored(
        candidate, str(record["metric"]), labels, str(record["made"]), key, q, mean, len(values),
        mean - q[LEVELS.index(0.50)], inside[0.10], inside[0.05],
    )  # fmt: skip


def _named(candidate: Candidate) -> list[Any]:
    return [candidate.route, candidate.method, candidate.model, [list(pair) for pair in candidate.recipe]]


def _hash(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _same(record: Mapping[str, Any]) -> str:
    return json.dumps([record.get(k) for k in SAME])


def keep(ledger: Ledger, fitted: Iterable[Fitted], made: str) -> int:
    """Store the forecasts of an assessment, for the door that made it. Nothing fails because of it."""
    with contextlib.suppress(OSError):
        return store(ledger, records(fitted, len(ledger.runs()), made))
    return 0
