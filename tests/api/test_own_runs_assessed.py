"""One own measurement in the ledger moves what an assessment says a route needs, and the report leads to it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from groundsill import api
from groundsill.catalogue.ledger import Ledger
from groundsill.catalogue.load import Catalogue
from groundsill.report.explain import check, numbers, trace
from groundsill.resources import own
from groundsill.resources.job import Job, Plan
from groundsill.resources.step import step
from groundsill.terms.candidate import Candidate
from groundsill.terms.run import CALIBRATION, Run
from groundsill.terms.source import Source

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "pretrain-7b" / "groundsill.toml"
ID = "h100-sxm-80gb"
ITEM = f"accelerator:{ID}"


def timed(what: dict[str, object], measures: dict[str, float]) -> Run:
    at, words = own.point(**what)
    source = Source("calibration", "measured")
    return Run(
        Candidate("none", "", "", words),
        CALIBRATION,
        "",
        at,
        source,
        measures={**measures, "spread": 0.02},
        hardware=ID,
    )


def slow_step(times: float) -> Run:
    """Eight H100 of ours took so many times the forecast for a step of a 7B model."""
    catalogue = Catalogue()
    job, plan = Job(catalogue.model("dense-7b").shape, 4096, 64, stack="fsdp", year=2026.0), Plan(8, shard=3)  # type: ignore[arg-type]
    seconds = times * float(step(job, plan, catalogue.machine(ID)).seconds)
    return timed({"job": job, "plan": plan}, {"step_seconds": seconds})


def slow_token(times: float) -> Run:
    catalogue = Catalogue()
    asked = own.Request(catalogue.model("llama-2-7b").shape, 16, 700, "bf16", "vllm")  # type: ignore[arg-type]
    seconds = times * (own.forecast("token", asked, Plan(), catalogue.machine(ID)) or 0.0)
    return timed({"job": asked}, {"token_seconds": seconds})


def needs(folder: Path, *runs: Run) -> tuple[dict[tuple[str, str], float], dict[str, object]]:
    """(candidate, part) -> median accelerator-seconds of the assessed plan with these runs in its ledger."""
    folder.mkdir()
    shutil.copy(EXAMPLE, folder)
    if runs:
        Ledger(folder / ".groundsill").extend(runs)
    done = api.assess(folder / "groundsill.toml", draws=1000)
    found = {
        (row.candidate.id, need.part): need.amount.median
        for row in done.assessment.results
        for need in row.needs
        if need.item == ITEM
    }
    return found, dict(check(json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    ("run", "candidate", "part"),
    [(slow_step(1.5), "pretrain/dense-7b", "build"), (slow_token(2.0), "prompt/few-shot/llama-3.1-8b", "per_month")],
)
def test_one_own_measurement_moves_the_assessment(tmp_path: Path, run: Run, candidate: str, part: str) -> None:
    before, _ = needs(tmp_path / "before")
    after, report = needs(tmp_path / "after", run)
    assert after[candidate, part] > 1.15 * before[candidate, part]
    text = json.dumps(report)
    assert run.id in text
    assert [p for p in numbers(report) if not trace(report, p).led or trace(report, p).missing] == []
    untouched = [key for key in before if key[1] != part]
    assert untouched and all(after[key] == pytest.approx(before[key], rel=0.02) for key in untouched)
