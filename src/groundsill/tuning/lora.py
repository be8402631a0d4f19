"""LoRA: low-rank additions to the query and value matrices (Hu et al. 2022, arXiv 2106.09685, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import (
    check_rank,
    head_weights,
    library,
    query_value_names,
    query_value_sides,
    train_only,
)

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "LoRA (low-rank additions)", "zh": "LoRA（低秩附加）"}
RANK = 8
MERGES = True
ALPHA_PER_RANK = 2  # scale alpha / rank = 2, so that the step size does not depend on the rank


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: A (rank x in) and B (out x rank) for query and value in every block, and the head.

    Raises Problem `tuning.bad_rank`, `tuning.too_few_classes`.
    """
    check_rank(rank, shape.width)
    return shape.layers * rank * query_value_sides(shape) + head_weights(shape, classes, parts)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Put the additions into the body and freeze the rest; additions and head train. Changes and returns `model`.

    The addition starts at zero, so the model's answers are the same right after. Raises Problem `tuning.bad_rank`,
    `tuning.no_attention_found`, `tuning.no_peft`.
    """
    names = query_value_names(model.body)  # type: ignore[arg-type]
    check_rank(rank)
    peft = library("lora")
    config = peft.LoraConfig(
        r=rank, lora_alpha=ALPHA_PER_RANK * rank, lora_dropout=0.0, bias="none", target_modules=list(names)
    )
    peft.inject_adapter_in_model(config, model.body)
    train_only(model, "head", "lora_A", "lora_B")
    return model
