"""Evidence files and tables of earlier runs."""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot import evidence
from groundsill.pilot import run as pilot
from groundsill.pilot.runs_table import COLUMNS, import_csv
from groundsill.pilot.table import clear_leftovers
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import MEASURES, Run
from groundsill.terms.source import Source
from groundsill.words import LANGUAGES, explain, say

DOC = Path(__file__).parents[2] / "docs" / "runs-table.md"


def a_run(labels: float = 200, value: float = 0.7, note: str = "") -> Run:
    return Run(
        Candidate("tune", "head", "mini"), "text-classification", "accuracy", {"labels": labels},
        Source("pilot", "measured"), value, seed=1, measures={"train_seconds": 2.5}, started="2026-11-22", note=note,
    )  # fmt: skip


# ---- evidence files

NO_SURROGATES = st.text(st.characters(exclude_categories=["Cs"]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.builds(a_run, labels=st.floats(0, 1e6), value=st.floats(0, 1), note=NO_SURROGATES)))
def test_written_runs_are_read_back(tmp_path_factory: pytest.TempPathFactory, runs: list[Run]) -> None:
    path = tmp_path_factory.mktemp("evidence") / "runs.jsonl"
    evidence.write(runs, path)
    assert evidence.read(path) == runs


def test_every_changed_character_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    runs = [a_run(labels=n) for n in (100, 200, 400)]
    evidence.write(runs, path)
    good, chance = path.read_bytes(), random.Random(3)
    for _ in range(300):
        place = chance.randrange(len(good))
        bad = good[:place] + bytes([good[place] ^ (1 << chance.randrange(7))]) + good[place + 1 :]
        path.write_bytes(bad)
        try:
            assert evidence.read(path) == runs  # a blank between tokens may change without harm
        except Problem as problem:
            line = good[:place].count(b"\n") + 1
            assert (problem.code, problem.exit) == ("pilot.evidence_changed", Exit.INTEGRITY)
            assert problem.at in (f"{path}:{line}", f"{path}:{line + 1}")


