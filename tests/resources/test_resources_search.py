"""The search over plans: what it lists, what it refuses, and that it finds what a plain loop finds."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.resources.engine_shapes import GPT_3
from tests.resources.plan_models import GPU, peak, shape, step

from groundsill.resources import memory
from groundsill.resources import step as engine
from groundsill.resources.job import Job, Plan
from groundsill.resources.plans import FIELDS, check, divisors, plans, space
from groundsill.resources.search import Judged, frontier, search
from groundsill.terms.problem import Problem

jobs = st.builds(
    Job,
    shape=st.builds(
        shape,
        layers=st.sampled_from([1, 2, 3, 4, 6]),
        heads=st.sampled_from([2, 4, 6]),
        kv_heads=st.sampled_from([1, 2]),
        experts=st.sampled_from([0, 2, 4]),
    ),
    sequence=st.sampled_from([3, 8, 12]),
    batch=st.integers(1, 12),
)
counts = st.sampled_from([1, 2, 3, 4, 6, 8])


def plain_plans(job: Job, count: int) -> list[Plan]:
    """Every combination of whole numbers that passes the rules, written as a person would."""
    n, s, layers = range(1, count + 1), job.shape, job.shape.layers
    experts = s.experts.count if s.experts else 1
    found = []
    for tensor, pipeline, context in product(n, n, n):
        cut = tensor * pipeline * context
        if count % cut or s.heads % tensor or s.kv_heads % tensor or layers % pipeline or job.sequence % context:
            continue
        data = count // cut
        if job.batch % data:
            continue
        for expert, micro, chunks in product(range(1, count + 1), range(1, job.batch + 1), range(1, layers + 1)):
            if experts % expert or (data * context) % expert or (job.batch // data) % micro:
                continue
            passes = job.batch // data // micro
            if chunks > 1 and (pipeline == 1 or layers % (pipeline * chunks) or passes % pipeline):
                continue
            for shard, recompute, parallel, offload in product(range(4), range(3), (False, True), (False, True)):
                if parallel and (tensor == 1 or (job.sequence // context) % tensor):
                    continue
                if shard and data * context == 1:
                    continue  # the same as no sharding
                found.append(
                    Plan(count, tensor, pipeline, context, expert, chunks, micro, shard, recompute, parallel, offload)
                )
    return found


def plain_frontier(values: list[tuple[float, float, float]]) -> set[tuple[float, ...]]:
    """Values that no other is at least as good as in everything and better in something; rounded against the last bit."""
    each = {tuple(float(f"{v:.10g}") for v in row) for row in values}
    return {a for a in each if not any(b != a and all(y <= x for x, y in zip(a, b, strict=True)) for b in each)}


def row(plan: Plan) -> tuple[int, ...]:
    return tuple(int(getattr(plan, name)) for name in FIELDS)


@given(jobs, counts)
@settings(max_examples=60)
def test_all_plans_are_listed_once(job: Job, count: int) -> None:
    wanted = [row(p) for p in plain_plans(job, count)]
    if not wanted:
        with pytest.raises(Problem, match="no_plan"):
            plans(job, GPU, count)
        return
    found = plans(job, GPU, count)
    listed = list(zip(*(np.asarray(getattr(found, name)).astype(int).tolist() for name in FIELDS), strict=True))
    assert len(listed) == len(set(listed))
    assert set(listed) == set(wanted)
    assert int(space(job, GPU, count).sizes().sum()) == len(wanted)


@given(jobs, counts, st.floats(0.02, 1.0), st.booleans())
@settings(max_examples=60)
def test_the_frontier_is_that_of_a_plain_loop(job: Job, count: int, room: float, several: bool) -> None:
    """`room`: share of a memory that the largest plans need, so that pruning has work to do."""
    job = replace(job, sequence=job.sequence * 64)
    tried = [count, 2 * count] if several else [count]
    values, limit = [], 17e9 * room
    for plan in (p for c in tried for p in plain_plans(job, c)):
        seconds, held = float(step(job, plan, GPU).seconds), float(peak(job, plan).bytes)
        if held <= limit:
            values.append((seconds, seconds * float(plan.accelerators) * 3.0, held))
    if not values:
        with pytest.raises(Problem) as e:
            search(job, GPU, tried, step=step, peak=peak, memory_bytes=limit)
        assert e.value.code in ("resources.no_plan", "resources.no_plan_fits")
        return
    found = search(job, GPU, tried, step=step, peak=peak, memory_bytes=limit, cost_per_unit=3.0)
    points = found.points
    listed = plain_frontier(list(zip(points.seconds, points.cost, points.bytes, strict=True)))
    assert listed == plain_frontier(values)
    assert found.timed == len(values)
    assert found.fastest.seconds[0] == pytest.approx(min(v[0] for v in values), rel=1e-12)
    for i in range(len(points)):
        check(job, points.plan(i), GPU)


@pytest.mark.parametrize(
    ("job", "count", "share"),
    [
        (Job(shape(4, 4, 2, experts=4), 64, 8), 8, 1.0),
        (Job(shape(6, 6, 2), 2048, 12), 12, 0.6),
        (Job(shape(4, 4, 4), 2048, 8, precision="fp32"), 8, 0.5),
        (Job(shape(4, 4, 2), 2048, 8, method="lora", trainable=1e4), 8, 0.4),
        (Job(shape(4, 4, 2), 2048, 8, optimiser="adamw-8bit", chunked_logits=True), 8, 0.3),
    ],
)
def test_the_shipped_models_agree_with_a_plain_loop(job: Job, count: int, share: float) -> None:
    """The pruning trusts that memory is least at one end of the micro-batches: true of the shipped model."""
    each = [(p, float(memory.peak(job, p).bytes)) for p in plain_plans(job, count)]
    low, high = min(b for _, b in each), max(b for _, b in each)
    limit = low + share * (high - low)
    fits = [(float(engine.step(job, p, GPU).seconds), b) for p, b in each if b <= limit]
    found = search(job, GPU, count, memory_bytes=limit)
    assert found.timed == len(fits)
    listed = list(zip(found.points.seconds, found.points.seconds, found.points.bytes, strict=True))
    assert plain_frontier(listed) == plain_frontier([(s, s, b) for s, b in fits])


@given(st.lists(st.tuples(*[st.integers(1, 4)] * 3), min_size=1, max_size=40))
def test_of_equal_plans_one_is_kept(values: list[tuple[int, int, int]]) -> None:
    seconds, cost, held = np.array(values, dtype=np.float64).T
    kept = frontier(Judged(np.arange(len(values) * 11).reshape(-1, 11), seconds, cost, held))
    listed = list(zip(kept.seconds, kept.cost, kept.bytes, strict=True))
    assert len(listed) == len(set(listed))
    assert set(listed) == plain_frontier([(float(a), float(b), float(c)) for a, b, c in values])
    assert np.all(np.diff(kept.seconds) >= 0)


def test_fields_can_be_held() -> None:
    job = Job(shape(4, 4, 4), 8, 8)
    found = search(job, GPU, 8, step=step, peak=peak, only={"tensor": (2,), "offload": (0,)})
    assert set(found.points.table[:, FIELDS.index("tensor")]) == {2}
    assert not np.any(found.points.plans.offload)
    everything = search(job, GPU, 8, step=step, peak=peak)
    assert found.enumerated < everything.enumerated
    assert everything.fastest.seconds[0] <= found.fastest.seconds[0]


def test_a_held_field_that_cannot_be_is_named() -> None:
    for only, code in (({"tensor": (3,)}, "plan_heads"), ({"pipeline": (8,)}, "plan_stages")):
        with pytest.raises(Problem) as e:
            search(Job(shape(4, 4, 4), 8, 24), GPU, 24, step=step, peak=peak, only=only)
        assert e.value.code == f"resources.{code}"


def test_the_fastest_differ_in_their_layout() -> None:
    found = search(Job(shape(4, 4, 4), 8, 8), GPU, 8, step=step, peak=peak, best=3)
    assert len({tuple(r[:5]) for r in found.fastest.table.tolist()}) == 3
    assert list(found.fastest.seconds) == sorted(found.fastest.seconds)


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("plan_heads", {"tensor": 5, "accelerators": 5}),
        ("plan_kv_heads", {"tensor": 4}),
        ("plan_width", {"tensor": 6, "accelerators": 12}),
        ("plan_stages", {"pipeline": 8}),
        ("plan_layers", {"pipeline": 3, "accelerators": 6}),
        ("plan_context", {"context": 5, "accelerators": 5}),
        ("plan_sequence_parallel", {"sequence_parallel": True}),
        ("plan_count", {"tensor": 2, "accelerators": 3}),
        ("plan_experts", {"expert": 3}),
        ("plan_batch", {"accelerators": 7}),
        ("plan_micro_batch", {"micro_batch": 3}),
        ("plan_chunks", {"chunks": 2}),
        ("plan_sizes", {"tensor": 0}),
        ("plan_sizes", {"micro_batch": -1}),
        ("plan_sizes", {"shard": 4}),
        ("plan_sizes", {"accelerators": float("nan")}),
        ("plan_sizes", {"pipeline": 1.5}),
    ],
)
def test_impossible_plans_are_named(code: str, change: dict[str, float]) -> None:
    small = shape(4, 12, 6) if code == "plan_width" else shape(4, 4, 2)
    if code == "plan_width":
        small = replace(small, ffn_width=100)
    with pytest.raises(Problem) as e:
        check(Job(small, 8, 8), replace(Plan(accelerators=8), **change), GPU)  # type: ignore[arg-type]
    assert e.value.code == f"resources.{code}"


def test_a_job_without_size_or_precision_is_refused() -> None:
    for job, code in (
        (Job(shape(4, 4, 2), 0, 8), "resources.job_sizes"),
        (Job(shape(4, 4, 2), 8, -1), "resources.job_sizes"),
        (Job(shape(4, 4, 2), 8, 8, precision="fp8"), "accelerator.no_precision"),
    ):
        with pytest.raises(Problem) as e:
            plans(job, GPU, 8)
        assert e.value.code == code
    with pytest.raises(Problem) as e:
        plans(Job(shape(4, 4, 2), 8, 8), GPU, -8)
    assert e.value.code == "resources.plan_sizes"


def test_nothing_fits_says_how_much_is_needed() -> None:
    with pytest.raises(Problem) as e:
        search(Job(shape(4, 4, 2), 4096, 8), GPU, 8, step=step, peak=peak, memory_bytes=1e6)
    assert e.value.code == "resources.no_plan_fits"
    assert float(str(e.value.got)) > 1e-3


def test_a_large_cluster_is_listed_quickly() -> None:
    """GPT-3 175B on 1,024 accelerators: half a million plans, of which the stand-ins refuse some whole layouts."""
    job = Job(GPT_3, 2048, 1536)
    found = search(job, GPU, 1024, step=step, peak=peak)
    assert found.enumerated == int(space(job, GPU, 1024).sizes().sum()) > 500_000
    assert found.enumerated >= found.judged >= found.timed > 0


@given(st.integers(1, 5000))
def test_divisors(n: int) -> None:
    assert list(divisors(n)) == [d for d in range(1, n + 1) if n % d == 0]
