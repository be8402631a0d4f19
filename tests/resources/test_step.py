"""The step: parts add up, plans are judged in one call, and physics that must hold does."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.resources.collectives import all_gather, all_reduce, all_to_all, group
from groundsill.resources.errors import NOTHING, Errors, Observed, nearest, surprise
from groundsill.resources.job import Job, Plan
from groundsill.resources.kernels import thin_values
from groundsill.resources.settings import Setting, components, setting
from groundsill.resources.step import Coefficients, step
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Experts, Shape

SHAPE = Shape("decoder", 32, 4096, 32, 8, 128, 14336, 128256, 8192, gated=True, biases=False, tied=False)
H100 = Accelerator(
    "h100-sxm-80gb", "hopper", {"bf16": 989e12, "fp8": 1979e12, "fp32": 67e12}, 80e9, 3.35e12, 700.0, 8, 450e9, 50e9
)
NONE = ("thin", "launch", "route", "latency", "fixed")
IDEAL = Coefficients(**{f.name: 1e-9 if f.name in NONE else 1.0 for f in fields(Coefficients)})
JOB = Job(SHAPE, 4096, 256, stack="megatron-core", year=2024.5)


def test_parts_add_up_and_plans_are_judged_at_once() -> None:
    """One call over four plans equals four calls, and the parts make the whole."""
    tensor, pipeline, micro = np.array([1, 2, 4, 8]), np.array([1, 2, 1, 4]), np.array([1, 1, 2, 4])
    many = step(JOB, Plan(64, tensor, pipeline, micro_batch=micro, shard=1, recompute=np.array([0, 1, 2, 2])), H100)
    assert many.seconds == pytest.approx(sum(np.asarray(v) for v in many.parts.values()))
    for i in range(4):
        plan = Plan(64, int(tensor[i]), int(pipeline[i]), micro_batch=int(micro[i]), shard=1, recompute=(0, 1, 2, 2)[i])
        assert float(step(JOB, plan, H100).seconds) == pytest.approx(float(many.seconds[i]), rel=1e-12)


def test_ideal_step_is_flops_over_peak() -> None:
    """With every coefficient 1 the products take 6 FLOP a weight and token: Narayanan et al. 2021, eq. 3, no recompute."""
    got = step(JOB, Plan(8, shard=1), H100, IDEAL)
    blocks = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
    expected = 6 * (blocks + 4096 * 128256) * 256 * 4096 / 8 / 989e12
    assert float(got.matrix) == pytest.approx(expected, rel=1e-9)


def test_thin_products_cost_more() -> None:
    """A product m x k x n takes the time of m x (k + 128) x n. Of six square matrices of width w, three of them one product:
    forward 128 / w more, backward 2/3 of that (one result for three), the gradients of the weights nothing; cut in two it is more."""
    small = Shape("encoder", 1, 512, 8, 8, 64, 512, 0, 512, gated=False, biases=False, tied=False)
    job = Job(small, 512, 8, stack="megatron-core")
    full = replace(IDEAL, thin=1.0)
    plain, thick = (float(step(job, Plan(1), H100, c).matrix) for c in (IDEAL, full))
    assert thick / plain == pytest.approx(1 + (1 + 2 / 3) / 3 * 128 / 512, rel=1e-6)
    extra = [float(thin_values(small, t)) for t in (1.0, 2.0)]
    assert extra[0] < extra[1] < 2 * extra[0]


def test_attention_of_older_software_on_a_newer_machine() -> None:
    """FlashAttention-2 reaches 62 % of an A100's peak and 35 % of an H100's (Shah et al. 2024, arXiv 2407.08608)."""
    new, old = (step(replace(JOB, stack=s), Plan(8, shard=1), H100, IDEAL) for s in ("megatron-core", "fsdp"))
    assert float(old.attention) == pytest.approx(0.62 / 0.35 * float(new.attention))
    ampere = replace(H100, family="ampere")
    same = [
        float(step(replace(JOB, stack=s), Plan(8, shard=1), ampere, IDEAL).attention) for s in ("megatron-core", "fsdp")
    ]
    assert same[0] == same[1]


def test_bubble_is_narayanans() -> None:
    """(p - 1) / m of the busy time; a quarter of it with four chunks (Narayanan et al. 2021, section 2.2)."""
    one, four = (step(JOB, Plan(8, pipeline=8, chunks=v, micro_batch=4), H100, IDEAL) for v in (1, 4))
    busy = float(one.matrix + one.attention + one.memory + one.launch)
    stage = float(one.pipeline) - float(four.pipeline)
    assert float(one.pipeline) > busy * 7 / 64
    assert stage > 0
    # the stages of more chunks also send more: only the bubble itself is a quarter
    assert float(one.pipeline) / busy == pytest.approx(7 / 64, rel=0.1)


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4, 8]), st.sampled_from([1, 2, 4]))
def test_what_must_hold(tensor: int, pipeline: int, micro: int) -> None:
    """A faster network, more bandwidth or no recomputing never takes longer; twice the batch takes at most twice."""
    plan = Plan(64, tensor, pipeline, micro_batch=micro, shard=1, recompute=2)
    base = float(step(JOB, plan, H100).seconds)
    for better in (replace(H100, network_bytes_per_s=100e9), replace(H100, memory_bytes_per_s=5e12)):
        assert float(step(JOB, plan, better).seconds) <= base
    assert float(step(JOB, replace(plan, recompute=0), H100).seconds) < base
    assert float(step(replace(JOB, batch=512), plan, H100).seconds) <= 2 * base
    fp8 = float(step(replace(JOB, precision="fp8"), plan, H100).seconds)
    assert base / 2 < fp8 < base


def test_lora_is_cheaper_and_experts_cost_their_active_part() -> None:
    plan = Plan(8, shard=1)
    full = float(step(JOB, plan, H100).seconds)
    assert float(step(replace(JOB, method="lora", trainable=2e7), plan, H100).seconds) < 0.8 * full
    mixed = replace(SHAPE, experts=Experts(8, 2, 14336))
    many = step(replace(JOB, shape=mixed), Plan(8, shard=1, expert=8), H100, IDEAL)
    assert float(many.expert) > 0
    assert float(many.matrix) < 2.1 * float(step(JOB, plan, H100, IDEAL).matrix)


def test_collectives_are_thakurs() -> None:
    """Ring: (n - 1) / n S / B; an all-reduce is two of them; a hierarchy crosses the network with a node's share."""
    inside, across = group(H100, 8), group(H100, 32)
    assert float(all_gather(H100, inside, 8e9).seconds) == pytest.approx(7 / 8 * 8e9 / 450e9)
    assert float(all_reduce(H100, inside, 8e9).seconds) == pytest.approx(2 * 7 / 8 * 8e9 / 450e9)
    assert float(all_gather(H100, across, 8e9).seconds) == pytest.approx(7 / 8 * 8e9 / 450e9 + 3 / 4 * 1e9 / 50e9)
    assert float(all_to_all(H100, across, 32e9).seconds) == pytest.approx(7e9 / 450e9 + 24e9 / 50e9)
    with pytest.raises(Problem, match="no_bandwidth"):
        all_gather(replace(H100, network_bytes_per_s=0.0), across, 1.0)


