"""What several tuning methods need."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

if TYPE_CHECKING:
    from torch import nn

BLOCK = re.compile(r"(?:^|\.)(?:layer|layers|h|block)\.(\d+)\.")  # the number of a block in a weight's name
# Names of the query and value projections by family of architecture, as transformers calls them.
QUERY_VALUE = (("query", "value"), ("q_proj", "v_proj"), ("q_lin", "v_lin"), ("q", "v"))


def head_weights(shape: Shape, classes: int, parts: int = 1) -> int:
    """The classification head: a linear layer with bias, from `parts` vectors of the width to the classes. classes 0: a
    net that writes has no new head.

    Raises Problem `tuning.too_few_classes`.
    """
    if classes == 1 or classes < 0:
        raise Problem("tuning.too_few_classes", got=classes, limit=2)
    return parts * shape.width * classes + classes


def output_weights(shape: Shape, classes: int) -> int:
    """The matrix over the vocabulary of a net that writes, where it is not that of the embeddings; 0 for one that sorts."""
    return 0 if classes or shape.tied else shape.width * shape.vocabulary


def width_of(model: nn.Module) -> int:
    """Width of the states between the blocks of the body."""
    body: Any = model.body
    return int(body.config.hidden_size)


def body_weights(shape: Shape) -> int:
    """The base model without output matrix and pooler, which no classifier here uses."""
    final = shape.norm_weights * shape.width if shape.final_norm else 0
    return shape.embedding_weights + shape.stack_weights + final


def check_rank(rank: int, most: int | None = None) -> None:
    """Raises Problem `tuning.bad_rank`."""
    if rank < 1 or (most is not None and rank > most):
        raise Problem("tuning.bad_rank", got=rank, limit=most or 1)


def plain_blocks(shape: Shape, method: str) -> None:
    """Raises Problem `tuning.no_arithmetic` for a shape whose blocks this method's count does not cover."""
    for there, what in (
        (shape.experts, "experts"),
        (shape.latent, "latent attention"),
        (shape.encoder_layers, "two stacks"),
    ):
        if there:
            raise Problem("tuning.no_arithmetic", at=method, got=what)


def block_of(name: str) -> int | None:
    """Number of the block that a weight belongs to, from its dotted name; None outside the blocks."""
    found = BLOCK.search(name)
    return int(found[1]) if found else None


def blocks_of(body: nn.Module) -> Sequence[nn.Module]:
    """The blocks of a base model, first to last: its longest list of modules. Raises Problem `tuning.no_blocks_found`."""
    from torch import nn

    named = body.named_modules()
    lists = [list(m) for name, m in named if isinstance(m, nn.ModuleList) and BLOCK.search(f"{name}.0.")]
    if not lists:
        raise Problem("tuning.no_blocks_found", got=type(body).__name__)
    return max(lists, key=len)


def library(method: str) -> Any:
    """peft. Raises Problem `tuning.no_peft`."""
    try:
        import peft
    except ImportError as e:
        raise Problem("tuning.no_peft", got=method) from e
    return peft


def put_before(model: nn.Module, config: Any) -> nn.Module:
    """Wrap the body in what puts virtual tokens before each text (peft), and freeze all but those and the head."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft 0.21 asks transformers 5 for a name on its way out
        model.body = library("prompt").get_peft_model(model.body, config)
    train_only(model, "head", "prompt_encoder")
    return model


def train_only(model: nn.Module, *parts: str) -> None:
    """Freeze all of `model` but the parameters whose dotted name has one of `parts` as a component."""
    for name, weight in model.named_parameters():
        weight.requires_grad_(any(part in name.split(".") for part in parts))


def query_value_sides(shape: Shape) -> int:
    """Inputs and outputs of the query and of the value matrix of one block: what one direction of an addition holds."""
    return 2 * shape.width + (shape.heads + shape.kv_heads) * shape.head_width


def query_value_names(model: nn.Module) -> Sequence[str]:
    """Names of the query and value projections of this model. Raises Problem `tuning.no_attention_found`."""
    last = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    for pair in QUERY_VALUE:
        if set(pair) <= last:
            return pair
    known = "; ".join(", ".join(pair) for pair in QUERY_VALUE)
    raise Problem("tuning.no_attention_found", got=type(model).__name__, limit=known)


def merge(model: nn.Module) -> nn.Module:
    """Fold what LoRA, AdaLoRA or IA3 added into the matrices it stands beside, so that only the base model's own parts
    are left and nothing slows it down. Changes and returns `model`. Methods whose `MERGES` is False cannot be folded.

    Raises Problem `tuning.cannot_merge` where something added is left.
    """
    layer = library("merge").tuners.tuners_utils.BaseTunerLayer
    body: Any = model.body
    for name, part in list(body.named_modules()):
        if isinstance(part, layer):
            part.merge()
            parent, _, last = name.rpartition(".")
            setattr(body.get_submodule(parent), last, part.get_base_layer())
    left = [name for name, _ in model.named_parameters() if {"adapter", "prompt_encoder"} & set(name.split("."))]
    if left:
        raise Problem("tuning.cannot_merge", got=left[0])
    return model
