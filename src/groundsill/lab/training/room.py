"""Out of memory while training: which smaller batch fits."""

from __future__ import annotations

import gc

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.models import device as machine
from groundsill.lab.objectives import Objective

SIGNS = ("can't allocate memory", "not enough memory", "out of memory")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch means that memory is short."""
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in SIGNS)


def smaller(
    net: nn.Module,
    optimiser: torch.optim.Optimizer,
    objective: Objective,
    rows: npt.NDArray[np.int64],
    kind: machine.Precision,
) -> int:
    """How many of these rows, the longest first, go through forward and backward: tried with a half, a quarter, ...; 0
    where a single row does not."""
    rows = rows[np.argsort(-objective.lengths[rows], kind="stable")]
    count = len(rows) // 2
    while count:
        optimiser.zero_grad(set_to_none=True)
        gc.collect()
        if machine.device().type == "cuda":
            torch.cuda.empty_cache()
        try:
            with machine.autocast(kind):
                loss = objective.loss(net, objective.batch(rows[:count]))
            loss.backward()
            return count
        except RuntimeError as e:
            if not out_of_memory(e):
                raise
            count //= 2
        finally:
            optimiser.zero_grad(set_to_none=True)
    return 0
