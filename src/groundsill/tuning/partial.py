"""The top blocks train, what lies below stays frozen (Howard and Ruder 2018, arXiv 1801.06146, unfreeze from the top)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import block_of, blocks_of, check_rank, head_weights, plain_blocks

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "top blocks", "zh": "只训练最上面的几层"}
RANK = 2
MERGES = True
FINAL = ("norm", "ln_f", "final_layer_norm")  # last norm of a body, as transformers calls it


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: the last `rank` blocks, the norm after them, the head.

    Raises Problem `tuning.bad_rank`, `tuning.no_arithmetic`, `tuning.too_few_classes`.
    """
    check_rank(rank, shape.layers)
    plain_blocks(shape, "partial")
    final = shape.norm_weights * shape.width if shape.final_norm else 0
    return rank * shape.dense_block_weights + final + head_weights(shape, classes, parts)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Freeze all but the last `rank` blocks, the norm after them and the head. Changes and returns `model`.

    Raises Problem `tuning.bad_rank`, `tuning.no_blocks_found`.
    """
    count = len(blocks_of(model.body))  # type: ignore[arg-type]
    check_rank(rank, count)
    for name, weight in model.named_parameters():
        block, parts = block_of(name), name.split(".")
        top = block is not None and block >= count - rank
        weight.requires_grad_(top or parts[0] == "head" or (block is None and parts[1] in FINAL))
    return model
