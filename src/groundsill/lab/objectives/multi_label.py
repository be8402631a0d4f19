"""Any number of classes a row: each is a yes or no of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.models.device import device
from groundsill.lab.models.tokens import Ids
from groundsill.lab.objectives import Batch, Numbers
from groundsill.lab.objectives._shared import check_smoothing, tensors, weights_of


class MultiLabel:
    """ids: token numbers of each row; labels: 1 where a row has the class `(rows, classes)`. label_smoothing: share of the
    truth that is given to yes and no alike. class_weights: of a yes of each class over a no (for rare classes).

    Raises Problem `lab.bad_smoothing`, `lab.bad_class_weights`.
    """

    def __init__(
        self,
        ids: Ids,
        labels: npt.NDArray[np.int32],
        pad: int,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        check_smoothing(label_smoothing)
        self.ids, self.labels, self.pad = ids, labels, pad
        self.smoothing, self.weights = label_smoothing, weights_of(class_weights, labels.shape[1])

    @property
    def lengths(self) -> Numbers:
        """Tokens of each row, `(rows,)`."""
        return np.array([len(row) for row in self.ids], dtype=np.int64)

    def batch(self, rows: Numbers) -> Batch:
        """truth: `(rows, classes)`, fp32; units: rows."""
        numbers, mask = tensors([self.ids[i] for i in rows], self.pad)
        truth = torch.from_numpy(self.labels[rows].astype(np.float32)).to(device())
        return Batch(numbers, mask, truth * (1.0 - self.smoothing) + 0.5 * self.smoothing, float(len(rows)))

    def loss(self, net: nn.Module, batch: Batch) -> torch.Tensor:
        """Binary cross entropy, mean over the classes, summed over the rows."""
        scores = net(batch.numbers, batch.mask).float()
        told = nn.functional.binary_cross_entropy_with_logits(
            scores, batch.truth, pos_weight=self.weights, reduction="sum"
        )
        return told / scores.shape[1]
