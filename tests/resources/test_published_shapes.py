"""How a published row becomes a shape, and its FLOP."""

import pytest
from benchmarks.published import flops
from benchmarks.published.shapes import moe_of, named, of_weights, shape_of
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.catalogue.load import Catalogue
from groundsill.terms.network import Network
from groundsill.terms.shape import Shape

CATALOGUE = Catalogue()


def found(**row: object) -> Shape:
    made = shape_of({k: str(v) for k, v in row.items()}, CATALOGUE)
    assert isinstance(made, Shape)
    return made


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("Llama-2-7B", "llama-2-7b"), ("Llama 2 7B", "llama-2-7b"), ("meta-llama/Llama-2-7b-hf", "llama-2-7b"),
        ("Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b"), ("Llama-3-70B", "llama-3.1-70b"), ("DeepSeek-R1", "deepseek-v3"),
        ("Qwen3-235B-A22B-Thinking-2507-FP8", "qwen3-235b-a22b"), ("gpt-oss-120b", "gpt-oss-120b"),
        ("BERT-large", "bert-large"), ("Mixtral-8x7B-Instruct", "mixtral-8x7b"), ("phi-2", "phi-2"),
        ("LLaMA-65B (Guanaco)", "llama-65b"), ("GPT-3 175B", "gpt-3-175b"), ("falcon-7b", "falcon-7b"),
        ("google/gemma-3-27b-it", "gemma-3-27b"), ("Nobody-5B", None), ("", None),
    ],
)  # fmt: skip
def test_names(name: str, id: str | None) -> None:
    assert named(name, CATALOGUE) == id


def test_a_named_model_and_its_exceptions() -> None:
    llama = CATALOGUE.model("llama-3.1-70b").shape
    assert found(model="Llama-3-70B", params_total=70.55e9) == llama
    assert found(model="Llama-3-70B", layers=12, hidden=8192, heads=64, ffn=28672, vocab=128256).layers == 12
    less = found(model="DeepSeek-V3", arch="moe", layers=4, hidden=7168)
    assert (less.layers, less.dense_blocks) == (4, 3)
    assert found(model="Llama-3-70B", params_total=13e9) != llama  # another model by that name


def test_columns_that_say_all() -> None:
    """MPT-1b of llm-foundry at 2,048 tokens: 1,315,950,592 weights, with biases, tied, learned positions."""
    row = {"model": "MPT-1b", "arch": "dense", "layers": 24, "hidden": 2048, "heads": 16, "kv_heads": 16, "ffn": 8192,
           "vocab": 50368, "seq_len": 2048, "params_total": 1315950592}  # fmt: skip
    shape = found(**row)
    assert shape.weights == 1315950592
    assert shape.biases and shape.tied and shape.positions == 2048


def test_the_count_is_believed_before_the_layers() -> None:
    shape = found(
        model="x", arch="dense", layers=96, hidden=14336, heads=64, ffn=57344, vocab=250000, params_total=181e9
    )
    assert shape.layers < 96
    assert shape.weights == pytest.approx(181e9, rel=0.01)


@settings(deadline=None, max_examples=80)
@given(
    total=st.floats(1e8, 2e12), kind=st.sampled_from(("dense", "encoder", "encoder-decoder", "vit", "diffusion", ""))
)
def test_any_size_has_a_generic_shape(total: float, kind: str) -> None:
    shape = of_weights(total, kind)
    assert shape.weights == pytest.approx(total, rel=0.02)
    assert 0.5 <= shape.ffn_width / shape.width <= 16


@settings(deadline=None, max_examples=80)
@given(active=st.floats(1e9, 6e10), times=st.floats(2.5, 30))
def test_any_mixture_has_a_generic_shape(active: float, times: float) -> None:
    shape = moe_of(active * times, active)
    assert shape.weights == pytest.approx(active * times, rel=0.03)
    assert shape.active_weights == pytest.approx(active, rel=0.25)


def test_what_is_no_transformer_and_what_is_nothing() -> None:
    assert isinstance(shape_of({"model": "ResNet-50 v1.5", "arch": "cnn"}, CATALOGUE), Network)
    assert isinstance(shape_of({"model": "Stable Diffusion v2 (UNet from scratch)"}, CATALOGUE), Network)
    assert shape_of({"model": "something"}, CATALOGUE) is None
    assert found(model="Generic 14B").weights == pytest.approx(14e9, rel=0.01)


def test_flops_of_a_row_by_its_own_convention() -> None:
    """torchtitan, Llama-2-13B on A100 at 4,096 tokens: MFU 0.611 at 2,162 tokens/s is 88.2e9 FLOP a token."""
    row = {
        "model": "Llama-2-13B", "arch": "dense", "suite": "s", "group_key": "g", "status": "ok", "confidence": "high",
        "layers": "40", "hidden": "5120", "heads": "40", "kv_heads": "40", "ffn": "13824", "vocab": "32000",
        "seq_len": "4096", "params_total": "13020000000", "accelerator": "A100-80GB-SXM", "precision": "bf16",
        "mfu": "0.611", "tokens_per_s_per_gpu": "2162", "flops_convention": "nanoGPT/PaLM style 6N+12LHQT",
    }  # fmt: skip
    ours, peer = flops.score({"megatron_throughput": [row]}, None, CATALOGUE)
    assert ours.truth == pytest.approx(88.2e9, rel=1e-3)
    assert ours.error < 0.002 < peer.error
    assert flops.score({"megatron_throughput": [row | {"mfu": ""}]}, None, CATALOGUE) == []
