"""Counted weights against published counts, and shapes that cannot be."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.terms.problem import Problem
from groundsill.terms.shape import Experts, Latent, Shape

LLAMA = Shape("decoder", 32, 4096, 32, 32, 128, 11008, 32000, 4096, True, False, False)


def test_minilm_has_its_published_weights() -> None:
    """sentence-transformers/all-MiniLM-L6-v2, safetensors header: 22,713,216 weights."""
    shape = Shape(
        "encoder", 6, 384, 12, 12, 32, 1536, 30522, 512, False, True, True, 512, 2, 2, embedding_norm=True,
        final_norm=False, pooler=True,
    )  # fmt: skip
    assert shape.weights == 22_713_216


def test_smollm2_has_its_published_weights() -> None:
    """HuggingFaceTB/SmolLM2-135M-Instruct: 134,515,008 weights (tied embeddings counted once)."""
    assert Shape("decoder", 30, 576, 9, 3, 64, 1536, 49152, 2048, True, False, True).weights == 134_515_008


def test_llama_2_7b_has_its_published_weights() -> None:
    """meta-llama/Llama-2-7b: 6,738,415,616 weights."""
    assert LLAMA.weights == LLAMA.active_weights == 6_738_415_616


def test_mixtral_has_its_published_weights() -> None:
    """mistralai/Mixtral-8x7B-v0.1, safetensors index: 46,702,792,704 weights; 12.9e9 active (arXiv 2401.04088)."""
    base = replace(LLAMA, kv_heads=8, ffn_width=14336)
    shape = replace(base, experts=Experts(8, 2, 14336))
    assert shape.weights == 46_702_792_704
    assert shape.active_weights == pytest.approx(12.9e9, rel=0.005)
    # All experts active, one of them: a dense model and a router that chooses among one.
    one = replace(base, experts=Experts(1, 1, 14336))
    assert one.weights == one.active_weights == base.weights + 32 * 4096


def test_deepseek_v3_has_its_published_weights() -> None:
    """arXiv 2412.19437: 671e9 weights, 37e9 active, the first three blocks dense, one shared expert."""
    shape = Shape(
        "decoder", 61, 7168, 128, 128, 192, 18432, 129280, 163840, True, False, False,
        experts=Experts(256, 8, 2048, 2048, 3), latent=Latent(1536, 512, 128, 64, 128),
    )  # fmt: skip
    assert shape.weights == pytest.approx(671e9, rel=1e-3)
    assert shape.active_weights == pytest.approx(37e9, rel=0.02)
    assert (shape.expert_blocks, shape.dense_blocks) == (58, 3)
    assert shape.cached_values == 512 + 64
    assert shape.weights == 3 * shape.dense_block_weights + 58 * shape.block_weights + (
        shape.embedding_weights + shape.head_weights
    )


def test_glam_has_its_published_weights() -> None:
    """Du et al. 2021 (arXiv 2112.06905), table 4: 1.2e12 weights, 96.6e9 active; experts in every other one of 64 blocks.

    Its plain blocks are gated and its experts are not, so one shape is a little below both counts."""
    shape = Shape(
        "decoder", 64, 8192, 128, 128, 128, 32768, 256000, 1024, False, False, True, experts=Experts(64, 2, 32768, every=2)
    )  # fmt: skip
    assert shape.expert_blocks == 32
    assert shape.weights == pytest.approx(1.2e12, rel=0.05)
    assert shape.active_weights + 32 * 8192 * 32768 == pytest.approx(96.6e9, rel=0.01)


def test_gpt_oss_has_its_published_weights() -> None:
    """OpenAI 2025 (arXiv 2508.10925), table 1: 116.83e9 and 20.91e9 weights, 128 and 32 experts, every other block a
    window of 128 tokens."""
    shape = Shape(
        "decoder", 36, 2880, 64, 8, 64, 2880, 201088, 131072, True, True, False, experts=Experts(128, 4, 2880),
        window=128, window_every=2,
    )  # fmt: skip
    assert shape.weights == pytest.approx(116.83e9, rel=1e-4)
    assert replace(shape, layers=24, experts=Experts(32, 4, 2880)).weights == pytest.approx(20.91e9, rel=1e-3)
    assert shape.window_blocks == 18


def test_gemma_3_has_its_published_weights() -> None:
    """Gemma 3 report (arXiv 2503.19786), table 1, 27B: 1,416e6 embedding and 25,600e6 other weights; one global block
    for five with a window."""
    shape = Shape(
        "decoder", 62, 5376, 32, 16, 128, 21504, 262144, 131072, True, False, True, window=1024, window_every=6, norms=4,
        query_key_norm=True,
    )  # fmt: skip
    assert shape.weights == pytest.approx((1416 + 25600) * 1e6, rel=1e-3)
    assert shape.window_blocks == 52


def test_t5_has_its_published_weights() -> None:
    """google-t5/t5-base, safetensors header: 222,903,552; bigscience/mt0-xxl: 12,921,057,280 (gated, untied)."""
    base = Shape(
        "encoder-decoder", 12, 768, 12, 12, 64, 3072, 32128, 512, False, False, True, encoder_layers=12,
        position_buckets=32,
    )  # fmt: skip
    assert base.weights == 222_903_552
    large = replace(
        base, layers=24, encoder_layers=24, width=4096, heads=64, kv_heads=64, ffn_width=10240, vocabulary=250112,
        gated=True, tied=False,
    )  # fmt: skip
    assert large.weights == 12_921_057_280


def test_vit_has_its_published_weights() -> None:
    """google/vit-base-patch16-224: 86,567,656 weights with its 1,000 classes."""
    shape = Shape(
        "encoder", 12, 768, 12, 12, 64, 3072, 0, 197, False, True, False, positions=197, types=1, norm_weights=2,
        patch_values=768, classes=1000,
    )  # fmt: skip
    assert shape.weights == 86_567_656


def test_a_diffusion_transformer_has_its_published_weights() -> None:
    """DiT-XL/2 (arXiv 2212.09748, table 4): 675e6 weights, most of them in 28 blocks with six modulations each."""
    shape = Shape(
        "encoder", 28, 1152, 16, 16, 72, 4608, 1001, 256, False, True, False, norm_weights=0, final_norm=False,
        patch_values=16, modulation=6,
    )  # fmt: skip
    assert shape.weights == pytest.approx(675e6, rel=0.01)


def test_qwen_has_biases_on_queries_keys_and_values_alone() -> None:
    """Qwen/Qwen2.5-0.5B: 494,032,768 weights."""
    shape = Shape("decoder", 24, 896, 14, 2, 64, 4864, 151936, 32768, True, False, True, qkv_biases=True)
    assert shape.weights == 494_032_768
    assert shape.weights - replace(shape, qkv_biases=False).weights == 24 * (14 + 2 * 2) * 64


@settings(deadline=None, max_examples=50)
@given(
    count=st.integers(1, 256), active=st.integers(1, 256), width=st.integers(1, 4096), shared=st.integers(0, 4096),
    dense=st.integers(0, 32), every=st.integers(1, 4), biases=st.booleans(),
)  # fmt: skip
def test_experts_add_up(count: int, active: int, width: int, shared: int, dense: int, every: int, biases: bool) -> None:
    active = min(active, count)
    shape = replace(LLAMA, biases=biases, experts=Experts(count, active, width, shared, dense, every))
    assert shape.expert_blocks + shape.dense_blocks == shape.layers
    assert 0 < shape.active_weights <= shape.weights
    assert (shape.active_weights == shape.weights) == (active == count or shape.expert_blocks == 0)
    more = replace(shape, experts=Experts(count + 1, active, width, shared, dense, every))
    assert more.weights >= shape.weights


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"layers": 0}, "layers"), ({"width": -1}, "width"), ({"kv_heads": 5}, "kv_heads"), ({"heads": 1.5}, "heads"),
        ({"vocabulary": -1}, "vocabulary"), ({"ffn_width": 0}, "ffn_width"), ({"gated": 1}, "gated"),
        ({"layers": True}, "layers"), ({"kind": "both"}, "kind"), ({"encoder_layers": 2}, "encoder_layers"),
        ({"kind": "encoder-decoder"}, "encoder_layers"), ({"window": -1}, "window"), ({"head_width": 0}, "head_width"),
        ({"experts": Experts(8, 2, 64, dense_layers=33)}, "experts.dense_layers"),
    ],
)  # fmt: skip
def test_shapes_that_cannot_be(change: dict[str, Any], at: str) -> None:
    with pytest.raises(Problem) as caught:
        replace(LLAMA, **change)
    assert (caught.value.code, caught.value.at) == ("shape.bad", at)


@pytest.mark.parametrize("bad", [(0, 1, 1), (8, 9, 1), (8, 0, 1), (8, 2, 0), (8, 2, -3)])
def test_experts_that_cannot_be(bad: tuple[int, int, int]) -> None:
    with pytest.raises(Problem, match=r"shape\.bad"):
        Experts(*bad)
    with pytest.raises(Problem, match=r"shape\.bad"):
        Latent(0, 0, 128, 64, 128)
