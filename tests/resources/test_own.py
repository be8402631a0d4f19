"""Own runs: the job that each was, the machine, and how forecasts learn from them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.resources.errors import NOTHING, Errors
from groundsill.resources.job import Job, Plan
from groundsill.resources.memory_odds import MemoryFactors
from groundsill.resources.own import (
    Request,
    Residual,
    What,
    job_of,
    own_accelerator,
    own_machines,
    own_memory,
    own_observed,
    own_residuals,
    point,
    request_of,
    setup_of,
)
from groundsill.resources.settings import COMPONENTS, SMOOTH, setting
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.run import CALIBRATION, Run
from groundsill.terms.shape import Experts, Latent, Shape
from groundsill.terms.source import Source

MEASURED = Source("measured", "measured", "calibration on this machine", read="2026-11-22")
GPU = Accelerator("h100-sxm-80gb", "hopper", {"bf16": 989.4e12, "fp32": 67e12}, 80e9, 3.35e12, 700.0)
SHAPE = Shape("decoder", 12, 768, 12, 12, 64, 2048, 32000, 1024, True, False, False)
JOB = Job(SHAPE, 512, 8, "bf16", stack="hf")
PLAN = Plan(micro_batch=8)


def run(job: Job = JOB, plan: Plan = PLAN, hardware: str = GPU.id, **measures: float) -> Run:
    at, words = point(job=job, plan=plan)
    candidate = Candidate("pretrain", "", "blank", words)
    return Run(
        candidate,
        CALIBRATION,
        "",
        at,
        MEASURED,
        measures=measures,
        hardware=hardware,
        started="2026-11-22T00:00:00+00:00",
    )


def product(hardware: str, precision: str, speed: float) -> Run:
    return Run(
        Candidate("none", "product", "", (("precision", precision),)), CALIBRATION, "", {"m": 1.0}, MEASURED,
        measures={"flops_per_s": speed}, hardware=hardware,
    )  # fmt: skip


def moving(hardware: str, speed: float, memory: float = 16e9) -> Run:
    measures = {"bytes_per_s": speed, "memory_bytes": memory}
    return Run(
        Candidate("none", "triad"), CALIBRATION, "", {"bytes": 1.0}, MEASURED, measures=measures, hardware=hardware
    )


def guess(what: What, asked: Job | Request, plan: Plan, machine: Accelerator) -> float | None:
    """Half of what the runs here say."""
    return {"step": 0.5, "memory": 1e9}.get(what)


# ---- a job as a run carries it


sizes = st.integers(1, 10**6)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Shapes that can be built, whatever their sizes."""
    kv_heads, active = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    kind = draw(st.sampled_from(["encoder", "decoder", "encoder-decoder"]))
    plain = Shape(
        kind, draw(sizes), draw(sizes), kv_heads * draw(st.integers(1, 8)), kv_heads, draw(sizes), draw(sizes), draw(sizes),
        draw(sizes), gated=draw(st.booleans()), biases=draw(st.booleans()), tied=draw(st.booleans()),
        encoder_layers=draw(sizes) if kind == "encoder-decoder" else 0,
    )  # fmt: skip
    extra = draw(st.sampled_from(["", "experts", "latent"]))
    if extra == "experts":
        return replace(plain, experts=Experts(active * draw(st.integers(1, 8)), active, draw(sizes), draw(sizes)))
    return replace(plain, latent=Latent(0, *(draw(sizes) for _ in range(4)))) if extra else plain


jobs = st.builds(
    Job, shapes(), sizes, sizes, st.sampled_from(["bf16", "fp32"]), st.sampled_from(["full", "lora"]),
    trainable=st.floats(0, 1e12), weight_bits=st.sampled_from([4.0, 16.0]), master=st.booleans(), stack=st.text("hf-", max_size=3),
    year=st.sampled_from([0.0, 2026.5]),
)  # fmt: skip
plans = st.builds(
    Plan, accelerators=sizes, tensor=sizes, micro_batch=sizes, recompute=st.integers(0, 2), offload=st.booleans()
)


