"""benchmarks/curves.py on made-up curves whose truth is known."""

from __future__ import annotations

import csv
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
COLUMNS = ("source", "group", "curve_id", "kind", "task", "model", "route", "metric", "better", "x_unit", "x", "y",
           "y_sd", "n_rep", "orig_split")  # fmt: skip


@pytest.fixture
def curves(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module("curves")
    for name in ("curves", "curve_forecasts", "curve_peers", "public_curves"):
        sys.modules.pop(name, None)


def written(folder: Path) -> Path:
    """Four scores and four losses that follow power laws, and one curve of an unknown kind."""
    rows = []
    for i in range(9):
        kind = "classical_labels" if i < 4 else "finetune_labels" if i < 8 else "something_new"
        higher = i < 4
        for x in 2.0 ** np.arange(5, 15):
            error = (0.05 + 0.01 * i) + (2 + 0.3 * i) * x**-0.5
            error *= float(np.exp(0.004 * np.sin(7 * np.log(x) + i)))
            rows.append(["made-up", f"g{i}", f"c{i}", kind, "t", "m", "r", "accuracy" if higher else "test_loss",
                         "higher" if higher else "lower", "labels", x, 1 - error if higher else error, "", "", ""])  # fmt: skip
    with (folder / "curves_1d.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return folder


@pytest.mark.usefixtures("quick")
def test_figures_of_made_up_power_laws(curves: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert curves.main(["--truth", str(written(tmp_path)), "--json", "--parts", "labels", "--jobs", "1"]) == 0
    found = {f["id"]: f for f in json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]}
    for name in ("ape8_all", "ape8_routes", "cover80", "cover90", "is90", "labels_log2", "labels_cover90",
                 "abstain_hit", "abstain_false", "curve_s", "cover90_worst"):  # fmt: skip
        assert name in found and {"value", "low", "high", "n", "reach", "better", "holds"} <= set(found[name])
    assert found["ape8_all"]["n"] == 8 and found["ape8_tuned_loss"]["n"] == 4 and "ape8_tuned" not in found
    assert found["ape8_all"]["value"] < 0.06 and found["cover90"]["value"] >= 0.7
    assert found["ape8_all"]["peer"]["value"] < 0.06  # these are pow3's own curves
    assert found["abstain_hit"]["n"] == 0 and found["abstain_hit"]["value"] is None
    assert not found["abstain_hit"]["holds"]  # nothing to catch is no proof of catching


def test_missing_parts_are_said(curves: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    missing = [
        p
        for p, m in (("surfaces", "public_surfaces"), ("adaptive", "adaptive"))
        if not (BENCHMARKS / f"{m}.py").is_file()
    ]
    for part in missing:
        assert curves.main(["--truth", str(tmp_path), "--parts", part]) == 0
        assert "is not there" in capsys.readouterr().out


def test_pow3_peer_and_its_labels(curves: ModuleType) -> None:
    peers = importlib.import_module("curve_peers")
    x = np.array([100.0, 200, 400, 800, 1600])
    found = peers.pow3(x, 0.1 + 2 * x**-0.5)
    assert np.exp(found.ln_error(12_800, 0.0)) == pytest.approx(0.1 + 2 * 12_800**-0.5, rel=0.01)
    assert found.reach(0.1 + 2 * 12_800**-0.5, 1e6, 0.0) == pytest.approx(12_800, rel=0.1)
    assert found.reach(0.09, 1e6, 0.0) == np.inf


def test_scatter_of_one_run_is_read_from_the_deviations(curves: ModuleType) -> None:
    """Curves whose runs scatter by 5, 10 and 20 % of the error at every rung; one that does not tell is left out."""
    assert curves is not None
    forecasts, public = (importlib.import_module(name) for name in ("curve_forecasts", "public_curves"))
    x = np.array([0.0, 100, 200, 400])
    error = 0.1 + x / 1e4
    some = [
        SimpleNamespace(exam=SimpleNamespace(
            curve=public.PublicCurve(f"c{s}", "made-up", "tuned", "g", x, error, 0 * x, True, s * error)
        )) for s in (0.05, 0.1, 0.2, 0.0, 0.1, 0.2)
    ]  # fmt: skip
    middle, spread = forecasts.one_run(some)
    assert middle == pytest.approx(np.log(0.1), abs=1e-3)
    assert spread == pytest.approx(np.log(2), abs=1e-3)
    assert forecasts.one_run(some[3:4]) is None
