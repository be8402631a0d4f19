"""Serving: bounds that no forecast may break, and how it moves with the load."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.resources.serving import (
    cost_per_request,
    first_token_quantile,
    most_requests,
    rate_within,
    serve,
    step_seconds,
    token_quantile,
    tokens_per_accelerator_second,
)
from groundsill.resources.serving_parts import ENGINES, NAMES, Load, Service, levels_of, rates_of, shipped, work_of
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Experts, Latent, Shape

H100 = Accelerator(
    "h100-sxm-80gb", "hopper", {"bf16": 989e12, "fp8": 1979e12}, 80 * 2**30, 3.35e12, 700.0, 8, 450e9, 50e9
)
LLAMA_8B = Shape("decoder", 32, 4096, 32, 8, 128, 14336, 128256, 131072, True, False, False)
MOE = Shape("decoder", 48, 2048, 32, 4, 128, 6144, 151936, 131072, True, False, False, experts=Experts(128, 8, 768))
LATENT = replace(MOE, latent=Latent(1536, 512, 128, 64, 128), heads=32, kv_heads=32)
SHAPES = {"dense": LLAMA_8B, "experts": MOE, "latent": LATENT, "window": replace(LLAMA_8B, window=1024, window_every=4)}


def service(name: str = "dense", **more: object) -> Service:
    return Service(SHAPES[name], H100, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SHAPES)
@given(batch=st.floats(1, 500), tokens=st.floats(1, 20000), more=st.floats(1.01, 4))
@settings(max_examples=25, deadline=None)
def test_a_step_takes_longer_for_more_requests_and_longer_context(
    name: str, batch: float, tokens: float, more: float
) -> None:
    one = service(name)
    rates = rates_of(levels_of(one))

    def seconds(requests: float, length: float) -> float:
        return float(step_seconds(work_of(one, Load(length, 1.0)), rates, requests))

    assert seconds(batch * more, tokens) > seconds(batch, tokens)
    assert seconds(batch, tokens * more) >= seconds(batch, tokens)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("engine", ENGINES)
@given(batch=st.floats(1, 2000), tokens=st.floats(1, 30000))
@settings(max_examples=10, deadline=None)
def test_no_step_beats_the_peak_or_the_memory(name: str, engine: str, batch: float, tokens: float) -> None:
    one = service(name, engine=engine)
    work, rates = work_of(one, Load(tokens, 1.0)), rates_of(levels_of(one))
    seconds = float(step_seconds(work, rates, batch))
    active = work.dense + work.head + work.routed * work.share
    assert seconds >= 2 * active * batch / H100.peak("bf16")
    assert seconds >= 2 * (work.dense + work.head) / H100.memory_bytes_per_s
    assert rates.bandwidth <= 1.0 and rates.flops <= 1.0 and rates.prefill_flops <= 1.0


def test_requests_beyond_the_cache_wait_and_add_no_throughput() -> None:
    one, long = service(), Load(8000.0, 1000.0)
    most = float(most_requests(work_of(one, long)))
    held = 2 * LLAMA_8B.weights + most * 8500 * 2 * 32 * 8 * 128 * 2
    assert held <= H100.memory_bytes
    at, beyond = (serve(one, replace(long, concurrency=c)) for c in (most, 4 * most))
    assert beyond.running == at.running == most
    assert beyond.seconds_per_token == pytest.approx(at.seconds_per_token)
    assert beyond.tokens_per_second <= at.tokens_per_second * 1.05
    # Little's law: three times as many wait as run, so they wait three residence times.
    assert beyond.seconds_to_first_token > 3 * 1000 * float(at.seconds_per_token)


def test_fewer_bits_read_faster_and_hold_more() -> None:
    load = Load(500.0, 200.0, concurrency=4.0)
    plain, narrow = service(), service(weight_bits=8.0, cache_bits=8.0, precision="fp8")
    assert serve(narrow, load).seconds_per_token < serve(plain, load).seconds_per_token
    assert serve(narrow, load).most > 1.9 * float(serve(plain, load).most)


def test_latent_caches_are_narrow_and_windows_short() -> None:
    load = Load(30000.0, 100.0)
    assert work_of(service("latent"), load).cache_bytes == 48 * (512 + 64) * 2
    assert float(most_requests(work_of(service("window"), load))) > 2 * float(most_requests(work_of(service(), load)))


def test_experts_are_read_as_they_are_touched() -> None:
    one = service("experts")
    rates = replace(rates_of(levels_of(one)), request_s=0.0, spread=1.0)
    work = work_of(one, Load(1.0, 1.0))
    few, many = float(step_seconds(work, rates, 1.0)), float(step_seconds(work, rates, 256.0))
    read = work.routed * 2 * (1 - 8 / 128) / H100.memory_bytes_per_s
    assert many - few >= read


def test_arrivals_wait_longer_as_the_rate_rises_and_for_ever_beyond_it() -> None:
    one, base = service(), Load(500.0, 200.0)
    served = [serve(one, replace(base, rate=r)) for r in (0.1, 5.0, 20.0)]
    firsts = [float(s.seconds_to_first_token) for s in served]
    assert firsts == sorted(firsts)
    for rate, s in zip((0.1, 5.0, 20.0), served, strict=True):
        assert s.tokens_per_second == pytest.approx(rate * 200.0)
        assert float(s.running) == pytest.approx(max(rate * 200 * float(s.seconds_per_token), 0), rel=0.2)
    assert first_token_quantile(one, replace(base, rate=5.0), 0.99) > first_token_quantile(
        one, replace(base, rate=5.0), 0.5
    )
    full = serve(one, replace(base, rate=1000.0))
    assert full.utilisation > 1
    assert math.isinf(first_token_quantile(one, replace(base, rate=1000.0), 0.9))  # type: ignore[arg-type]


def test_shares_of_the_token_time_rise_around_the_mean() -> None:
    one, load = service(), Load(500.0, 200.0, rate=20.0)
    mean = float(serve(one, load).seconds_per_token)
    shares = [float(token_quantile(one, load, share)) for share in (0.1, 0.5, 0.9, 0.99)]
    assert shares == sorted(shares)
    assert shares[0] < mean < shares[-1] < 2 * mean
    assert math.isinf(float(token_quantile(one, replace(load, rate=1000.0), 0.5)))


def test_draws_are_served_like_single_numbers() -> None:
    one = service()
    draws = serve(one, Load(np.array([100.0, 1000.0]), np.array([50.0, 80.0]), concurrency=np.array([1.0, 8.0])))
    for i, (tokens, out, many) in enumerate(((100.0, 50.0, 1.0), (1000.0, 80.0, 8.0))):
        single = serve(one, Load(tokens, out, concurrency=many))
        assert np.asarray(draws.seconds_per_token)[i] == pytest.approx(single.seconds_per_token)
        assert np.asarray(draws.seconds_to_first_token)[i] == pytest.approx(single.seconds_to_first_token)


def test_cost_is_accelerator_seconds_times_their_price() -> None:
    one, load = service(tensor=2), Load(500.0, 200.0, concurrency=32.0)
    speed = float(tokens_per_accelerator_second(one, load))
    assert cost_per_request(one, load, 3.0) == pytest.approx(3.0 * 200 / speed)
    assert speed == pytest.approx(float(serve(one, load).tokens_per_second) / 2)


def test_the_interval_holds_the_forecast() -> None:
    served = serve(service(), Load(500.0, 200.0))
    for low, high in (served.token_factors, served.first_token_factors):
        assert 0 < low < 1 < high and low * high == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"tensor": 3}, "resources.serving_heads"),
        ({"tensor": 0}, "resources.serving_sizes"),
        ({"weight_bits": -4.0}, "resources.serving_sizes"),
        ({"pipeline": 33}, "resources.serving_stages"),
        ({"engine": "abacus"}, "resources.serving_engine"),
        ({"precision": "fp4"}, "accelerator.no_precision"),
    ],
)
def test_what_cannot_be_served_is_named(wrong: dict[str, object], code: str) -> None:
    with pytest.raises(Problem) as problem:
        serve(service(**wrong), Load(100.0, 100.0))
    assert problem.value.code == code


@pytest.mark.parametrize(
    "load", [Load(-1.0, 10.0), Load(10.0, 0.0), Load(10.0, 10.0, concurrency=0.0), Load(math.nan, 1.0)]
)
def test_impossible_loads_are_named(load: Load) -> None:
    with pytest.raises(Problem) as problem:
        serve(service(), load)
    assert problem.value.code == "resources.serving_load"


def test_a_model_too_large_is_refused_before_any_speed() -> None:
    large = replace(LLAMA_8B, layers=320)
    with pytest.raises(Problem) as problem:
        serve(Service(large, H100), Load(100.0, 100.0))
    assert problem.value.code == "resources.serving_no_room"


def test_an_encoder_is_not_served_token_by_token() -> None:
    with pytest.raises(Problem) as problem:
        serve(Service(replace(LLAMA_8B, kind="encoder"), H100), Load(100.0, 100.0))
    assert problem.value.code == "resources.serving_kind"


def test_the_shipped_factors_are_whole() -> None:
    factors = shipped()
    assert set(factors["base"]) == set(NAMES)
    assert set(factors["errors"]) == {"token", "first"} and set(factors["power"]) == {"standing", "memory", "products"}
    assert factors["_source"]["rows_token"] and factors["_source"]["licences"]


def test_more_company_draws_more_power_and_costs_less_energy_a_token() -> None:
    alone, many = (serve(service(), Load(500.0, 200.0, concurrency=c)) for c in (1.0, 64.0))
    assert many.joules_per_token < alone.joules_per_token
    assert 0 < many.joules_per_token * many.tokens_per_second <= H100.power_w
    assert alone.joules_per_token * alone.tokens_per_second <= many.joules_per_token * many.tokens_per_second


def test_a_limit_on_a_token_allows_the_rate_that_meets_it() -> None:
    one, load = service(), Load(500.0, 200.0)
    work, rates = work_of(one, load), rates_of(levels_of(one))
    rate = float(rate_within(work, rates, 0.03))
    assert serve(one, replace(load, rate=rate)).seconds_per_token == pytest.approx(0.03, rel=0.05)
    assert float(rate_within(work, rates, 1e-6)) == 0.0
