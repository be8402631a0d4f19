"""What a tuning method says it trains is what it trains."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from groundsill import tuning
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape
from groundsill.terms.shelf import shelf

METHODS = shelf(tuning)
CLASSES = 5
BERT = Shape(
    "encoder", layers=2, width=32, heads=4, kv_heads=4, head_width=8, ffn_width=48, vocabulary=60, context=40,
    gated=False, biases=True, tied=True, positions=40, types=2, norm_weights=2, embedding_norm=True, final_norm=False,
)  # fmt: skip
LLAMA = Shape(
    "decoder", layers=3, width=32, heads=4, kv_heads=2, head_width=8, ffn_width=56, vocabulary=60, context=40,
    gated=True, biases=False, tied=False,
)  # fmt: skip


def tiny(shape: Shape) -> Any:
    """A random model of this shape with a linear head, as `attach` takes it."""
    transformers = pytest.importorskip("transformers")
    from torch import nn

    common = {
        "vocab_size": shape.vocabulary,
        "hidden_size": shape.width,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.ffn_width,
        "max_position_embeddings": shape.context,
    }
    model = nn.Module()
    if shape.kind == "encoder":
        model.body = transformers.BertModel(transformers.BertConfig(**common), add_pooling_layer=False)
    else:
        config = transformers.LlamaConfig(**common, num_key_value_heads=shape.kv_heads, head_dim=shape.head_width)
        model.body = transformers.LlamaModel(config)
    model.head = nn.Linear(shape.width, CLASSES)
    return model


@pytest.mark.torch
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("shape", [BERT, LLAMA], ids=["bert", "llama"])
@pytest.mark.parametrize("rank", [1, 8])
def test_trainable_equals_the_weights_that_require_a_gradient(name: str, shape: Shape, rank: int) -> None:
    method = METHODS[name]
    model = method.attach(tiny(shape), rank=rank)
    counted = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert counted == method.trainable(shape, classes=CLASSES, rank=rank)


@pytest.mark.torch
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("shape", [BERT, LLAMA], ids=["bert", "llama"])
def test_attaching_leaves_the_answers_as_they_were(name: str, shape: Shape) -> None:
    import torch

    model = tiny(shape).eval()
    ids = torch.arange(12).reshape(2, 6)
    before = model.body(input_ids=ids).last_hidden_state
    after = METHODS[name].attach(model).eval().body(input_ids=ids).last_hidden_state
    assert torch.allclose(before, after, atol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_name_in_both_languages(name: str) -> None:
    assert set(METHODS[name].LABEL) == {"en", "zh"}
    assert all(METHODS[name].LABEL.values())


def test_published_count_of_lora() -> None:
    """SmolLM2-135M, rank 8 on query and value without a head: 460,800 weights (counted by peft itself)."""
    shape = Shape(
        "decoder", layers=30, width=576, heads=9, kv_heads=3, head_width=64, ffn_width=1536, vocabulary=49152,
        context=8192, gated=True, biases=False, tied=True,
    )  # fmt: skip
    lora: ModuleType = METHODS["lora"]
    assert lora.trainable(shape, classes=2, rank=8) - (2 * 576 + 2) == 460_800


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(Problem, match=r"tuning\.too_few_classes"):
        METHODS["head"].trainable(BERT, classes=1)
    with pytest.raises(Problem, match=r"tuning\.bad_rank"):
        METHODS["lora"].trainable(BERT, classes=2, rank=0)
    with pytest.raises(Problem, match=r"tuning\.bad_rank"):
        METHODS["lora"].trainable(BERT, classes=2, rank=33)


@pytest.mark.torch
def test_a_body_without_query_and_value_is_refused() -> None:
    nn = pytest.importorskip("torch").nn
    model = nn.Module()
    model.body, model.head = nn.Sequential(nn.Linear(4, 4)), nn.Linear(4, 2)
    with pytest.raises(Problem, match=r"tuning\.no_attention_found"):
        METHODS["lora"].attach(model)
