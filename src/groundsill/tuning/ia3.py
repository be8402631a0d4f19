"""IA3: keys, values and the inner feed-forward states are scaled by learned vectors (Liu et al. 2022, arXiv 2205.05638)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape
from groundsill.tuning._shared import head_weights, library, plain_blocks, train_only

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "IA3 (learned scales)", "zh": "IA3（学习缩放）"}
RANK = 0
MERGES = True
# Key, value, and the matrix that leads out of the feed-forward part, by family, as transformers calls them.
PLACES = (
    ("k_proj", "v_proj", "down_proj"),
    ("key", "value", r"\d+\.output\.dense"),
    ("k_lin", "v_lin", "lin2"),
)


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: a scale for each key, value and inner feed-forward state of every block, and the head.

    `rank` has no meaning here. Raises Problem `tuning.no_arithmetic`, `tuning.too_few_classes`.
    """
    plain_blocks(shape, "ia3")
    scales = 2 * shape.kv_heads * shape.head_width + shape.ffn_width
    return shape.layers * scales + head_weights(shape, classes, parts)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Put the scales into the body and freeze the rest; scales and head train. Changes and returns `model`.

    All scales start at 1, so the model's answers are the same right after. Raises Problem `tuning.no_attention_found`,
    `tuning.no_peft`.
    """
    places = _places(model)
    peft = library("ia3")
    targets = "|".join(rf".*\.{place}" for place in places)
    config = peft.IA3Config(target_modules=targets, feedforward_modules=rf".*\.{places[-1]}")
    peft.inject_adapter_in_model(config, model.body)
    train_only(model, "head", "ia3_l")
    return model


def _places(model: nn.Module) -> tuple[str, str, str]:
    last = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    for places in PLACES:
        if set(places[:2]) <= last:
            return places
    known = "; ".join(", ".join(places[:2]) for places in PLACES)
    raise Problem("tuning.no_attention_found", got=type(model.body).__name__, limit=known)
