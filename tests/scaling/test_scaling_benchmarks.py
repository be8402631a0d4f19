"""The benchmarks of this room on made-up input, and the shipped factors against their script."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.scaling.made_up_runs import law, runs_of

from groundsill.terms.candidate import Candidate

ROOT = Path(__file__).parents[2]


@pytest.fixture
def backtest() -> ModuleType:
    spec = importlib.util.spec_from_file_location("backtest", ROOT / "benchmarks" / "backtest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["backtest"] = module
    spec.loader.exec_module(module)
    return module


def written(folder: Path) -> Path:
    ladder = (100, 200, 400, 800, 1600, 3200, 6400, 12_800)
    runs = [
        *runs_of(ladder, test_rows=4000),
        *runs_of(ladder[:6], test_rows=4000, candidate=Candidate("tune", "full", "mini"), seed=7),
        *runs_of(ladder, test_rows=4000, candidate=Candidate("tune", "lora", "mini"), error=lambda n: 0.56),
    ]
    path = folder / "runs.jsonl"
    path.write_text("\n".join(json.dumps(r.record()) for r in runs) + "\n", encoding="utf-8")
    return path


def test_backtest_compares_forecast_and_peers_with_the_truth(
    backtest: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backtest.main([str(written(tmp_path)), "--json"]) == 0
    text = capsys.readouterr().out
    rows = [line.split() for line in text.splitlines() if line.startswith(("classical/", "tune/full"))]
    assert [(r[0], r[1], r[2]) for r in rows] == [
        ("classical/logistic", "1600", "12800"),  # eight times
        ("tune/full/mini", "800", "3200"),  # a quarter of the largest
    ]
    for row in rows:
        low, middle, high, truth = (float(v) for v in row[3:7])
        assert low < truth < high and row[7] == "yes"
        assert truth == pytest.approx(1 - law(float(row[2])), abs=0.01)
        assert abs(middle - truth) < 0.03
    assert any(line.startswith("tune/lora/mini: refused") and "guess" in line for line in text.splitlines())
    figures = {f["id"]: f for f in json.loads(text.splitlines()[-1])["figures"]}
    assert figures["backtest_ape"]["n"] == 2 and figures["backtest_cover90"]["value"] == 1.0
    assert figures["backtest_ape"]["peer"]["name"] in ("last value", "pow3 least squares")
    assert figures["backtest_ape"]["value"] < 0.15
    assert set(figures) == {"backtest_ape", "backtest_cover90", "backtest_ape_trained", "backtest_cover90_trained"}


def test_backtest_with_nothing_to_compare(backtest: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text("\n".join(json.dumps(r.record()) for r in runs_of((200, 400, 800))), encoding="utf-8")
    assert backtest.main([str(path)]) == 3


def test_peer_power_law_finds_a_power_law(backtest: ModuleType) -> None:
    import numpy as np

    x = np.array([100.0, 200, 400, 800, 1600])
    assert backtest.power_law(x, np.array([law(v) for v in x]), 12_800) == pytest.approx(law(12_800), rel=0.01)


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module(name)


def test_the_oracle_of_the_adaptive_pilot_is_no_cheaper_than_theory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elfving 1952: with shares of seeds instead of whole ones, least cost x variance is (sum |c| root x)^2, where c are
    the weights with which values at as many places as coefficients give the forecast."""
    adaptive = loaded("adaptive", monkeypatch)
    places = np.arange(6.0)  # log2 of 1 .. 32, the target at 7
    for coefficients, farthest in ((2, 4), (2, 5), (3, 4), (3, 5)):
        some = combinations(places[: farthest + 1], coefficients)
        bound = min(sum(abs(w) * 2 ** (x / 2) for w, x in zip(lagrange(at), at, strict=True)) ** 2 for at in some)
        rows = np.repeat(places[:5], 3)[:, None] ** np.arange(coefficients)
        at = 7.0 ** np.arange(coefficients)
        mark = float(at @ np.linalg.solve(rows.T @ rows, at))
        found = adaptive.oracle(coefficients, 2.0**farthest)
        assert bound / mark / 93 <= found <= 1.0
    assert adaptive.oracle(3, 32.0) < adaptive.oracle(3, 16.0)


def lagrange(at: tuple[float, ...], target: float = 7.0) -> list[float]:
    return [float(np.prod([(target - y) / (x - y) for y in at if y != x])) for x in at]


def test_the_adaptive_pilot_stops_when_it_is_as_sure_as_the_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    adaptive = loaded("adaptive", monkeypatch)
    rng = np.random.default_rng(1)

    def pool(name: str, more: float) -> Any:
        xs = 50.0 * 2 ** np.arange(9)
        scores = {float(x): tuple(1 - (law(x) + more) * np.exp(0.03 * rng.standard_normal(8))) for x in xs}
        return adaptive.Pool(f"set/{name}", adaptive.CLASSICAL, scores)

    some = [pool("good", 0.0), pool("poor", 0.3)]
    ((own, rungs),) = adaptive.grouped(adaptive._laddered(some))
    assert own == some and len(rungs) == 5
    found = adaptive.compare(own, rungs)
    assert found is not None and found.reached and found.width <= found.mark and found.cost < 0.9
    (cost, *_, cover) = adaptive.figures([found])
    assert (cost["id"], cost["value"], cover["n"]) == ("adaptive_cost", found.cost, 1)
    assert cost["reach"] == 0.4 and "reach" not in adaptive.figures([found], "_curve")[0]


@pytest.mark.slow
def test_shipped_factors_are_what_the_script_makes(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = request.config.getoption("--truth")
    if folder is None:
        pytest.skip("needs --truth DIR")
    base = Path(folder)
    shipped = ROOT / "src" / "groundsill" / "scaling" / "factors.toml"
    date = tomllib.loads(shipped.read_text(encoding="utf-8"))["date"]
    out = tmp_path / "factors.toml"
    script = ROOT / "benchmarks" / "make_scaling_factors.py"
    curves = base / "curves" if (base / "curves").is_dir() else base
    subprocess.run([sys.executable, script, "--truth", curves, "--out", out, "--date", date], check=True)
    assert out.read_bytes() == shipped.read_bytes()


def test_output_of_a_benchmark_that_was_run_before_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = loaded("results", monkeypatch)
    old = {"startup": {"date": "2026-01-01", "command": "c", "processor": "p", "versions": "v", "figures": []}}
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/results.json").write_text(json.dumps(old), encoding="utf-8")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "STORE", tmp_path / "docs/results.json")
    log = tmp_path / "cross.log"
    log.write_text('ape8_all 0.05\n{"figures": [{"id": "ape8_all", "value": 0.05, "n": 2}]}\n', encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["results.py", "curves-crossed", "--log", str(log)])
    results.main()
    kept = json.loads((tmp_path / "docs/results.json").read_text(encoding="utf-8"))
    assert set(kept) == {"startup", "curves-crossed"} and kept["curves-crossed"]["figures"][0]["value"] == 0.05
    assert kept["curves-crossed"]["command"].endswith("DIR/curves --cross")
    assert "| `ape8_all` | 0.05 |" in (tmp_path / "docs/results.md").read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["results.py", "curves", "startup", "--log", str(log)])
    with pytest.raises(SystemExit):
        results.main()
    assert "name it" in capsys.readouterr().err
