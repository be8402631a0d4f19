"""Several processes, started by torchrun: each takes its share of the rows of every batch, gradients are summed.

The batches are those of one process, so the weights are the same up to rounding. Gradients go through one `all_reduce` of
a flat tensor a step: on the processors this is for (gloo), spreading it over the backward pass gains nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.models import device as machine
from groundsill.terms.problem import Exit, Problem


@dataclass(frozen=True)
class Team:
    """rank: of this process; size: processes in all."""

    rank: int = 0
    size: int = 1

    def share(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """This process's rows of a batch; every n-th, as the batch is sorted by length."""
        return rows if self.size == 1 else rows[self.rank :: self.size]

    def total(self, value: float) -> float:
        """The sum of a number over all processes, the same in each."""
        if self.size == 1:
            return value
        held = torch.tensor([value], dtype=torch.float64, device=machine.device())
        torch.distributed.all_reduce(held)
        return float(held)

    def sum_gradients(self, weights: list[nn.Parameter]) -> None:
        """Every process gets the sum of all gradients; where a process had no rows its part is zero."""
        if self.size == 1:
            return
        parts = [w.grad if w.grad is not None else torch.zeros_like(w) for w in weights]
        flat = torch.cat([g.reshape(-1).float() for g in parts])
        torch.distributed.all_reduce(flat)
        at = 0
        for weight, part in zip(weights, parts, strict=True):
            weight.grad = flat[at : at + part.numel()].view_as(part).to(part.dtype)
            at += part.numel()

    def same(self, value: float) -> None:
        """Raises Problem `lab.processes_differ` unless all processes have this number."""
        if self.size > 1 and self.total(value) != self.size * value:
            raise Problem("lab.processes_differ", got=value, exit=Exit.INTERNAL)


@contextmanager
def team() -> Iterator[Team]:
    """The processes that torchrun started (it sets WORLD_SIZE); alone without it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    mine = not torch.distributed.is_initialized()
    if mine:
        torch.distributed.init_process_group("nccl" if machine.device().type == "cuda" else "gloo")
    try:
        yield Team(torch.distributed.get_rank(), torch.distributed.get_world_size())
    finally:
        if mine:
            torch.distributed.destroy_process_group()
