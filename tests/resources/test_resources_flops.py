"""FLOP against papers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.resources.engine_shapes import GPT_3, LLAMA_2_7B, MINILM

from groundsill.resources.flops import (
    attention_flops_per_token,
    forward_flops_per_token,
    matrix_weights,
    simple_training_flops,
    training_flops,
)
from groundsill.resources.step import training_seconds
from groundsill.terms.quantity import DAY


def test_gpt3_takes_3_14e23_flop() -> None:
    """Brown et al. 2020 (arXiv 2005.14165), table D.1: 174.6e9 weights, 300e9 tokens, 3.14e23 FLOP."""
    assert simple_training_flops(174.6e9, 300e9) == pytest.approx(3.14e23, rel=0.002)
    # The shape adds attention (2 to 3 % at 2,048 tokens) and counts the look-up tables of positions out.
    assert training_flops(GPT_3, 300e9, context_tokens=2048) == pytest.approx(3.14e23, rel=0.03)


def test_gpt3_equals_the_formula_of_narayanan() -> None:
    """Narayanan et al. 2021 (arXiv 2104.04473), eq. 3: 96 B s l h^2 (1 + s/6h + V/16lh) with recomputing, all of the
    attention matrix counted, the output matrix not recomputed."""
    layers, width, context = GPT_3.layers, GPT_3.width, GPT_3.context
    formula = 96 * layers * width**2 * (1 + context / (6 * width) + GPT_3.vocabulary / (16 * layers * width))
    ours = training_flops(GPT_3, 1.0, context_tokens=context, recompute=True)
    unseen_half = 4 * attention_flops_per_token(GPT_3, context)
    output_again = 2 * GPT_3.vocabulary * width
    assert ours + unseen_half - output_again == pytest.approx(formula, rel=1e-3)


def test_gpt3_on_1024_a100_takes_34_days() -> None:
    """Narayanan et al. 2021, section 5.1: 175e9 weights, 300e9 tokens, 1,024 A100 at 140 TFLOP/s each, recomputing:
    34 days. Their 8ND is 4/3 of 6ND."""
    flops = simple_training_flops(175e9, 300e9) * 4 / 3
    assert training_seconds(flops, 312e12, 140 / 312, 1024) / DAY == pytest.approx(34, rel=0.02)


def test_llama_2_7b_counts() -> None:
    """6.74e9 weights (model card); causal attention at 4,096 tokens adds 8 % to 6N, the look-up of the
    input embedding takes 2 % off."""
    assert LLAMA_2_7B.weights == pytest.approx(6.738e9, rel=1e-3)
    assert matrix_weights(LLAMA_2_7B) == LLAMA_2_7B.weights - 32000 * 4096 - 65 * 4096
    ours = training_flops(LLAMA_2_7B, 2e12, context_tokens=4096)
    assert ours / simple_training_flops(6.738e9, 2e12) == pytest.approx(1.060, abs=0.002)


def test_an_encoder_has_no_output_matrix_and_sees_everything() -> None:
    assert matrix_weights(MINILM) == 6 * (4 * 384**2 + 2 * 384 * 1536)
    assert attention_flops_per_token(MINILM, 128) == 4 * 6 * 384 * 128


@settings(deadline=None)
@given(tokens=st.floats(1, 1e13), context=st.floats(1, 1e5), times=st.floats(1.1, 100))
def test_more_tokens_more_flop_in_proportion(tokens: float, context: float, times: float) -> None:
    for method in ("full", "lora", "head"):
        one = training_flops(LLAMA_2_7B, tokens, context_tokens=context, method=method)  # type: ignore[arg-type]
        more = training_flops(LLAMA_2_7B, times * tokens, context_tokens=context, method=method)  # type: ignore[arg-type]
        assert more == pytest.approx(times * one, rel=1e-9)


@settings(deadline=None)
@given(context=st.floats(1, 1e5))
def test_the_fewer_gradients_the_less_work(context: float) -> None:
    def flops(method: str, **more: float) -> float:
        return float(training_flops(LLAMA_2_7B, 1e9, context_tokens=context, method=method, **more))  # type: ignore[arg-type]

    assert flops("head") < flops("lora", trainable=4e6) < flops("full") < flops("full", recompute=True)
    assert flops("lora") == pytest.approx(2 * flops("head"))
    assert flops("head", recompute=True) == flops("head")


def test_arrays_give_what_floats_give() -> None:
    tokens, context = np.array([1e9, 2e12]), np.array([512.0, 4096.0])
    both = training_flops(LLAMA_2_7B, tokens, context_tokens=context, method="lora", trainable=4e6)
    single = [
        training_flops(LLAMA_2_7B, float(t), context_tokens=float(c), method="lora", trainable=4e6)
        for t, c in zip(tokens, context, strict=True)
    ]
    assert np.array_equal(both, single)
    assert np.array_equal(
        forward_flops_per_token(MINILM, context), [forward_flops_per_token(MINILM, c) for c in context]
    )
