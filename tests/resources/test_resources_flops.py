"""FLOP against papers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.resources.engine_shapes import GPT_3, LLAMA_2_7B, MINILM

from groundsill.resources.flops import (
    attention_flops_per_token,
    block_matrices,
    forward_flops_per_token,
    forward_parts,
    matrix_weights,
    passes,
    simple_training_flops,
    training_flops,
)
from groundsill.resources.timing import training_seconds
from groundsill.terms.quantity import DAY
from groundsill.terms.shape import Experts, Latent, Shape


def test_gpt3_takes_3_14e23_flop() -> None:
    """Brown et al. 2020 (arXiv 2005.14165), table D.1: 174.6e9 weights, 300e9 tokens, 3.14e23 FLOP."""
    assert simple_training_flops(174.6e9, 300e9) == pytest.approx(3.14e23, rel=0.002)
    # The shape adds attention (2 to 3 % at 2,048 tokens) and counts the look-up tables of positions out.
    assert training_flops(GPT_3, 300e9, context_tokens=2048) == pytest.approx(3.14e23, rel=0.03)


def test_gpt3_equals_the_formula_of_narayanan() -> None:
    """Narayanan et al. 2021 (arXiv 2104.04473), eq. 3: 96 B s l h^2 (1 + s/6h + V/16lh) with recomputing, all of the
    attention matrix counted, the output matrix not recomputed. Korthikanti et al. 2022 (arXiv 2205.05198), eq. 7 and 8:
    72 ... (1 + s/6h + V/12lh) without recomputing, and 24 B s l h^2 (s/6h) x 2 = 4 B l s^2 h more with selective."""
    layers, width, s = GPT_3.layers, GPT_3.width, GPT_3.context

    def ours(recompute: object) -> float:
        return float(training_flops(GPT_3, 1.0, context_tokens=s, recompute=recompute, convention="full"))

    full = 96 * layers * width**2 * (1 + s / (6 * width) + GPT_3.vocabulary / (16 * layers * width))
    none = 72 * layers * width**2 * (1 + s / (6 * width) + GPT_3.vocabulary / (12 * layers * width))
    assert ours(True) == ours("full") == ours(2) == pytest.approx(full, rel=1e-12)
    assert ours(False) == ours("none") == ours(0) == pytest.approx(none, rel=1e-12)
    assert ours("selective") == ours(1) == pytest.approx(none + 4 * layers * width * s, rel=1e-12)
    levels = training_flops(GPT_3, 1.0, context_tokens=s, recompute=np.array([0, 1, 2]), convention="full")
    assert levels == pytest.approx([none, ours(1), full])


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
    # Frozen matrices have no gradient of their own; the core of attention has no weights to freeze.
    core = float(attention_flops_per_token(LLAMA_2_7B, context)) * 1e9
    assert flops("lora") == pytest.approx(2 * flops("head") + core)
    assert passes("lora") == 2
    assert flops("head", recompute=True) == flops("head")
    assert flops("lora", trainable=4e6) == pytest.approx(flops("lora") + 6 * 4e6 * 1e9)


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


def test_experts_count_the_active_ones_and_the_router() -> None:
    """Mixtral 8x7B (arXiv 2401.04088): 12.9e9 active weights; look-ups, norms and the input embedding take no product."""
    mixtral = replace(LLAMA_2_7B, kv_heads=8, ffn_width=14336, experts=Experts(8, 2, 14336))
    assert matrix_weights(mixtral) == mixtral.active_weights - 32000 * 4096 - 65 * 4096
    router = 32 * 4096 * 8
    assert block_matrices(mixtral) == 32 * (2 * 4096**2 + 2 * 4096 * 1024 + 2 * 3 * 4096 * 14336) + router


def test_deepseek_v3_by_hand() -> None:
    """DeepSeek-V3 (arXiv 2412.19437, section 4.2): scores over 128 heads of 192, sums of 128 heads of 128."""
    shape = Shape(
        "decoder", 61, 7168, 128, 128, 192, 18432, 129280, 163840, True, False, False,
        experts=Experts(256, 8, 2048, 2048, 3), latent=Latent(1536, 512, 128, 64, 128),
    )  # fmt: skip
    assert attention_flops_per_token(shape, 4096) == 61 * 2 * 128 * (192 + 128) * 2048
    assert matrix_weights(shape) == pytest.approx(36.6e9, rel=0.005)  # 37.55e9 active, less the input embedding


@settings(deadline=None)
@given(context=st.integers(1, 100_000), window=st.integers(1, 8192), every=st.integers(0, 8))
def test_a_window_is_summed_token_by_token(context: int, window: int, every: int) -> None:
    """Token i sees min(i, w) tokens before the middle of itself; the mean over the sequence, block by block."""
    shape = replace(LLAMA_2_7B, layers=24, window=window, window_every=every)
    places = np.arange(context) + 0.5
    full = 24 // every if every else 0
    seen = full * places.mean() + (24 - full) * np.minimum(places, window).mean()
    ours = attention_flops_per_token(shape, context)
    assert ours == pytest.approx(4 * 4096 * seen, rel=1e-9)
    square = attention_flops_per_token(shape, context, convention="full")
    assert square == pytest.approx(4 * 4096 * (full * context + (24 - full) * min(context, window)))
    assert 0 < ours <= square
    assert attention_flops_per_token(shape, 0.0) == 0
    assert forward_flops_per_token(shape, 0.0) == 2 * matrix_weights(shape)


def test_an_encoder_decoder_by_hand() -> None:
    """T5-base on 512 words in and 128 out: each stack for its own words, keys and values of the cross attention for the
    words read, its queries and outputs for the words written; 6 FLOP a weight, nearer 3ND than 6ND over both."""
    t5 = Shape("encoder-decoder", 12, 768, 12, 12, 64, 3072, 32128, 512, False, False, True, encoder_layers=12)
    h, read, written = 768, 512, 128
    encoder = 12 * (4 * h * h + 2 * h * 3072)
    matrices = read * (encoder + 12 * 2 * h * h) + written * (encoder + 12 * 2 * h * h + 32128 * h)
    attention = 12 * 4 * h * (read * read + written * (written / 2 + read))
    ours = forward_parts(t5, read + written, decoder_share=written / (read + written)).total * (read + written)
    assert ours == pytest.approx(2 * matrices + attention, rel=1e-12)
    even = training_flops(t5, 1.0, context_tokens=1024.0)
    assert even / simple_training_flops(t5.weights, 1.0) == pytest.approx(0.5, abs=0.1)


def test_words_that_are_predicted() -> None:
    """BERT predicts 15 % of its words; a decoder all of them, unless told otherwise."""
    bert = replace(MINILM, layers=12)
    more = forward_parts(bert, 128, predicted=0.15).total - forward_parts(bert, 128).total
    assert more == pytest.approx(2 * 0.15 * bert.vocabulary * bert.width)
    every = forward_parts(LLAMA_2_7B, 128, predicted=1.0).total
    assert every == forward_parts(LLAMA_2_7B, 128).total == forward_flops_per_token(LLAMA_2_7B, 128)


def test_a_vision_transformer() -> None:
    """ViT-B/16 at 224 pixels: 17.6 GMAC for a picture (torchvision, vit_b_16)."""
    vit = Shape(
        "encoder", 12, 768, 12, 12, 64, 3072, 0, 197, False, True, False, positions=197, types=1, norm_weights=2,
        patch_values=768, classes=1000,
    )  # fmt: skip
    assert forward_flops_per_token(vit, 197) * 197 / 2e9 == pytest.approx(17.56, rel=0.01)


def test_a_diffusion_transformer() -> None:
    """DiT-XL/2 at 256 pixels: 118.64 GMAC (arXiv 2212.09748, table 4)."""
    dit = Shape(
        "encoder", 28, 1152, 16, 16, 72, 4608, 1001, 256, False, True, False, norm_weights=0, final_norm=False,
        patch_values=16, modulation=6,
    )  # fmt: skip
    assert forward_flops_per_token(dit, 256) * 256 / 2e9 == pytest.approx(118.64, rel=2e-3)
