"""Calibrating: what is measured, what becomes of it in the ledger, and what happens when memory or time are short."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot.hardware import Device
from groundsill.pilot.machine import SHARES, SIZES, calibrate
from groundsill.project.entrants import matching
from groundsill.resources.job import Job, Plan
from groundsill.resources.own import job_of, own_accelerator, request_of
from groundsill.terms.event import Event
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import CALIBRATION, MEASURES
from groundsill.terms.shape import Shape
from groundsill.words import LANGUAGES, explain

GIB = 2.0**30


class FakeMachine:
    """A machine of 1 TFLOP/s and 100 GB/s that runs at half its speed; memory for models up to `most` weights."""

    def __init__(self, most: float = 1e12, kind: str = "cuda", tick: float = 0.0) -> None:
        self.most, self.kind, self.now_s, self.tick = most, kind, 0.0, tick
        self.stop_at = ""

    def clock(self) -> float:
        return self.now_s

    def device(self) -> Device:
        return Device(self.kind, "NVIDIA H100 80GB HBM3", 79.6 * GIB)

    def free_bytes(self) -> float:
        return 79 * GIB

    def versions(self) -> Mapping[str, str]:
        return {"torch": "2.13.0"}

    def now(self) -> str:
        return f"2026-11-22T00:00:{self.now_s % 60:02.0f}+00:00"

    def precisions(self) -> tuple[str, ...]:
        return ("fp32", "fp16")

    def training_precision(self) -> str:
        return "fp16"

    def _spend(self, seconds: float, what: str) -> None:
        if what == self.stop_at:
            raise KeyboardInterrupt
        self.now_s += seconds + self.tick

    def product(self, m: int, n: int, k: int, precision: str, seconds: float) -> dict[str, float]:
        self._spend(seconds, "product")
        if precision == "fp16" and self.kind == "cpu":
            raise Problem("lab.no_precision", at="cpu", got="fp16")
        return {"flops_per_s": 0.9e12 if m < 5000 else 1e12, "repeats": 3.0, "spread": 0.01}

    def moving(self, kind: str, size_bytes: int, seconds: float) -> dict[str, float]:
        self._spend(seconds, kind)
        return {"bytes_per_s": 1e11, "repeats": 3.0, "spread": 0.01}

    def step(self, job: Job, plan: Plan, seconds: float) -> dict[str, float]:
        self._spend(seconds, job.method)
        assert isinstance(job.shape, Shape)
        if job.shape.weights > self.most:
            raise Problem("lab.no_memory", got="test", exit=Exit.NO_ROOM)
        return {"step_seconds": 0.5, "repeats": 3.0, "peak_bytes": 1e9, "trainable_weights": 77.0}

    def pace(self, shape: Shape, precision: str, batch: int, tokens: int, seconds: float) -> dict[str, float]:
        self._spend(seconds, "pace")
        return {"prefill_seconds": 0.1, "token_seconds": 0.01, "repeats": 9.0, "peak_bytes": 1e8}


H100 = {"h100-sxm-80gb": 80e9, "h100-pcie-80gb": 80e9, "l4": 24e9}


def test_each_measurement_is_a_run_that_says_what_ran(tmp_path: Path) -> None:
    bench, events = FakeMachine(), list[Event]()
    made = calibrate(tmp_path, bench=bench, memory_of=H100, clock=bench.clock, emit=events.append)
    assert {r.hardware for r in made} == {"h100-sxm-80gb"} and {r.task for r in made} == {CALIBRATION}
    assert Ledger(tmp_path).runs() == tuple(made)
    steps = [(job_of(r), r) for r in made if "step_seconds" in r.measures]
    assert [(job[0].method, job[0].shape.kind) for job, _ in steps if job] == [  # type: ignore[union-attr]
        ("full", "decoder"), ("full", "encoder"), ("lora", "decoder"),
    ]  # fmt: skip
    jobs = [job[0] for job, _ in steps if job]
    assert [j.trainable for j in jobs] == [0.0, 0.0, 77.0] and {j.precision for j in jobs} == {"fp16"}
    assert all(job and job[1].micro_batch == job[0].batch for job, _ in steps)
    served = [request_of(r) for r in made if "token_seconds" in r.measures]
    assert len(served) == 1 and served[0] and served[0].precision == "fp16" and served[0].shape.kind == "decoder"
    assert [e.values["what"] for e in events if e.code == "pilot.calibrating"] == list(SHARES)
    machine = own_accelerator(made, "h100-sxm-80gb")
    assert machine is not None and dict(machine.peak_flops_per_s) == {"fp32": 1e12, "fp16": 1e12}
    assert machine.memory_bytes_per_s == 1e11 and machine.memory_bytes == 79.6 * GIB
    assert machine.power_w != machine.power_w  # no meter was read: not a number, and not zero


def test_all_of_it_in_less_than_two_minutes(tmp_path: Path) -> None:
    bench = FakeMachine()
    calibrate(tmp_path, bench=bench, memory_of={}, clock=bench.clock)
    assert bench.now_s <= 120 and sum(SHARES.values()) == pytest.approx(1.0)
    slow, events = FakeMachine(tick=25.0), list[Event]()
    made = calibrate(tmp_path / "b", bench=slow, memory_of={}, clock=slow.clock, emit=events.append)
    left_out = [e.values["what"] for e in events if e.code == "pilot.calibrating_without"]
    assert left_out == ["decoder", "encoder", "lora", "serving"] and made


def test_what_does_not_fit_is_tried_smaller_and_what_cannot_run_is_left_out(tmp_path: Path) -> None:
    smallest = SIZES[0].decoder().weights
    bench, events = FakeMachine(most=smallest, kind="cpu"), list[Event]()
    made = calibrate(tmp_path, bench=bench, memory_of=H100, clock=bench.clock, emit=events.append)
    assert {r.candidate.model for r in made if "step_seconds" in r.measures} == {"blank-tiny"}
    assert "pilot.calibrating_smaller" in {e.code for e in events}
    assert all(dict(r.candidate.recipe).get("precision") != "fp16" for r in made if "flops_per_s" in r.measures)
    nothing = FakeMachine(most=0)
    made = calibrate(tmp_path, bench=nothing, memory_of=H100, clock=nothing.clock)
    assert not any("step_seconds" in r.measures for r in made)


def test_stopping_keeps_what_was_done(tmp_path: Path) -> None:
    bench = FakeMachine()
    bench.stop_at = "lora"
    with pytest.raises(Problem) as caught:
        calibrate(tmp_path, bench=bench, memory_of=H100, clock=bench.clock)
    assert (caught.value.code, caught.value.exit) == ("pilot.calibration_stopped", Exit.RESUMABLE)
    assert len(Ledger(tmp_path).runs()) == caught.value.got != 0
    with pytest.raises(Problem) as caught:
        calibrate(tmp_path, budget_seconds=0, bench=bench)
    assert caught.value.code == "pilot.bad_budget"


def test_an_assessment_does_not_see_calibration_runs(tmp_path: Path) -> None:
    bench = FakeMachine()
    made = calibrate(tmp_path, bench=bench, memory_of=H100, clock=bench.clock)
    seen = matching(made, task="text-classification", metric="accuracy", card=None)
    assert seen.runs == () and not seen.aside


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_take_the_values(language: str, tmp_path: Path) -> None:
    bench, events = FakeMachine(most=SIZES[0].decoder().weights, tick=10.0), list[Event]()
    calibrate(tmp_path, bench=bench, memory_of=H100, clock=bench.clock, emit=events.append)
    codes = {e.code for e in events}
    assert codes >= {"pilot.calibrating", "pilot.calibrated", "pilot.calibrating_without"}
    for event in events:
        assert "{" not in explain(Problem(event.code, **event.values), language)  # type: ignore[arg-type]


@pytest.mark.torch
def test_this_machine_really(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    # choosing takes 2 s and is tested with the lab
    monkeypatch.setattr("groundsill.pilot.machine_bench.LabMachine.training_precision", lambda self: "fp32")
    made = calibrate(tmp_path, budget_seconds=0.4, where="cpu", memory_of={})
    assert len({r.id for r in made}) == len(made) >= 12
    names = {k for r in made for k in r.measures}
    assert {"flops_per_s", "bytes_per_s", "step_seconds", "prefill_seconds", "token_seconds"} <= names <= set(MEASURES)
    assert all(v > 0 for r in made for k, v in r.measures.items() if k not in ("load", "spread"))
    assert all(r.hardware.startswith("own/cpu-") and r.versions["torch"] and r.started for r in made)
    for run in made:
        if "step_seconds" in run.measures:
            job, plan = job_of(run) or (None, None)
            assert job is not None and plan is not None and job.batch == plan.micro_batch
