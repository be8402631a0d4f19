"""An optimiser in the host's memory, and reading the data: what they add to a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.api import estimate_train
from groundsill.catalogue.load import Catalogue
from groundsill.resources import host
from groundsill.resources.job import Job, Plan
from groundsill.resources.step import step
from groundsill.resources.whole import forecast
from groundsill.terms.problem import Problem

CATALOGUE = Catalogue()
A100 = CATALOGUE.machine("a100-sxm-80gb")
SHAPE = CATALOGUE.model("gpt-neox-20b").shape
assert SHAPE is not None
JOB = Job(SHAPE, 2048, 64)


def test_an_update_of_ten_billion_weights_takes_what_was_published() -> None:
    """2.57 s for 10 billion weights on the processors of one server (ZeRO-Offload, table 4), spread over its accelerators."""
    down, update = host.offloaded(JOB, Plan(8, shard=1, offload=True), A100)
    assert float(np.asarray(update)) == pytest.approx(2.57 * SHAPE.weights / 10e9)
    assert float(np.asarray(down)) == pytest.approx(2 * SHAPE.weights / 8 / 31e9)


def test_copies_that_are_not_sharded_update_all_of_it_each() -> None:
    one, all_ = (host.offloaded(JOB, Plan(8, shard=s, offload=True), A100)[1] for s in (1, 0))
    assert float(np.asarray(all_)) == pytest.approx(8 * float(np.asarray(one)))


def test_a_few_new_weights_cost_little() -> None:
    lora = replace(JOB, method="lora", trainable=1e6)
    assert float(np.asarray(host.offloaded(lora, Plan(offload=True), A100)[1])) < 1e-3


@given(batch=st.sampled_from([8, 64, 512]), shard=st.sampled_from([0, 1, 3]), micro=st.sampled_from([1, 4]))
def test_a_step_is_the_sum_of_its_parts_and_offloading_makes_it_longer(batch: int, shard: int, micro: int) -> None:
    job = replace(JOB, batch=batch * micro)
    here, away = (step(job, Plan(8, shard=shard, micro_batch=micro, offload=o), A100) for o in (False, True))
    for one in (here, away):
        assert sum(float(np.asarray(v)) for v in one.parts.values()) == pytest.approx(float(one.seconds))
    assert float(here.host) == 0.0 < float(away.host) and float(away.optimiser) == 0.0 < float(here.optimiser)
    assert float(away.seconds) > float(here.seconds)


def test_plans_of_both_kinds_in_one_array() -> None:
    both = step(JOB, Plan(8, shard=1, offload=np.array([False, True])), A100)
    alone = [float(step(JOB, Plan(8, shard=1, offload=o), A100).seconds) for o in (False, True)]
    assert np.asarray(both.seconds) == pytest.approx(alone)


def test_an_unknown_way_to_the_host_is_refused_only_where_it_is_needed() -> None:
    blind = replace(A100, host_bytes_per_s=0.0)
    assert float(step(JOB, Plan(8, shard=1), blind).seconds) > 0
    with pytest.raises(Problem) as caught:
        step(JOB, Plan(8, shard=1, offload=True), blind)
    assert (caught.value.code, caught.value.got) == ("resources.no_bandwidth", "host_bytes_per_s")


def test_offloading_is_not_pulled_back_to_the_usual_share_of_the_peak() -> None:
    """The pull towards what all runs have in common is about computing: the host's time stays whole."""
    job = replace(JOB, batch=8)
    here, away = (forecast(job, Plan(8, shard=1, offload=o), A100) for o in (False, True))
    added = (away.seconds - here.seconds) * job.batch / 8
    assert added > 0.8 * float(step(job, Plan(8, shard=1, offload=True), A100).host)


def test_reading() -> None:
    assert host.reading(JOB) == host.reading(replace(JOB, sample_bytes=8192.0)) == 0.0
    assert host.reading(replace(JOB, sample_bytes=8192.0, read_bytes_per_s=1e6)) == pytest.approx(64 * 8192 / 1e6)


def test_a_training_waits_for_its_data_or_says_what_rate_would_do() -> None:
    how = {"accelerator": "a100-sxm-80gb", "count": 8, "tokens": "20B", "batch": 64, "sequence": 2048, "draws": 400}
    free, slow, quick = (
        estimate_train("llama-2-7b", **how, **more)  # type: ignore[arg-type]
        for more in ({}, {"read_mb_per_s": 0.01}, {"read_mb_per_s": 1000})
    )
    least = 64 * 2048 * 4 / 0.01e6
    assert slow.step_seconds.median == pytest.approx(least) and slow.parts["reading"] > 0.5 * least
    assert slow.hours.median == pytest.approx(20e9 / (64 * 2048) * least * 8 / 3600 / slow.goodput.median, rel=1e-3)
    assert quick.hours.median == free.hours.median and quick.parts["reading"] == 0.0
    notes = [{n.code for n in made.notes} for made in (free, slow)]
    assert "estimate.reading_unknown" in notes[0] and "estimate.reading_unknown" not in notes[1]
    needed = next(float(str(n.got)) for n in free.notes if n.code == "estimate.reading_unknown")
    assert needed == pytest.approx(64 * 2048 * 4 / 1e6 / free.step_seconds.median, rel=0.3)


def test_pictures_of_unknown_size_are_said_to_be_so() -> None:
    how = {"accelerator": "a100-sxm-80gb", "count": 8, "draws": 400, "batch": 1024}
    plain = estimate_train("resnet-50", **how)  # type: ignore[arg-type]
    assert "estimate.sample_size_unknown" in {n.code for n in plain.notes}
    known = estimate_train("resnet-50", sample_kb=110, read_mb_per_s=100, **how)  # type: ignore[arg-type]
    assert known.step_seconds.median == pytest.approx(1024 * 110e3 / 100e6)
