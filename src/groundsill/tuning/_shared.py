"""What several tuning methods need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

if TYPE_CHECKING:
    from torch import nn

# Names of the query and value projections by family of architecture, as transformers calls them.
QUERY_VALUE = (("query", "value"), ("q_proj", "v_proj"), ("q_lin", "v_lin"))


def head_weights(shape: Shape, classes: int) -> int:
    """The classification head: a linear layer with bias from the width to the classes.

    Raises Problem `tuning.too_few_classes`.
    """
    if classes < 2:
        raise Problem("tuning.too_few_classes", got=classes, limit=2)
    return shape.width * classes + classes


def body_weights(shape: Shape) -> int:
    """The base model without output matrix and pooler, which a classifier on mean hidden states does not use."""
    final = shape.norm_weights * shape.width if shape.final_norm else 0
    return shape.embedding_weights + shape.stack_weights + final


def train_only(model: nn.Module, *parts: str) -> None:
    """Freeze all of `model` but the parameters whose dotted name has one of `parts` as a component."""
    for name, weight in model.named_parameters():
        weight.requires_grad_(any(part in name.split(".") for part in parts))


def query_value_names(model: nn.Module) -> Sequence[str]:
    """Names of the query and value projections of this model. Raises Problem `tuning.no_attention_found`."""
    last = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    for pair in QUERY_VALUE:
        if set(pair) <= last:
            return pair
    known = "; ".join(", ".join(pair) for pair in QUERY_VALUE)
    raise Problem("tuning.no_attention_found", got=type(model).__name__, limit=known)
