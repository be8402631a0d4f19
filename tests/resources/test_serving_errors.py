"""The doubt of serving forecasts: it shrinks with what is known, grows with what is not, and own runs move the forecast."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.resources.serving import OwnRuns, first_token_quantile, serve, token_quantile
from groundsill.resources.serving_errors import COMPONENTS, OWN, Errors, Observed, nearest, setting
from groundsill.resources.serving_parts import Load, Service
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.shape import Shape

H100 = Accelerator("h100-sxm-80gb", "hopper", {"bf16": 989e12}, 80 * 2**30, 3.35e12, 700.0, 8, 450e9, 50e9)
LLAMA_8B = Shape("decoder", 32, 4096, 32, 8, 128, 14336, 128256, 131072, True, False, False)
SERVICE = Service(LLAMA_8B, H100)
HERE = setting(SERVICE, 8.0, 500.0, 0.3)


def own(error: float, group: str = "own:a") -> Observed:
    return Observed((replace(HERE, suite=OWN, group=group),), np.array([error]))


@pytest.mark.parametrize("what", ["token", "first"])
def test_published_runs_narrow_the_doubt_and_an_unknown_engine_widens_it(what: str) -> None:
    errors = Errors.of(what)  # type: ignore[arg-type]
    bare = replace(errors, known=())
    known, stranger = errors.posterior([HERE]), errors.posterior([replace(HERE, engine="abacus", family="none")])
    assert known.sd[0] < bare.posterior([HERE]).sd[0]
    assert known.sd[0] < stranger.sd[0]
    low, high = known.factors()
    assert low[0] < 1 < high[0] and low[0] == pytest.approx(1 / high[0])


def test_waiting_is_the_least_certain_part_of_a_first_token() -> None:
    errors = Errors.of("first")
    sds = errors.posterior([replace(HERE, waiting=share) for share in (0.0, 0.4, 0.8)]).sd
    assert list(sds) == sorted(sds) and sds[-1] > 1.1 * sds[0]


@pytest.mark.parametrize("what", ["token", "first"])
def test_covariance_is_one(what: str) -> None:
    errors = Errors.of(what)  # type: ignore[arg-type]
    some = [s for s in errors.known if s.suite in ("lmdeploy", "tensorrt-llm-0.6")] + [HERE]
    shared = errors.covariance(some, some)
    assert np.linalg.eigvalsh(shared).min() > -1e-9
    # A run shares all its effects with itself; its own set-up only where it has a name.
    alone = errors.alone(some) - np.diag(shared)
    assert (alone > 0).all() and alone[0] < alone[-1]


@given(error=st.floats(-1, 1), more=st.floats(0.05, 0.5))
@settings(max_examples=20, deadline=None)
def test_own_runs_move_the_forecast_the_more_the_further_off_they_are(error: float, more: float) -> None:
    load = Load(500.0, 200.0, concurrency=8.0)
    a, b = (float(serve(SERVICE, load, own=OwnRuns(token=own(e))).seconds_per_token) for e in (error, error + more))
    assert 1.0 < b / a < np.exp(more)


def test_one_own_run_moves_the_forecast_visibly_and_narrows_it() -> None:
    load = Load(500.0, 200.0, concurrency=8.0)
    plain, moved = serve(SERVICE, load), serve(SERVICE, load, own=OwnRuns(own(0.5), own(0.7)))
    assert moved.seconds_per_token > 1.15 * float(plain.seconds_per_token)
    assert moved.seconds_to_first_token > 1.2 * float(plain.seconds_to_first_token)
    assert moved.token_factors[1] < plain.token_factors[1]


def test_a_slower_service_has_longer_queues() -> None:
    load = Load(500.0, 200.0, rate=15.0)
    slow = OwnRuns(own(0.6), own(0.6))
    plain, moved = serve(SERVICE, load), serve(SERVICE, load, own=slow)
    assert moved.utilisation > plain.utilisation and moved.running > plain.running
    for quantile in (token_quantile, first_token_quantile):
        assert quantile(SERVICE, load, 0.9, own=slow) > quantile(SERVICE, load, 0.9)  # type: ignore[operator]


def test_the_nearest_runs_are_said_with_how_far_off_they_were() -> None:
    found = nearest(HERE)
    assert len(found) == 3 and len({(n.setting.suite, n.setting.size) for n in found}) == 3
    assert all(0 < n.alike < 1 and np.isfinite(n.off) for n in found)
    assert [n.alike for n in found] == pytest.approx(sorted((n.alike for n in found), reverse=True), abs=2e-3)
    assert all(n.setting.engine == "vllm" for n in found)


def test_components_name_levels_of_a_setting() -> None:
    for levels, _, token, first in COMPONENTS.values():
        assert all(hasattr(HERE, level) for level in levels) and token >= 0 and first >= 0
