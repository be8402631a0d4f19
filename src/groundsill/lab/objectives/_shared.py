"""What several objectives need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from groundsill.lab.models.device import device
from groundsill.lab.models.tokens import Ids, padded
from groundsill.terms.problem import Problem

IGNORE = -100  # truth of a token that does not count (the default of torch's cross entropy)


def tensors(ids: Ids, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token numbers and mask `(rows, tokens)`, on the device."""
    numbers, mask = padded(ids, pad)
    return torch.from_numpy(numbers).to(device()), torch.from_numpy(mask).to(device())


def aligned(rows: Sequence[Sequence[int]], width: int) -> torch.Tensor:
    """Truth of tokens `(rows, width)`, IGNORE where a row has no more, on the device."""
    out = np.full((len(rows), width), IGNORE, dtype=np.int64)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return torch.from_numpy(out).to(device())


def check_smoothing(smoothing: float) -> None:
    """Raises Problem `lab.bad_smoothing`."""
    if not 0.0 <= smoothing < 1.0:
        raise Problem("lab.bad_smoothing", got=smoothing)


def weights_of(class_weights: Sequence[float] | None, classes: int) -> torch.Tensor | None:
    """Weights of the classes `(classes,)` on the device. Raises Problem `lab.bad_class_weights`."""
    if class_weights is None:
        return None
    if len(class_weights) != classes or not all(0.0 <= w < float("inf") for w in class_weights):
        raise Problem("lab.bad_class_weights", got=", ".join(f"{w:g}" for w in class_weights), limit=classes)
    return torch.tensor(class_weights, dtype=torch.float32, device=device())


def even_weights(truth: npt.NDArray[np.int32], classes: int) -> list[float]:
    """Weights that give every class that is there the same say: units / (classes there x units of the class); 0 for a
    class without a unit."""
    counts = np.bincount(truth, minlength=classes)
    there = int((counts > 0).sum())
    return [float(len(truth) / (there * n)) if n else 0.0 for n in counts]


def summed(scores: torch.Tensor, truth: torch.Tensor, smoothing: float, weights: torch.Tensor | None) -> torch.Tensor:
    """Cross entropy of scores `(units, classes)`, summed, fp32; IGNORE does not count."""
    return torch.nn.functional.cross_entropy(
        scores.float(), truth, weight=weights, ignore_index=IGNORE, reduction="sum", label_smoothing=smoothing
    )


def units_of(truth: torch.Tensor, weights: torch.Tensor | None) -> float:
    """What the sum runs over: units that count, or their weights, so that sum over units is torch's weighted mean."""
    counted = truth[truth != IGNORE]
    return float(len(counted)) if weights is None else float(weights[counted].sum())
