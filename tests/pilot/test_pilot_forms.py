"""A pilot of the real bench on rows that are no single text with a class."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lab.forms import made
from tests.pilot.fake_bench import make_inputs

from groundsill.lab.data import DataSpec
from groundsill.pilot.bench import LabBench
from groundsill.pilot.run import run
from groundsill.project.table import TableSpec
from groundsill.terms.candidate import Candidate


@pytest.mark.parametrize(
    ("form", "text", "task", "metric", "method"),
    [
        ("words", ("text",), "token-classification", "entity-f1", "window-logistic"),
        ("pair", ("a", "b"), "sentence-pair", "accuracy", "tfidf-logistic"),
    ],
)
def test_a_pilot_climbs_its_ladder_on_tagged_words_and_pairs(
    form: str, text: tuple[str, ...], task: str, metric: str, method: str, tmp_path: Path
) -> None:
    made(tmp_path, form)  # writes the table
    spec = TableSpec(f"{form}.jsonl", text, "label", test_rows=60, form=form)
    inputs = make_inputs(
        tmp_path, candidates=(Candidate("classical", method),), rungs=(25, 50, 100), seeds=(0, 1), metric=metric, task=task,
        spec=spec, label_limit=180.0,
    )  # fmt: skip
    told = run(inputs, ledger_folder=tmp_path / "ledger", budget_seconds=600, bench=LabBench(tmp_path / "cache"))
    runs = told.done
    assert {(r.at["labels"], r.seed) for r in runs} >= {(n, s) for n in (25.0, 50.0, 100.0) for s in (0, 1)}
    assert {(r.task, r.metric) for r in runs} == {(task, metric)}
    assert DataSpec(**vars(spec)) == DataSpec(f"{form}.jsonl", text, "label", test_rows=60, form=form)
