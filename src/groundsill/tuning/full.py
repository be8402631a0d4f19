"""Every weight trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import body_weights, head_weights, output_weights

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "all weights", "zh": "全部权重"}
RANK = 0
MERGES = True


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: embeddings, blocks, final norm, the new head or the model's own output matrix. `rank` has no meaning here.

    Raises Problem `tuning.too_few_classes`.
    """
    return body_weights(shape) + head_weights(shape, classes, parts) + output_weights(shape, classes)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Let every weight train. Changes and returns `model`."""
    model.requires_grad_(True)
    return model
