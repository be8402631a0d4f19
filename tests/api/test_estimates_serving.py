"""Serving estimates: the user's own runs move them, and the nearest published runs are said."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from groundsill.api import estimate_serve
from groundsill.catalogue.ledger import Ledger
from groundsill.catalogue.load import Catalogue
from groundsill.resources import step
from groundsill.resources.job import Job, Plan
from groundsill.resources.own import Request, forecast, point
from groundsill.terms.candidate import Candidate
from groundsill.terms.run import CALIBRATION, Run
from groundsill.terms.source import Source

A100: dict[str, Any] = {"accelerator": "a100-sxm-80gb", "hourly": 2}


def served(folder: Path, slower: float, hardware: str) -> None:
    """A ledger with one own run of llama-3.1-8b answering 4 requests, `slower` times as slow as is forecast."""
    asked = Request(Catalogue().model("llama-3.1-8b").shape, 4, 500, "bf16", "vllm")  # type: ignore[arg-type]
    machine = Catalogue().machine(hardware)
    token, first = (forecast(what, asked, Plan(), machine) or 0.0 for what in ("token", "prefill"))
    at, words = point(job=asked)
    run = Run(
        Candidate("prompt", "", "", words), CALIBRATION, "", at, Source("me", "measured"), seed=0,
        measures={"token_seconds": slower * token, "prefill_seconds": slower * first, "spread": 0.02, "repeats": 3.0},
        hardware=hardware, started="2026-11-01T00:00:00+00:00",
    )  # fmt: skip
    Ledger(folder).append(run)


@pytest.mark.parametrize("load", [{"concurrency": 4}, {"rate": 20}])
def test_one_own_run_of_serving_moves_the_forecast_of_serving(tmp_path: Path, load: dict[str, Any]) -> None:
    given = {"accelerator": "a100-sxm-80gb", "hourly": 2, **load}
    before = estimate_serve("llama-3.1-8b", **given)
    served(tmp_path, 2.0, "a100-sxm-80gb")
    after = estimate_serve("llama-3.1-8b", ledger=tmp_path, **given)
    assert after.tpot["mean"].median > 1.2 * before.tpot["mean"].median
    assert after.ttft["mean"].median > 1.1 * before.ttft["mean"].median
    assert after.tpot["mean"].high80 / after.tpot["mean"].low80 < before.tpot["mean"].high80 / before.tpot["mean"].low80
    assert after.copies >= before.copies
    assert "estimate.own" in {n.code for n in after.notes}
    assert "estimate.own" not in {n.code for n in before.notes}


def test_own_steps_say_nothing_of_serving(tmp_path: Path) -> None:
    job = Job(Catalogue().model("llama-2-7b").shape, 4096, 64, stack="mine", year=2026.0)  # type: ignore[arg-type]
    plan = Plan(8, shard=3, micro_batch=1)
    seconds = float(step.step(job, plan, Catalogue().machine("a100-sxm-80gb")).seconds)
    at, words = point(job=job, plan=plan)
    own = Run(
        Candidate("pretrain", "", "", words), CALIBRATION, "", at, Source("me", "measured"), seed=0,
        measures={"step_seconds": 2 * seconds}, hardware="a100-sxm-80gb", started="2026-11-01T00:00:00+00:00",
    )  # fmt: skip
    Ledger(tmp_path).append(own)
    plain, told = (estimate_serve("llama-3.1-8b", ledger=folder, **A100) for folder in (None, tmp_path))
    assert plain.tpot == told.tpot and plain.ttft == told.ttft


def test_serving_shows_the_nearest_published_runs() -> None:
    made = estimate_serve("llama-3.1-8b", accelerator="h100-sxm-80gb", concurrency=8, hourly=2)
    assert len(made.near) == 3 and all(math.isfinite(n.error) and 0 < n.alike < 1 for n in made.near)
    assert any("vllm" in n.kind for n in made.near)
