"""Forecasts are stored once, and scored by later runs alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from groundsill.api import predictions
from groundsill.catalogue.ledger import Ledger
from groundsill.scaling.fit import fit_labels
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.curve import Curve
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import Run
from groundsill.terms.source import Source

TUNED = Candidate("tune", "lora", "small")


@dataclass(frozen=True)
class Entered:
    """What `records` looks at in an entrant."""

    candidate: Candidate
    runs: tuple[Run, ...]
    anchor: Anchor


@dataclass(frozen=True)
class Row:
    entrant: Entered
    curve: Curve | None


def run_at(labels: float, value: float, seed: int = 1, test_id: str = "t") -> Run:
    return Run(TUNED, "text", "accuracy", {"labels": labels}, Source("m", "measured"), value=value, stderr=0.01, seed=seed,
               test_id=test_id, test_rows=1000)  # fmt: skip


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch) -> Row:
    monkeypatch.setattr("groundsill.scaling.mixture.SIZE", 250)
    runs = tuple(
        run_at(n, 0.88 - 0.9 * n**-0.35 + d, s) for n in (200, 400, 800, 1600) for s, d in ((1, 0.004), (2, -0.004))
    )
    curve = fit_labels(runs, Anchor("accuracy"), n=1000, rng=np.random.default_rng(1))
    return Row(Entered(TUNED, runs, Anchor("accuracy")), curve)


def test_stored_once_whatever_the_day(tmp_path: Path, row: Row) -> None:
    ledger = Ledger(tmp_path)
    ledger.extend(row.entrant.runs)
    assert predictions.keep(ledger, [row, Row(row.entrant, None)], "2026-11-22") == 1  # type: ignore[list-item]
    assert predictions.keep(ledger, [row], "2026-11-23") == 0  # type: ignore[list-item]
    (kept,) = ledger.predictions()
    assert kept["made"] == "2026-11-22" and kept["runs_before"] == 8 and kept["test_ids"] == ["t"]
    assert [x for x, _ in kept["at"]] == [1600, 3200, 6400, 12_800]


def test_only_later_runs_on_the_same_test_rows_score(tmp_path: Path, row: Row) -> None:
    ledger = Ledger(tmp_path)
    ledger.extend(row.entrant.runs)
    predictions.keep(ledger, [row], "2026-11-22")  # type: ignore[list-item]
    assert predictions.score(ledger.predictions(), ledger.runs()).scored == ()
    truth = 0.88 - 0.9 * 3200**-0.35
    ledger.extend([
        run_at(3200, truth, 1), run_at(3200, truth, 2), run_at(5000, 0.3), run_at(1600, 0.5, 9), run_at(40_000, 0.9),
        run_at(6400, 0.9, test_id="other"),
    ])  # fmt: skip
    found = predictions.score(ledger.predictions(), ledger.runs())
    assert [(s.labels, s.seeds, s.inside90) for s in found.scored] == [(3200, 2, True), (5000, 1, False)]
    near, between = found.scored
    assert near.measured == pytest.approx(truth) and abs(near.miss) < 0.05
    at = dict(ledger.predictions()[0]["at"])
    assert at[3200][3] < between.quantiles[3] < at[6400][3]
    data = found.record()
    assert data["forecasts"] == 1 and data["inside90"] == 0.5


def test_a_ledger_that_cannot_be_written_to_stops_nothing(
    tmp_path: Path, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Ledger, record: object) -> str:
        raise Problem("ledger.no_room", exit=Exit.NO_ROOM)

    monkeypatch.setattr(Ledger, "predict", full)
    assert predictions.keep(Ledger(tmp_path), [row], "2026-11-22") == 0  # type: ignore[list-item]
    monkeypatch.setattr(
        Ledger,
        "predict",
        lambda self, record: (_ for _ in ()).throw(Problem("ledger.corrupt_file", exit=Exit.INTEGRITY)),
    )
    with pytest.raises(Problem):
        predictions.keep(Ledger(tmp_path), [row], "2026-11-22")  # type: ignore[list-item]


def test_other_candidates_do_not_score(tmp_path: Path, row: Row) -> None:
    made = predictions.records([row], 0, "2026-11-22")  # type: ignore[list-item]
    other = replace(run_at(3200, 0.8), candidate=Candidate("tune", "full", "small"))
    assert predictions.score(made, [other]).scored == ()


def test_an_assessment_stores_its_forecasts_once_and_writes_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from groundsill import api

    monkeypatch.setattr("groundsill.scaling.mixture.SIZE", 250)
    example = Path(__file__).parents[2] / "examples" / "clothing-reviews"
    for name in ("groundsill.toml", "runs.jsonl"):
        (tmp_path / name).write_bytes((example / name).read_bytes())
    project = tmp_path / "groundsill.toml"
    api.check(project)  # makes the data card, so that both assessments read it
    first = api.assess(project, draws=1000, out=tmp_path / "one")
    stored = api.scored_predictions(project).forecasts
    again = api.assess(project, draws=1000, out=tmp_path / "two")
    assert stored > 0 and api.scored_predictions(project).forecasts == stored
    assert [p.read_bytes() for p in first.paths] == [p.read_bytes() for p in again.paths]