def _where(**more: object) -> Setting:
    plan = Plan(64, 8, shard=1)
    return replace(setting(JOB, H100, 64, step(JOB, plan, H100)), **more)  # type: ignore[arg-type]


def test_own_run_moves_the_forecast_and_narrows_it() -> None:
    """A run of the same set-up that took 40 % longer moves the median visibly, a foreign one much less."""
    errors, here = Errors.of(), _where()
    before = errors.posterior([here], NOTHING)
    slow = float(before.mean[0]) + float(np.log(1.4))
    near = errors.posterior([here], Observed((here,), np.array([slow]), np.ones(1)))
    other = _where(suite="else", stack="tinygrad", family="rdna", accelerator="rx-7900-xtx", kind="encoder")
    far = errors.posterior([here], Observed((other,), np.array([slow]), np.ones(1)))
    moved, little = float(near.mean[0] - before.mean[0]), float(abs(far.mean[0] - before.mean[0]))
    assert moved > 0.4 * np.log(1.4)
    assert little < moved / 3
    assert near.sd[0] < before.sd[0]
    low, high = before.low_high()
    assert low[0] < np.exp(before.mean[0]) < high[0]


def test_posterior_is_the_gaussian_one() -> None:
    """Against the closed form for one run: gain = k / (k + noise) (Rasmussen and Williams 2006, eq. 2.23)."""
    errors, here = replace(Errors.of(), known=NOTHING, wider=1.0), _where()
    k = float(errors.covariance([here], [here])[0, 0])
    got = errors.posterior([here], Observed((here,), np.array([0.3]), np.ones(1)))
    assert float(got.mean[0]) == pytest.approx(0.3 * k / (k + errors.noise))
    assert float(got.sd[0]) ** 2 == pytest.approx(errors.alone([here])[0] - k * k / (k + errors.noise))


def test_nearest_published_runs() -> None:
    """A Llama of Megatron on H100 has published neighbours on H100-like machines, the most alike first."""
    found = nearest(_where())
    assert len(found) == 3
    assert [n.alike for n in found] == sorted((n.alike for n in found), reverse=True)
    assert found[0].setting.stack == "megatron-core"
    assert all(-1 < n.off < 5 for n in found)


def test_a_run_far_off_speaks_for_its_own_software_and_machine() -> None:
    """Three times the forecast is believed for the same software, kind and accelerator; all else moves as if it had been two
    standard deviations, and no more."""
    errors, here = Errors.of(), _where()
    elsewhere = _where(stack="fsdp", accelerator="a100-sxm-80gb", family="ampere")
    before = errors.posterior([here, elsewhere])
    alone = replace(errors, wider=1.0).posterior([here])
    off = [math.log(3.0), 2.0 * float(alone.sd[0])]
    far, near = (
        errors.posterior([here, elsewhere], Observed((here,), np.array([float(before.mean[0]) + v]), np.ones(1)))
        for v in off
    )
    assert float(far.mean[0] - before.mean[0]) > 0.8 * off[0]
    gained, clipped = (float(f.mean[1] - before.mean[1]) for f in (near, far))
    assert 0.0 <= clipped <= gained + 1e-9
    assert surprise(off[1], float(alone.sd[0]) ** 2) == pytest.approx(0.0, abs=1e-12)


def test_covariance_is_the_sum_of_its_effects() -> None:
    """The quick way gives what adding up the effects one by one gives, groups and the lack of them included."""
    errors = Errors.of()
    some = [*errors.known.settings[:90], _where(), _where(group="g"), _where(group="g", suite="s")]
    slow = sum(errors.variances[name] * part for name, part in components(some, some[50:], errors.lengths).items())
    assert np.allclose(errors.covariance(some, some[50:]), slow, rtol=0, atol=1e-12)
