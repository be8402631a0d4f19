"""Only a new output layer trains; the base model stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import head_weights, train_only

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "output layer only", "zh": "只训练输出层"}
RANK = 0
MERGES = True


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: width x classes + classes; of a net that writes, its matrix over the vocabulary, which in many
    models is that of the embeddings too. `rank` has no meaning here.

    Raises Problem `tuning.too_few_classes`.
    """
    return head_weights(shape, classes, parts) if classes else shape.width * shape.vocabulary


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Freeze the body; the head, or the output matrix of a net that writes, trains. Changes and returns `model`."""
    train_only(model, "head")
    output: Any = getattr(model, "output", None)
    if output is not None:
        output.requires_grad_(True)
    return model
