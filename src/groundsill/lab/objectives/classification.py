"""One class a row: cross entropy. Of single texts, or of pairs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.models.device import device
from groundsill.lab.models.tokens import Ids
from groundsill.lab.objectives import Batch, Numbers
from groundsill.lab.objectives._shared import check_smoothing, summed, tensors, units_of, weights_of


class Classification:
    """ids: token numbers of each row; labels: class numbers `(rows,)`; seconds: token numbers of the second texts of
    pairs, else none. label_smoothing: share of the truth that is given to all classes alike (Szegedy et al. 2016, arXiv
    1512.00567). class_weights: one a class.

    Raises Problem `lab.bad_smoothing`, `lab.bad_class_weights`.
    """

    def __init__(
        self,
        ids: Ids,
        labels: npt.NDArray[np.int32],
        classes: int,
        pad: int,
        *,
        seconds: Ids | None = None,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        check_smoothing(label_smoothing)
        self.ids, self.seconds, self.labels, self.pad = ids, seconds, labels, pad
        self.smoothing, self.weights = label_smoothing, weights_of(class_weights, classes)

    @property
    def lengths(self) -> Numbers:
        """Tokens of each row, `(rows,)`; of a pair, of both texts."""
        own = np.array([len(row) for row in self.ids], dtype=np.int64)
        return own if self.seconds is None else own + np.array([len(row) for row in self.seconds])

    def batch(self, rows: Numbers) -> Batch:
        """truth: class numbers `(rows,)`; extra, for pairs: `seconds` and `seconds_mask`."""
        numbers, mask = tensors([self.ids[i] for i in rows], self.pad)
        extra = {}
        if self.seconds is not None:
            extra["seconds"], extra["seconds_mask"] = tensors([self.seconds[i] for i in rows], self.pad)
        truth = torch.from_numpy(self.labels[rows].astype(np.int64)).to(device())
        return Batch(numbers, mask, truth, units_of(truth, self.weights), extra)

    def loss(self, net: nn.Module, batch: Batch) -> torch.Tensor:
        """Cross entropy summed over the rows."""
        return summed(net(batch.numbers, batch.mask, **batch.extra), batch.truth, self.smoothing, self.weights)
