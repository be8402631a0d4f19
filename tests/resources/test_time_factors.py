"""The shipped factors are what the script makes of the published runs; the benchmark scores the rows it says."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from groundsill.resources.errors import COLUMNS
from groundsill.resources.factors import shipped
from groundsill.resources.settings import COMPONENTS

ROOT = Path(__file__).resolve().parents[2]


def test_shipped_factors_are_complete() -> None:
    """Every component has a variance, every published row its levels, residual and count; sources are named."""
    table = shipped("time")
    assert set(table["errors"]["variances"]) == {*COMPONENTS, "noise"}
    assert {len(row) for row in table["errors"]["known"]} == {len(COLUMNS) + 3}
    assert all(v > 0 for v in table["step"].values())
    assert table["_source"]["rows"] >= len(table["errors"]["known"])


def test_forecast_needs_no_scipy() -> None:
    """Nothing on the way of one forecast imports scipy: it alone takes longer than a cold start may."""
    code = (
        "import sys; from groundsill.resources.errors import Errors; Errors.of();"
        "import groundsill.resources.step; sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_factors_are_made_from_the_truth(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The same bytes, where the folder of published runs is given."""
    truth = request.config.getoption("--truth")
    if not truth:
        pytest.skip("no --truth")
    script = ROOT / "benchmarks" / "make_resource_factors.py"
    command = [sys.executable, str(script), "--truth", truth, "--out", str(tmp_path), "--parts", "time"]
    subprocess.run(command, check=True, capture_output=True)
    made, ours = (
        json.loads((f / "time.json").read_text()) for f in (tmp_path, ROOT / "src/groundsill/resources/factors")
    )
    assert made["_source"] == ours["_source"]
    assert made["step"] == pytest.approx(ours["step"], rel=1e-6)
    assert (tmp_path / "time.json").read_bytes() == (ROOT / "src/groundsill/resources/factors/time.json").read_bytes()
