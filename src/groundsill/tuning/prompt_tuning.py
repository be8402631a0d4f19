"""Prompt tuning: learned input vectors before the text (Lester et al. 2021, arXiv 2104.08691)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import check_rank, head_weights, library, put_before

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "prompt tuning", "zh": "提示微调"}
RANK = 20
MERGES = False
VIRTUAL = True  # its tokens take room in the model's context


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: one input vector for each virtual token, and the head.

    Raises Problem `tuning.bad_rank`, `tuning.too_few_classes`.
    """
    check_rank(rank)
    return shape.width * rank + head_weights(shape, classes, parts)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Put `rank` learned vectors before the text and freeze the rest. Changes and returns `model`; its answers change at once.

    Raises Problem `tuning.bad_rank`, `tuning.no_peft`.
    """
    check_rank(rank)
    peft = library("prompt_tuning")
    config = peft.PromptTuningConfig(
        task_type="FEATURE_EXTRACTION", num_virtual_tokens=rank, prompt_tuning_init="SAMPLE_VOCAB"
    )
    return put_before(model, config)
