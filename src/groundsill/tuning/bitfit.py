"""BitFit: only biases train (Ben Zaken et al. 2022, arXiv 2106.10199)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape
from groundsill.tuning._shared import body_weights, head_weights, train_only

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "biases only (BitFit)", "zh": "只训练偏置（BitFit）"}
RANK = 0
MERGES = True


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: the biases of linear layers and norms, and the head. `rank` has no meaning here.

    Raises Problem `tuning.no_biases`, `tuning.too_few_classes`.
    """
    without = replace(shape, biases=False, qkv_biases=False, ffn_biases=False, norm_weights=1)
    biases = body_weights(shape) - body_weights(without)
    if not biases:
        raise Problem("tuning.no_biases", at="bitfit")
    return biases + head_weights(shape, classes, parts)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Freeze all but biases and head. Changes and returns `model`. Raises Problem `tuning.no_biases`."""
    if not any(name.endswith("bias") for name, _ in model.body.named_parameters()):  # type: ignore[union-attr]
        raise Problem("tuning.no_biases", at="bitfit")
    train_only(model, "head", "bias")
    return model
