"""Serving against published measurements."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.resources.engine_shapes import LLAMA_2_7B, MINILM

from groundsill.resources.inference import (
    PUBLISHED_BANDWIDTH_EFFICIENCY,
    accelerators_per_copy,
    largest_batch,
    servers_needed,
    serving_seconds_per_request,
)
from groundsill.terms.quantity import MONTH

A100 = {"peak": 312e12, "bandwidth": 2.039e12, "mfu": 0.4, "bandwidth_efficiency": PUBLISHED_BANDWIDTH_EFFICIENCY}


def writing(tokens_in: float, tokens_out: float, batch: float = 1.0) -> float:
    """Seconds of the answer alone."""
    both = serving_seconds_per_request(LLAMA_2_7B, tokens_in, tokens_out, batch=batch, **A100)
    return float(both - serving_seconds_per_request(LLAMA_2_7B, tokens_in, 0.0, batch=batch, **A100))


def test_llama_2_7b_on_one_a100() -> None:
    """lmdeploy 0.1.0, benchmark table (November 2023): 10.1 ms a token at 128 + 2,048 tokens, one at a time."""
    assert writing(128, 2048) / 2048 == pytest.approx(10.1e-3, rel=0.1)


def test_sixteen_at_a_time() -> None:
    """The same table: 25 ms a step of 16 requests at 2,048 + 2,048 tokens. Twice the tolerance: caches of growing length
    and the scheduler are not modelled."""
    assert writing(2048, 2048, 16) * 16 / 2048 == pytest.approx(25e-3, rel=0.35)


@settings(deadline=None)
@given(tokens_in=st.floats(1, 4000), tokens_out=st.floats(0, 4000), batch=st.floats(1, 256), times=st.floats(1, 4))
def test_more_tokens_take_longer_and_company_is_cheaper(
    tokens_in: float, tokens_out: float, batch: float, times: float
) -> None:
    one = serving_seconds_per_request(LLAMA_2_7B, tokens_in, tokens_out, batch=batch, **A100)
    assert 0 < one <= serving_seconds_per_request(LLAMA_2_7B, tokens_in, times * tokens_out, batch=batch, **A100)
    assert one <= serving_seconds_per_request(LLAMA_2_7B, times * tokens_in, tokens_out, batch=batch, **A100)
    assert one >= serving_seconds_per_request(LLAMA_2_7B, tokens_in, tokens_out, batch=times * batch, **A100)


@settings(deadline=None)
@given(requests=st.floats(0, 1e9), seconds=st.floats(1e-6, 100), load=st.floats(0.05, 1))
def test_servers_are_whole_enough_and_at_least_one(requests: float, seconds: float, load: float) -> None:
    count = servers_needed(requests, seconds, load)
    assert count >= 1 and count == int(count)
    assert count * MONTH * load >= requests * seconds * (1 - 1e-9)
    assert count == 1 or (count - 1) * MONTH * load < requests * seconds
    assert servers_needed(2 * requests, seconds, load) >= count


def test_a_copy_and_its_company() -> None:
    """13.5 GB of weights and 2 GB for a request of 4,096 tokens: one A100, or four cards of 4 GB."""
    assert accelerators_per_copy(LLAMA_2_7B, 4096, 80e9) == 1
    assert accelerators_per_copy(LLAMA_2_7B, 4096, 4e9) == 4
    batch = largest_batch(LLAMA_2_7B, 4096, 80e9)
    assert batch == np.floor((80e9 - 2 * LLAMA_2_7B.weights) / (524_288 * 4096))
    assert largest_batch(LLAMA_2_7B, 4096, 1e9) == 1
    assert largest_batch(MINILM, 512, 1e9) == float("inf")


def test_arrays_give_what_floats_give() -> None:
    tokens = np.array([100.0, 1000.0])
    both = serving_seconds_per_request(LLAMA_2_7B, tokens, 2 * tokens, batch=8.0, **A100)
    assert np.array_equal(
        both, [serving_seconds_per_request(LLAMA_2_7B, t, 2 * t, batch=8.0, **A100) for t in tokens.tolist()]
    )
    assert np.array_equal(servers_needed(np.array([1.0, 1e9]), 1.0, 0.5), [1.0, np.ceil(1e9 / MONTH / 0.5)])
