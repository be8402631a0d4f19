"""AdaLoRA: low-rank additions that lose rank where it brings least (Zhang et al. 2023, arXiv 2303.10512)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from groundsill.terms.shape import Shape
from groundsill.tuning._shared import (
    check_rank,
    head_weights,
    library,
    query_value_names,
    query_value_sides,
    train_only,
)

if TYPE_CHECKING:
    from torch import nn

LABEL = {"en": "AdaLoRA (low-rank, rank by use)", "zh": "AdaLoRA（按用处分配的秩）"}
RANK = 8
MERGES = True
START = 1.5  # rank at the start over rank at the end (section 4.1 of the paper)
WARM, LAST = 0.1, 0.3  # share of the steps before ranks fall, and after they have fallen
KEPT = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # what peft's allocator remembers between steps
APART = 0.1  # weight of the penalty that keeps directions apart (peft's usual 0.5 is its sum, not its mean)


def trainable(shape: Shape, *, classes: int, rank: int = RANK, parts: int = 1) -> int:
    """Weights that train: A, B and a scale for each of 1.5 rank directions, for query and value in every block; head.

    Raises Problem `tuning.bad_rank`, `tuning.too_few_classes`.
    """
    check_rank(rank, shape.width)
    scales = 2  # one for each direction of either matrix
    return shape.layers * _start(rank) * (query_value_sides(shape) + scales) + head_weights(shape, classes, parts)


def attach(model: nn.Module, *, rank: int = RANK) -> nn.Module:
    """Put the additions into the body and freeze the rest; additions and head train. Changes and returns `model`.

    The addition starts at zero, so the model's answers are the same right after. Raises Problem `tuning.bad_rank`,
    `tuning.no_attention_found`, `tuning.no_peft`.
    """
    names = query_value_names(model.body)  # type: ignore[arg-type]
    check_rank(rank)
    peft = library("adalora")
    config = peft.AdaLoraConfig(
        init_r=_start(rank), target_r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=list(names),
        tinit=0, tfinal=0, total_step=1,
    )  # fmt: skip
    tuner = peft.AdaLoraModel(model.body, config, "default")
    train_only(model, "head", "lora_A", "lora_B", "lora_E")
    object.__setattr__(model, "each_step", _Schedule(tuner, config))  # not a part: it would hold the body twice
    return model


class _Schedule:
    """Ranks fall as training goes on."""

    def __init__(self, tuner: Any, config: Any) -> None:
        self.tuner, self.config = tuner, config

    def __call__(self, step: int, steps: int) -> None:
        """Between backward and optimiser step: the penalty's gradient, then the ranks of this step."""
        import torch

        if step == 0:
            self._plan(steps)
        parts = [p for n, p in self.tuner.model.named_parameters() if "lora_A" in n or "lora_B" in n]
        wide = [p if p.shape[0] < p.shape[1] else p.T for p in parts]
        apart = [torch.linalg.norm(p @ p.T - torch.eye(len(p), device=p.device)) for p in wide]
        (APART * torch.stack(apart).mean()).backward()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tuner.update_and_allocate(step)

    def _plan(self, steps: int) -> None:
        self.config.total_step = steps
        self.config.tinit, self.config.tfinal = int(WARM * steps), int(LAST * steps)

    def state(self) -> dict[str, Any]:
        """What the schedule has learnt so far, as tensors by name, for a checkpoint."""
        import torch

        out = {f"{kind}.{n}": t for kind in KEPT for n, t in getattr(self.tuner.rankallocator, kind).items()}
        pattern = self.config.rank_pattern or {}
        return {**out, **{f"pattern.{n}": torch.tensor(mask, dtype=torch.bool) for n, mask in pattern.items()}}

    def restore(self, tensors: dict[str, Any], steps: int) -> None:
        """Put back what `state` gave."""
        self._plan(steps)
        held: dict[str, dict[str, Any]] = {}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            held.setdefault(kind, {})[rest] = tensor
        for kind in KEPT:
            setattr(self.tuner.rankallocator, kind, held.get(kind, {}))
        self.config.rank_pattern = {n: mask.tolist() for n, mask in held.get("pattern", {}).items()}


def _start(rank: int) -> int:
    return max(rank, round(START * rank))
