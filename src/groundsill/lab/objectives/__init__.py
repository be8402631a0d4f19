"""Objectives, one file each: the training rows of a task as batches of tensors, and the loss of a net on a batch.

The loss is a sum over units (rows, or tokens that count), and the batch says how many units those are: the loop divides by
the units of a whole optimiser step, so that accumulation and several processes weigh every unit alike. Needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of one forward pass, on the device. numbers, mask: `(rows, tokens)`, padded. truth: what the loss compares
    with, of the objective's own shape. units: rows or tokens that the loss sums over (with class weights: their weights).
    extra: further tensors that the objective hands to the net by name."""

    numbers: torch.Tensor
    mask: torch.Tensor
    truth: torch.Tensor
    units: float
    extra: Mapping[str, torch.Tensor] = field(default_factory=dict)


class Objective(Protocol):
    """The training rows of a task with its loss."""

    @property
    def lengths(self) -> Numbers:
        """Tokens of each training row, `(rows,)`."""
        ...

    def batch(self, rows: Numbers) -> Batch:
        """The rows with these numbers, padded, on the device."""
        ...

    def loss(self, net: nn.Module, batch: Batch) -> torch.Tensor:
        """Sum of the loss over the units of the batch, (), fp32. Calls `net` once."""
        ...
