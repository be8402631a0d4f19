"""Routes side by side, on a ledger with made-up answers of known quality."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from groundsill import api
from groundsill.catalogue.ledger import Ledger
from groundsill.lab.data import Split
from groundsill.lab.evaluation import Report, run_of
from groundsill.pilot import bench
from groundsill.project import file
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem

ROWS, CLASSES = 300, ("a", "b", "c")
TRUTH = np.random.default_rng(0).integers(0, 3, ROWS).astype(np.int32)
TEST = Split(("x",) * ROWS, TRUTH)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose table has ROWS test rows; its ledger is empty."""
    task = SimpleNamespace(kind="text-classification", metric="accuracy")
    read = SimpleNamespace(spec=object(), folder=tmp_path, task=task)
    table = SimpleNamespace(test=TEST, classes=CLASSES, card=SimpleNamespace(test_id="t", path="made up"))
    monkeypatch.setattr(file, "read", lambda path: read)
    monkeypatch.setattr(bench.LabBench, "read", lambda *args: table)
    return tmp_path / "groundsill.toml"


def add(
    project: Path, method: str, right: float, labels: int, seed: int, test_id: str = "t", keep: bool = True
) -> None:
    rng = np.random.default_rng([labels, seed, *method.encode()])
    answers = np.where(rng.random(ROWS) < right, TRUTH, (TRUTH + 1) % 3).astype(np.int32)
    folder = project.parent / ".groundsill"
    run = run_of(
        Candidate("tune", method, "tiny"), Report(np.eye(3)[answers], {}, ()), TEST, CLASSES,  # type: ignore[arg-type]
        task="text-classification", metric="accuracy", at={"labels": float(labels)}, seed=seed, hardware="test",
        data_hash="d", test_id=test_id, started="2026-11-22T00:00:00+00:00", work=folder / "work" if keep else project.parent,
    )  # fmt: skip
    Ledger(folder).append(run)


def test_pairs_stand_at_the_largest_common_rung_and_seeds(project: Path) -> None:
    for seed in (0, 1, 2):
        add(project, "lora", 0.9, 400, seed)
        add(project, "head", 0.7, 400, seed)
    add(project, "head", 0.99, 800, 0)
    add(project, "full", 0.9, 800, 0)
    found = api.compare(project)
    told = {(p.first.split("/")[1], p.second.split("/")[1]): p for p in found.pairs}
    pair = told["lora", "head"]
    assert (pair.labels, pair.seeds) == (400, 3)
    assert pair.difference == pytest.approx(pair.first_value - pair.second_value)
    assert 0.1 < pair.low < 0.2 < pair.high < 0.3 and pair.p < 0.01 and pair.wins > pair.losses
    assert told["head", "full"].labels == 800 and ("lora", "full") not in told  # those two share no rung
    assert [p.difference for p in found.pairs] == sorted((p.difference for p in found.pairs), reverse=True)
    assert len(api.compare(project, labels=800).pairs) == 1


def test_routes_without_answers_are_named(project: Path) -> None:
    add(project, "lora", 0.9, 400, 0)
    add(project, "head", 0.7, 400, 0)
    add(project, "full", 0.9, 400, 0, keep=False)
    add(project, "bitfit", 0.9, 400, 0, test_id="other")
    found = api.compare(project)
    assert len(found.pairs) == 1
    assert {k.split("/")[1]: v for k, v in found.left_out.items()} == {"full": "no_answers", "bitfit": "other_rows"}


def test_one_route_is_nothing_to_compare(project: Path) -> None:
    add(project, "lora", 0.9, 400, 0)
    with pytest.raises(Problem, match=r"api\.nothing_to_compare"):
        api.compare(project)


def test_an_evaluation_of_kept_runs_sets_routes_side_by_side(project: Path) -> None:
    for seed in (0, 1):
        add(project, "lora", 0.9, 400, seed)
        add(project, "head", 0.7, 400, seed)
    add(project, "head", 0.99, 100, 0)
    add(project, "full", 0.9, 400, 0, keep=False)
    name = {m: Candidate("tune", m, "tiny").id for m in ("lora", "head", "full")}
    found = api.evaluate([project], before=name["head"])
    assert [s.name for s in found.sheets] == [name["head"], name["lora"]] and found.rows == ROWS
    assert [s.seeds for s in found.sheets] == [2, 2] and found.left_out == {name["full"]: "no_answers"}
    (gap,) = found.gaps
    told = api.compare(project, labels=400).pairs[0]
    assert (gap.first, gap.second, gap.difference) == (name["lora"], name["head"], pytest.approx(told.difference))
    assert "roc-auc" in found.sheets[0].values
    small = api.evaluate([project], labels=100)
    assert [s.name for s in small.sheets] == [name["head"]] and small.left_out[name["lora"]] == "other_rung"
    with pytest.raises(Problem, match=r"lab\.unknown_metric"):
        api.evaluate([project], metric="beauty")


def test_a_project_without_kept_answers_cannot_be_evaluated(project: Path) -> None:
    with pytest.raises(Problem, match=r"answers\.none_kept"):
        api.evaluate([project])