@given(jobs, plans)
def test_a_run_gives_back_the_job_and_the_plan_that_it_measured(job: Job, plan: Plan) -> None:
    at, words = point(job=job, plan=plan)
    made = Run(Candidate("pretrain", "", "x", words), CALIBRATION, "", at, MEASURED)
    assert job_of(Run.of(made.record())) == (job, plan) and request_of(made) is None


def test_a_request_comes_back_too_and_other_runs_carry_none() -> None:
    asked = Request(SHAPE, 4, 512, "fp16", "hf")
    at, words = point(job=asked)
    made = Run(Candidate("prompt", "zero-shot", "x", words), CALIBRATION, "", at, MEASURED)
    assert request_of(Run.of(made.record())) == asked and job_of(made) is None
    for other in (product("a", "fp32", 1.0), Run(Candidate("tune", "full", "m"), "t", "", {"labels": 4.0}, MEASURED)):
        assert job_of(other) is None and request_of(other) is None


def test_a_record_of_a_model_that_cannot_be_is_no_job() -> None:
    at, words = point(job=JOB, plan=PLAN)
    broken = Run(Candidate("pretrain", "", "x", words), CALIBRATION, "", at | {"shape.layers": 0.0}, MEASURED)
    assert job_of(broken) is None
    missing = Run(
        Candidate("pretrain", "", "x"), CALIBRATION, "", {k: v for k, v in at.items() if k != "shape.width"}, MEASURED
    )
    assert job_of(missing) is None and own_residuals([broken, missing], lambda id: GPU, forecast=guess) == []


def test_what_a_run_cannot_carry_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        point(job=JOB, plan=Plan(tensor=np.array([1, 2])))
    assert (caught.value.code, caught.value.at) == ("resources.no_record", "plan.tensor")
    with pytest.raises(Problem):
        point(job=replace(JOB, shape="gpt2"))  # type: ignore[arg-type]


# ---- the machine


def test_the_machine_is_the_best_of_what_was_measured() -> None:
    runs = [product("own/cpu-x", "fp32", 5e10), product("own/cpu-x", "fp32", 9e10), product("own/cpu-x", "bf16", 3e11)]
    runs += [
        moving("own/cpu-x", 5e9),
        moving("own/cpu-x", 7e9),
        product("own/gpu-y", "bf16", 1e14),
        moving("other", 1.0),
    ]
    machine = own_accelerator(runs, "own/cpu-x")
    assert machine is not None and machine.family == "cpu" and machine.memory_bytes == 16e9
    assert dict(machine.peak_flops_per_s) == {"fp32": 9e10, "bf16": 3e11} and machine.memory_bytes_per_s == 7e9
    assert math.isnan(machine.power_w)
    assert own_accelerator(runs, "own/gpu-y") is None  # its bandwidth is not known
    assert own_accelerator([*runs, moving("own/gpu-y", 2e12)], "own/gpu-y").family == "gpu"  # type: ignore[union-attr]
    assert set(own_machines(runs)) == {"own/cpu-x"}


# ---- learning


def table(**more: float) -> Errors:
    """Made-up variances: an own run shares stack, accelerator, kind and suite with the next one."""
    variances = dict.fromkeys(COMPONENTS, 0.002) | {"stack": 0.03, "noise": 0.002} | more
    return Errors(variances, dict.fromkeys(SMOOTH, 3.0), 1.2, NOTHING)


def test_one_own_measurement_moves_a_forecast_and_narrows_its_interval() -> None:
    other = replace(JOB, shape=replace(SHAPE, layers=24), batch=16, year=2026.0)
    now = setting(other, GPU, 1.0)
    before = table().posterior([now])
    residuals = own_residuals([run(step_seconds=1.0, spread=0.02, repeats=5.0)], lambda id: GPU, forecast=guess)
    after = table().posterior([now], own_observed(residuals, GPU))
    assert before.mean[0] == 0.0 and 0.4 * math.log(2) < after.mean[0] < math.log(2)
    low, high = (np.log(edge[0]) for edge in before.low_high())
    low_after, high_after = (np.log(edge[0]) for edge in after.low_high())
    assert high_after - low_after < 0.8 * (high - low)


