"""Prefix tuning: learned keys and values before every block's own (Li and Liang 2021, arXiv 2101.00190)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import check_rank, head_weights, library, plain_blocks, put_before

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "prefix tuning", "zh": "前缀微调"}
RANK = 20
MERGES = False
VIRTUAL = True  # its tokens take room in the model's context


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: a key and a value for each virtual token in every block, and the head.

    Raises Problem `tuning.bad_rank`, `tuning.too_few_classes`, `tuning.no_arithmetic`.
    """
    check_rank(rank)
    plain_blocks(shape, "prefix")
    return shape.layers * 2 * shape.kv_heads * shape.head_width * rank + head_weights(shape, classes, parts)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Put `rank` learned keys and values before each block's own and freeze the rest. Changes and returns `model`; its answers change at once.

    Raises Problem `tuning.bad_rank`, `tuning.no_peft`.
    """
    check_rank(rank)
    peft = library("prefix")
    config = peft.PrefixTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=rank)
    return put_before(model, config)