def test_refreshing_keeps_what_others_measured(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    evidence.refresh([a_run(200, 0.7), a_run(400, 0.75)], path)
    evidence.refresh([a_run(400, 0.76), a_run(800, 0.8)], path)
    assert [(r.at["labels"], r.value) for r in evidence.read(path)] == [(200, 0.7), (400, 0.76), (800, 0.8)]
    path.write_bytes(path.read_bytes().replace(b"0.76", b"0.99"))
    with pytest.raises(Problem, match="evidence_changed"):
        evidence.refresh([a_run(800, 0.8)], path)


def test_a_missing_evidence_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no_evidence"):
        evidence.read(tmp_path / "none.jsonl")


def test_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "runs.jsonl"
    evidence.write([a_run()], path)
    before = path.read_bytes()

    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(Problem) as caught:
        evidence.write([a_run(), a_run(400)], path)
    assert (caught.value.code, caught.value.exit) == ("pilot.no_room", Exit.NO_ROOM)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_is_removed_and_what_is_new_is_not(tmp_path: Path) -> None:
    for name, age_seconds in (("card.json.1.part", 120.0), ("card.json.2.part", 0.0), ("card.json", 120.0)):
        (tmp_path / name).touch()
        moment = (tmp_path / name).stat().st_mtime - age_seconds
        os.utime(tmp_path / name, (moment, moment))
    clear_leftovers(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"card.json.2.part", "card.json"}


# ---- the table of runs


def table(folder: Path, text: str, metric: str = "accuracy") -> list[Run]:
    path = folder / "runs.csv"
    path.write_bytes(text.encode())
    return import_csv(path, task="text-classification", metric=metric, data_hash="abc", today="2026-11-22")


def test_the_documented_table(tmp_path: Path) -> None:
    text = DOC.read_text(encoding="utf-8")
    assert [line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `")][
        : len(COLUMNS)
    ] == list(COLUMNS)
    example = text.split("```csv\n")[1].split("```")[0]
    first, second = table(tmp_path, example)
    assert first.candidate == Candidate("tune", "lora", "all-minilm-l6-v2")
    assert (first.at, first.seed, first.value, first.test_rows) == ({"labels": 400}, 1, 0.781, 1000)
    assert first.measures == {"train_seconds": 64.0} and first.started == "2026-03-01T00:00:00+00:00"
    assert first.source.kind == "imported" and first.source.title == "notebook 7" and first.source.id.endswith(":2")
    assert (first.data_hash, first.task, first.source.read) == ("abc", "text-classification", "2026-11-22")
    assert (second.candidate.route, second.value, second.seed) == ("classical", 0.74, None)


def test_separators_and_marks_of_spreadsheets(tmp_path: Path) -> None:
    one = table(tmp_path, "route,labels,value\r\nclassical,200,0.5\r\n")
    two = table(tmp_path, "\ufeffRoute;Labels;Value\nclassical;200;50%\n\n")
    three = table(tmp_path, "route\tlabels\tvalue\tnote\nclassical\t200\t0.5\t\n")
    assert [r[0].value for r in (one, two, three)] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("text", "code", "line", "told"),
    [
        ("route,value\nclassical,0.5\n", "missing_column", 1, "labels"),
        ("route,labels,value,acuracy\n", "unknown_column", 1, "acuracy"),
        ("route,labels,value\nclassical,200,0.5\nclassical,200,87.2\n", "value_above_one", 3, "0.872"),
        ("route,labels,value\nclassical,200,high\n", "not_a_number", 2, "high"),
        ("route,labels,value\nclassical,200,nan\n", "not_a_number", 2, "nan"),
        ('route,labels,value\nclassical,"3,200",0.5\n', "not_a_number", 2, "3,200"),
        ("route,labels,value,seed\nclassical,200,0.5,1.5\n", "not_a_number", 2, "seed"),
        ("route,labels,value\nclassical,-5,0.5\n", "number_too_low", 2, "-5"),
        ("route,labels,value\nclassic,200,0.5\n", "unknown_route", 2, "classical"),
        ("route,labels,value\nclassical,,0.5\n", "missing_cell", 2, "labels"),
        ("route,labels,value\nclassical,200\n", "uneven_row", 2, "3"),
        ('route,labels,value,note\nclassical,200,0.5,"two\nlines"\nclassical,x,0.5,\n', "not_a_number", 4, "x"),
        ("route,labels,value,started\nclassical,200,0.5,yesterday\n", "bad_date", 2, "yesterday"),
        ("route,labels,value\n", "empty_table", 0, "accuracy"),
        ("", "empty_table", 0, "-"),
    ],
)
def test_faults_are_named_with_their_line(tmp_path: Path, text: str, code: str, line: int, told: str) -> None:
    with pytest.raises(Problem) as caught:
        table(tmp_path, text)
    assert caught.value.code == f"pilot.{code}" and caught.value.exit == Exit.INVALID
    assert caught.value.at == f"{tmp_path / 'runs.csv'}" + (f":{line}" if line else "")
    assert told in explain(caught.value)


@pytest.mark.parametrize("content", [b"route,labels\xff\xfe\nx", b"\x00\x01\x02,\x00\n"])
def test_a_file_that_is_not_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "runs.csv"
    path.write_bytes(content)
    with pytest.raises(Problem, match="not_text"):
        import_csv(path, task="t", metric="accuracy")
    with pytest.raises(Problem, match="no_table"):
        import_csv(tmp_path / "none.csv", task="t", metric="accuracy")


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('route,labels,value\n"classical01.5%;\t-eE \r\0é'), max_size=200) | st.text(max_size=60))
def test_any_text_is_runs_or_a_problem(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("table") / "runs.csv"
    path.write_bytes(text.encode("utf-8", "replace"))
    for head in (b"", b"route,labels,value\n", b"run_id,params.route,params.labels,metrics.accuracy\n"):
        path.write_bytes(head + text.encode("utf-8", "replace"))
        try:
            assert import_csv(path, task="t", metric="accuracy")
        except Problem as problem:
            assert problem.code.startswith("pilot.")


MLFLOW = (
    "run_id,experiment_id,status,artifact_uri,start_time,end_time,metrics.test_accuracy,metrics.f1,metrics.train_runtime,"
    "params.method,params.model_name_or_path,params.n_train,params.seed,params.lr,tags.mlflow.runName,tags.mlflow.user\n"
    "a1,0,FINISHED,file:///x,2026-03-01 12:00:00.123000+00:00,2026-03-01 12:05:00+00:00,0.81,0.7,61.5,lora,mini,400,1,1e-4,"
    "bold-fox-1,ann\n"
    "a2,0,FAILED,file:///x,2026-03-01 12:00:00+00:00,,,,,lora,mini,800,1,1e-4,sad-fox,ann\n"
    "a3,0,FINISHED,file:///x,1772366400000,,,,,lora,mini,800,1,1e-4,no-metric,ann\n"
)


def test_mlflow_export(tmp_path: Path) -> None:
    (run,) = table(tmp_path, MLFLOW)
    assert run.candidate == Candidate("tune", "lora", "mini") and run.at == {"labels": 400} and run.seed == 1
    assert (run.value, run.measures) == (0.81, {"train_seconds": 61.5})
    assert run.started == "2026-03-01T12:00:00+00:00"
    assert run.source.title == "MLflow run a1 bold-fox-1" and run.source.author == "ann"
    (other,) = table(tmp_path, MLFLOW, metric="macro-f1")
    assert (other.metric, other.value) == ("macro-f1", 0.7)


def test_mlflow_page_export_and_what_it_lacks(tmp_path: Path) -> None:
    page = "Start Time,Duration,Run ID,Name,User,Status,route,labels,accuracy\n2026-03-01 12:00:00,1min,b7,fox,ann,FINISHED,classical,200,0.5\n"
    (run,) = table(tmp_path, page)
    assert run.candidate.route == "classical" and run.source.title == "MLflow run b7 fox"
    store = "run_id,start_time,params.route,params.labels,metrics.accuracy\na,1772366400000,classical,5,0.5\n"
    assert table(tmp_path, store)[0].started == "2026-03-01T12:00:00+00:00"
    with pytest.raises(Problem) as caught:
        table(tmp_path, "run_id,params.method,metrics.accuracy\na,lora,0.5\n")
    assert (caught.value.code, caught.value.got) == ("pilot.missing_cell", "labels")
    assert "params.n_train" in explain(caught.value)
    with pytest.raises(Problem, match="missing_cell"):
        table(tmp_path, "run_id,params.labels,metrics.accuracy\na,5,0.5\n")


def test_imported_twice_is_stored_once(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / ".groundsill")
    runs = table(tmp_path, "route,labels,value,seed\nclassical,200,0.5,0\nclassical,200,0.5,1\n")
    assert (pilot.record(ledger, runs), pilot.record(ledger, runs)) == (2, 0)
    assert list(ledger.runs()) == runs


# ---- words


def test_every_code_has_words_in_both_languages() -> None:
    root = Path(pilot.__file__).parents[1]
    sources = [*(root / "pilot").glob("*.py"), root / "catalogue" / "ledger.py"]
    codes = {
        c for path in sources for c in re.findall(r'"((?:pilot|ledger)\.[a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    codes = {
        c
        for c in codes
        if not c.startswith(("pilot.speed", "pilot.walls", "pilot.spent", "pilot.chance", "ledger.head"))
    }
    codes -= {"ledger.sqlite", "ledger.lock"}
    assert len(codes) > 35
    for language in LANGUAGES:
        for code in codes:
            text = (root / "words" / language / f"{code.split('.')[0]}.toml").read_text(encoding="utf-8")
            assert f"[{code.split('.')[1]}]" in text, (language, code)


def test_measures_of_the_table_are_known() -> None:
    from groundsill.pilot.runs_table import MEASURED

    assert set(MEASURED) <= set(MEASURES)


def test_the_sentences_take_their_values() -> None:
    values = {"cells": 3, "seconds": 12.0, "reused": 1}
    assert say("pilot.planned", "en", **values) == "3 measurements are planned, about 12 seconds; 1 are there already."
    assert "12" in say("pilot.planned", "zh", **values)
    json.dumps(values)