def test_the_same_set_up_measured_again_counts_less_than_another_one() -> None:
    second = replace(JOB, batch=16)
    now = setting(replace(JOB, sequence=1024, year=2026.0), GPU, 1.0)
    measures = {"step_seconds": 1.0}
    again = own_residuals([run(**measures), run(**measures)], lambda id: GPU, forecast=guess)
    both = own_residuals([run(**measures), run(second, **measures)], lambda id: GPU, forecast=guess)
    assert again[0].setup == again[1].setup != both[1].setup
    errors_ = table(setup=0.02)
    sd_again = errors_.posterior([now], own_observed(again, GPU)).sd[0]
    assert errors_.posterior([now], own_observed(both, GPU)).sd[0] < sd_again


def test_a_processor_says_nothing_of_a_gpu() -> None:
    runs = [product("own/cpu-x", "bf16", 3e11), moving("own/cpu-x", 7e9), run(hardware="own/cpu-x", step_seconds=9.0)]
    residuals = own_residuals(runs, lambda id: None, forecast=guess)
    assert len(residuals) == 1 and residuals[0].machine.family == "cpu"
    assert len(own_observed(residuals, GPU).settings) == 0
    assert len(own_observed(residuals, residuals[0].machine).settings) == 1


def test_memory_learns_from_one_run_and_not_from_its_copies() -> None:
    measured = run(peak_bytes=1.3e9)
    residuals = own_residuals([measured], lambda id: GPU, forecast=guess)
    prior = MemoryFactors()
    once, often = own_memory(residuals, GPU, prior), own_memory(residuals * 9, GPU, prior)
    assert 0 < once.shift < math.log(1.3) and once.sd < prior.sd and once == often
    assert own_memory([], GPU, prior) == prior


def test_pilots_teach_too_and_what_is_no_own_training_is_passed_over() -> None:
    pilot = Run(
        Candidate("tune", "lora", "m"), "text-classification", "accuracy", {"labels": 100.0}, MEASURED, hardware=GPU.id,
        measures={"train_seconds": 50.0, "train_rows_seen": 800.0, "train_tokens": 40000.0, "trainable_weights": 9.0},
    )  # fmt: skip
    found = own_residuals([pilot], lambda id: GPU, shape_of=lambda model: SHAPE, forecast=guess)
    assert [r.what for r in found] == ["step"] and found[0].error == pytest.approx(math.log((50.0 / 50) / 0.5))
    job = found[0].job
    assert job is not None and (job.sequence, job.batch, job.method, job.precision) == (50, 16, "lora", "bf16")
    published = replace(pilot, source=replace(MEASURED, kind="publication"))
    head = replace(pilot, candidate=Candidate("tune", "head", "m"))
    for other in (published, head, replace(pilot, hardware="")):
        assert own_residuals([other], lambda id: GPU, shape_of=lambda model: SHAPE, forecast=guess) == []
    assert own_residuals([pilot], lambda id: GPU, forecast=guess) == []  # the model's shape is not known

    def refuse(what: What, asked: Job | Request, plan: Plan, machine: Accelerator) -> float:
        raise Problem("accelerator.no_precision")

    assert own_residuals([run(step_seconds=1.0)], lambda id: GPU, forecast=refuse) == []


def test_the_shipped_forecast_takes_calibration_runs() -> None:
    measured = run(step_seconds=0.05, peak_bytes=5e9)
    found = {r.what: r for r in own_residuals([measured], lambda id: GPU)}
    assert set(found) == {"step", "memory"} and all(isinstance(r, Residual) for r in found.values())
    assert all(math.isfinite(r.error) and abs(r.error) < 3 for r in found.values())
    now = setting(replace(JOB, batch=16, year=2026.0), GPU, 1.0)
    shipped = Errors.of()
    before, after = shipped.posterior([now]), shipped.posterior([now], own_observed(found.values(), GPU))
    assert after.sd[0] < before.sd[0] and after.mean[0] != before.mean[0]


def test_a_set_up_has_one_name_whatever_the_year() -> None:
    assert setup_of(JOB, PLAN) == setup_of(replace(JOB, year=2026.0), PLAN) != setup_of(JOB, Plan(micro_batch=4))
