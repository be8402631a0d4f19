"""What a tuning method says it trains is what it trains."""

from __future__ import annotations

from dataclasses import replace
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


GPT = Shape(
    "decoder", layers=2, width=32, heads=4, kv_heads=4, head_width=8, ffn_width=48, vocabulary=60, context=40,
    gated=False, biases=True, tied=True, positions=40, norm_weights=2,
)  # fmt: skip
SHAPES = {"bert": BERT, "llama": LLAMA, "gpt2": GPT}
CANNOT = {
    ("bitfit", "llama"): r"tuning\.no_biases",
    ("lora", "gpt2"): r"tuning\.no_attention_found",  # queries, keys and values are one matrix there
    ("adalora", "gpt2"): r"tuning\.no_attention_found",
    ("ia3", "gpt2"): r"tuning\.no_attention_found",
}
BEFORE_THE_TEXT = ("prefix", "prompt_tuning")  # answers change as soon as they are there


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
    elif shape.positions:
        config = transformers.GPT2Config(
            vocab_size=shape.vocabulary, n_embd=shape.width, n_layer=shape.layers, n_head=shape.heads,
            n_inner=shape.ffn_width, n_positions=shape.positions,
        )  # fmt: skip
        model.body = transformers.GPT2Model(config)
    else:
        config = transformers.LlamaConfig(**common, num_key_value_heads=shape.kv_heads, head_dim=shape.head_width)
        model.body = transformers.LlamaModel(config)
    model.head = nn.Linear(shape.width, CLASSES)
    return model


@pytest.mark.torch
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("family", SHAPES)
@pytest.mark.parametrize("rank", [1, 2])
def test_trainable_equals_the_weights_that_require_a_gradient(name: str, family: str, rank: int) -> None:
    method, shape = METHODS[name], SHAPES[family]
    if (name, family) in CANNOT:
        with pytest.raises(Problem, match=CANNOT[name, family]):
            method.attach(tiny(shape), rank=rank)
        return
    model = method.attach(tiny(shape), rank=rank)
    counted = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert counted == method.trainable(shape, classes=CLASSES, rank=rank)


@pytest.mark.torch
@pytest.mark.parametrize("name", [n for n in METHODS if n not in BEFORE_THE_TEXT])
@pytest.mark.parametrize("family", SHAPES)
def test_attaching_leaves_the_answers_as_they_were(name: str, family: str) -> None:
    import torch

    if (name, family) in CANNOT:
        return
    model = tiny(SHAPES[family]).eval()
    ids = torch.arange(12).reshape(2, 6)
    before = model.body(input_ids=ids).last_hidden_state
    after = METHODS[name].attach(model).eval().body(input_ids=ids).last_hidden_state
    assert torch.allclose(before, after, atol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("family", SHAPES)
def test_every_weight_that_shall_train_gets_a_gradient(name: str, family: str) -> None:
    """Through a net as the lab builds it, with padding; a second step, since an addition that starts at zero hides its
    other half from the first gradient."""
    torch = pytest.importorskip("torch")
    from groundsill.lab.models.net import Classifier

    if (name, family) in CANNOT:
        return
    shape, steps = SHAPES[family], 3
    torch.manual_seed(0)
    net = Classifier(tiny(shape).body, shape.width, CLASSES)
    torch.nn.init.normal_(net.head.weight)
    METHODS[name].attach(net, rank=2)
    optimiser = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=0.01, eps=1e-15)
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    ids, mask = torch.arange(24).reshape(4, 6), torch.ones(4, 6, dtype=torch.long)
    mask[0, 4:] = 0
    for step in range(steps):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(net(ids, mask), torch.arange(4)).backward()
        getattr(net, "each_step", lambda *_: None)(step, steps)
        optimiser.step()
    unused = (
        "position",
        "token_type",
        "pooler",
        "wpe",
        "wte",
        "word_embeddings",
        "embed_tokens",
        "key.bias",
        "c_attn.bias",
    )
    for n, p in net.named_parameters():
        if p.requires_grad and not any(part in n for part in unused):
            assert not torch.equal(p, before[n]), n
        if not p.requires_grad:
            assert torch.equal(p, before[n]), n


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


def net_of(kind: str, shape: Shape) -> Any:
    """A net for pairs, for tagged words, or one that writes."""
    from torch import nn

    from groundsill.lab.models.net import PairClassifier, Tagger, Writer

    body = tiny(shape).body
    if kind == "pair":
        return PairClassifier(body, shape.width, CLASSES)
    if kind == "tags":
        return Tagger(body, shape.width, CLASSES)
    output = nn.Linear(shape.width, shape.vocabulary, bias=False)
    if shape.tied:
        output.weight = body.get_input_embeddings().weight
    return Writer(body, output)


@pytest.mark.torch
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("family", [*SHAPES, "tied llama"])
@pytest.mark.parametrize("kind", ["pair", "tags", "writer"])
def test_counts_hold_for_pairs_tagged_words_and_written_texts(kind: str, name: str, family: str) -> None:
    """And one step moves what should train: the loss of a writer is that of its own output matrix."""
    torch = pytest.importorskip("torch")
    method, shape = METHODS[name], replace(LLAMA, tied=True) if "tied" in family else SHAPES[family]
    if (name, family.removeprefix("tied ")) in CANNOT or (kind == "writer" and shape.kind == "encoder"):
        return
    torch.manual_seed(0)
    net = method.attach(net_of(kind, shape), rank=2)
    counted = sum(p.numel() for p in net.parameters() if p.requires_grad)
    classes, parts = (0 if kind == "writer" else CLASSES), (4 if kind == "pair" else 1)
    assert counted == method.trainable(shape, classes=classes, parts=parts, rank=2)
    ids, mask = torch.arange(24).reshape(4, 6), torch.ones(4, 6, dtype=torch.long)
    scores = net(ids, mask, ids, mask) if kind == "pair" else net(ids, mask)
    assert scores.shape[-1] == (shape.vocabulary if kind == "writer" else CLASSES) and len(scores) == 4
    scores.sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in net.parameters() if p.requires_grad)
