"""Runs: the same run has the same bytes; a broken record is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import Run
from groundsill.terms.source import Source

RUN = Run(
    candidate=Candidate("tune", "lora", "all-minilm-l6-v2", (("epochs", 3.0), ("rank", 8.0))),
    task="text-classification",
    metric="accuracy",
    at={"labels": 400.0},
    source=Source("measured", "measured", read="2026-11-22"),
    value=0.8,
    stderr=0.0126,
    seed=1,
    measures={"train_seconds": 65.0},
)


def test_round_trip_keeps_id() -> None:
    again = Run.of(json.loads(json.dumps(RUN.record())))
    assert again == RUN
    assert again.id == RUN.id
    assert len(RUN.id) == 16


def test_candidate_id_is_readable() -> None:
    assert RUN.candidate.id == "tune/lora/all-minilm-l6-v2[epochs=3,rank=8]"
    assert Candidate("none").id == "none"


@pytest.mark.parametrize(
    "broken",
    [{}, {"candidate": 3}, {"candidate": {"route": "tune"}, "source": {"wrong": 1}}, {**RUN.record(), "extra": 1}],
)
def test_broken_records_are_integrity_problems(broken: dict[str, Any]) -> None:
    with pytest.raises(Problem) as raised:
        Run.of(broken, at="line 3")
    assert (raised.value.code, raised.value.at, raised.value.exit) == ("run.bad_record", "line 3", Exit.INTEGRITY)


def test_unknown_measure_is_refused() -> None:
    with pytest.raises(Problem, match="unknown_measure"):
        Run(RUN.candidate, "t", "accuracy", {"labels": 1.0}, RUN.source, measures={"train_hours": 1.0})
