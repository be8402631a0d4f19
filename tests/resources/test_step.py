"""The step: parts add up, plans are judged in one call, and physics that must hold does."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.resources.collectives import all_gather, all_reduce, all_to_all, group
from groundsill.resources.energy import HOST_SHARE, co2_kg, metered_joules
from groundsill.resources.errors import NOTHING, Errors, Observed, Setting, nearest, setting
from groundsill.resources.job import Job, Plan
from groundsill.resources.step import Coefficients, step
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Experts, Shape

SHAPE = Shape("decoder", 32, 4096, 32, 8, 128, 14336, 128256, 8192, gated=True, biases=False, tied=False)
H100 = Accelerator(
    "h100-sxm-80gb", "hopper", {"bf16": 989e12, "fp8": 1979e12, "fp32": 67e12}, 80e9, 3.35e12, 700.0, 8, 450e9, 50e9
)
IDEAL = Coefficients(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1e-9, 1e-9, 1e-9)
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


def test_metered_power_of_h100_nodes() -> None:
    """MLPerf Training v4.0, 8 x H100: BERT 6,846 W and GPT-3 6,849 W at the wall; B200 nodes drew 10,379 W in v5.0."""
    node = metered_joules(8.0, 700.0, host=HOST_SHARE)
    assert node == pytest.approx(6849, rel=0.02)
    assert metered_joules(8.0, 1000.0, host=HOST_SHARE) == pytest.approx(10379, rel=0.08)
    assert metered_joules(8.0, 700.0, idle_seconds=4.0) > metered_joules(8.0, 700.0)
    assert co2_kg(3.6e6 * 1000, 0.385) == pytest.approx(385)
