"""Bottleneck adapters: a narrow detour after each block (Houlsby et al. 2019, arXiv 1902.00751; one a block, as Pfeiffer
et al. 2021, arXiv 2005.00247). Our own: peft has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import blocks_of, check_rank, head_weights, plain_blocks, train_only, width_of

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "bottleneck adapters", "zh": "瓶颈适配器"}
RANK = 64
MERGES = False


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: down (width x rank) and up (rank x width) with biases in every block, and the head.

    Raises Problem `tuning.bad_rank`, `tuning.no_arithmetic`, `tuning.too_few_classes`.
    """
    check_rank(rank)
    plain_blocks(shape, "adapter")
    return shape.layers * (2 * shape.width * rank + rank + shape.width) + head_weights(shape, classes, parts)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Put a detour after each block and freeze the rest; detours and head train. Changes and returns `model`.

    The detour starts at zero, so the model's answers are the same right after. Raises Problem `tuning.bad_rank`,
    `tuning.no_blocks_found`.
    """
    from torch import nn

    check_rank(rank)
    width = width_of(model)
    for block in blocks_of(model.body):  # type: ignore[arg-type]
        down, up = nn.Linear(width, rank), nn.Linear(rank, width)
        nn.init.zeros_(up.weight)
        nn.init.zeros_(up.bias)
        block.add_module("adapter", nn.Sequential(down, nn.GELU(), up))
        block.register_forward_hook(_detour)
    train_only(model, "head", "adapter")
    return model


def _detour(block: nn.Module, _inputs: Any, out: Any) -> Any:
    """The block's states plus what its detour makes of them; a block gives its states alone or as the first of several."""
    states = out[0] if isinstance(out, tuple) else out
    added = states + block.adapter(states)  # type: ignore[operator]
    return (added, *out[1:]) if isinstance(out, tuple) else added
