"""The script that measures on a GPU, on this processor: rows in the columns of the published runs."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
from benchmarks import gpu_truth
from benchmarks.published.columns import COLUMNS, append
from benchmarks.published.rows import counts, number, read


def test_without_a_gpu_it_says_so_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    monkeypatch.setattr(sys, "argv", ["gpu_truth.py", "--out", str(tmp_path / "out"), "--json"])
    assert gpu_truth.main() == 0
    assert "pilot.no_gpu" in capsys.readouterr().out and not (tmp_path / "out").exists()


@pytest.mark.torch
def test_rows_have_the_columns_of_published_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    monkeypatch.setattr("groundsill.pilot.machine_bench.LabMachine.training_precision", lambda self: "fp32")
    bench = gpu_truth.Bench("cpu", 0.05)
    thin = gpu_truth.llama(2, 32, 2, 2, 64, 128)
    setups = [
        gpu_truth.Setup("a", "train", "a", thin, 8, 2),
        gpu_truth.Setup("b", "train", "b", gpu_truth.bert(2, 32, 2, 128, 32), 8, 2),
        gpu_truth.Setup("c", "train", "c", thin, 8, 2, recompute="full"),
        gpu_truth.Setup("d", "train", "d", thin, 8, 2, method="lora"),
        gpu_truth.Setup("e", "decode", "e", thin, 8, 1),
    ]
    runs, rows = gpu_truth.measure(bench, setups, tmp_path)
    assert len(runs) == len(rows) == 5
    for name, few in (("megatron_throughput", 3), ("finetune_runs", 1), ("inference_runs", 1)):
        found = read(tmp_path, name)
        assert len(found) == few and all(counts(row) for row in found)
        assert list(found[0]) == COLUMNS[name].split(",")
        measured = "tpot_ms" if name == "inference_runs" else "step_time_s"
        assert all(
            (number(row, measured) or 0) > 0 and row["sw_version" if "sw_version" in row else "engine_version"]
            for row in found
        )
    assert {row["activation_recompute"] for row in read(tmp_path, "megatron_throughput")} == {"none", "full"}


def test_a_file_that_is_there_keeps_its_columns(tmp_path: Path) -> None:
    (tmp_path / "finetune_runs.csv").write_text("status,row_id\n", encoding="utf-8")
    append(tmp_path, "finetune_runs", {"row_id": "x,y", "status": "oom", "model": "m"})
    with (tmp_path / "finetune_runs.csv").open(encoding="utf-8", newline="") as lines:
        assert list(csv.reader(lines)) == [["status", "row_id"], ["oom", "x,y"]]
