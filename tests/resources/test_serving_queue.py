"""Waiting: exact values of textbook queues, and a simulation beside the formulas."""

from __future__ import annotations

import numpy as np
import pytest

from groundsill.resources.queue import allowed_rate, erlang_c, mean_wait, simulate, wait_quantile
from groundsill.terms.problem import Problem


def test_one_server_with_exponential_service() -> None:
    # M/M/1: W = rho / (mu - lambda); P(wait > t) = rho exp(-(mu - lambda) t)
    assert mean_wait(0.8, 1.0) == pytest.approx(4.0)
    assert wait_quantile(0.9, 0.8, 1.0) == pytest.approx(np.log(0.8 / 0.1) / 0.2)
    assert wait_quantile(0.1, 0.8, 1.0) == 0.0


def test_one_server_with_equal_service_waits_half() -> None:
    assert mean_wait(0.8, 1.0, variation=0.0) == pytest.approx(2.0)  # M/D/1: rho / (2 mu (1 - rho))


def test_erlang() -> None:
    # Two servers, one erlang: C = 1/3; wait = C / (k mu - lambda).
    assert erlang_c(1.0, 2) == pytest.approx(1 / 3)
    assert mean_wait(1.0, 1.0, servers=2) == pytest.approx(1 / 3)
    assert erlang_c(250.0, 200) == 1.0


def test_an_overloaded_queue_grows_for_ever() -> None:
    assert np.isinf(mean_wait(2.0, 1.0)) and np.isinf(wait_quantile(0.5, 2.0, 1.0))


@pytest.mark.parametrize(("servers", "rate", "variation"), [(1, 0.7, 1.0), (1, 0.7, 0.0), (4, 3.0, 1.0), (4, 3.0, 0.0)])
def test_the_simulation_agrees(servers: int, rate: float, variation: float) -> None:
    rng = np.random.default_rng(3)
    shape = (400, 3000)
    gaps = rng.exponential(1 / rate, shape)
    services = rng.exponential(1.0, shape) if variation else np.ones(shape)
    waits = simulate(gaps, services, servers)[:, 1000:]
    near = 0.03 if variation or servers == 1 else 0.08  # Allen and Cunneen is no longer exact
    assert waits.mean() == pytest.approx(float(mean_wait(rate, 1.0, servers, variation)), rel=near)
    if variation:
        assert np.quantile(waits, 0.95) == pytest.approx(float(wait_quantile(0.95, rate, 1.0, servers)), rel=0.06)


def test_the_allowed_rate_is_where_the_wait_is_the_limit() -> None:
    rate = allowed_rate(2.0, 0.95, 1.0, servers=3)
    assert wait_quantile(0.95, rate, 1.0, 3) == pytest.approx(2.0, rel=1e-6)


def test_bad_queues_are_named() -> None:
    for call in (
        lambda: erlang_c(1.0, 0),
        lambda: wait_quantile(1.0, 0.5, 1.0),
        lambda: simulate(np.ones((1, 1)), np.ones((1, 1)), 0),
    ):
        with pytest.raises(Problem):
            call()
