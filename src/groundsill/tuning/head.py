"""Only a new output layer trains; the base model stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import head_weights, train_only

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "output layer only", "zh": "只训练输出层"}
RANK = 0
MERGES = True


def trainable(shape: Shape, *, classes: int, rank: int = RANK) -> int:
    """Weights that train: width x classes + classes. `rank` has no meaning here.

    Raises Problem `tuning.too_few_classes`.
    """
    return head_weights(shape, classes)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Freeze the body; the head trains. Changes and returns `model`."""
    train_only(model, "head")
    return model
