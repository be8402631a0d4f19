"""A tag for each word: cross entropy at the first token of each word, the others do not count (Devlin et al. 2019, arXiv
1810.04805, section 5.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.models.words import OUTSIDE, CodedWords
from groundsill.lab.objectives import Batch, Numbers
from groundsill.lab.objectives._shared import (
    IGNORE,
    aligned,
    check_smoothing,
    summed,
    tensors,
    units_of,
    weights_of,
)
from groundsill.terms.problem import Problem


class TokenClassification:
    """coded: the rows' words; tags: class number of every word, row after row `(words,)`. Words that were cut off do not
    count. label_smoothing, class_weights: as in classification.

    Raises Problem `lab.words_and_tags`, `lab.bad_smoothing`, `lab.bad_class_weights`.
    """

    causal, shifted = False, False  # for packing: a token sees all of its text, and truth[t] is about token t

    def __init__(
        self,
        coded: CodedWords,
        tags: npt.NDArray[np.int32],
        classes: int,
        pad: int,
        *,
        label_smoothing: float = 0.0,
        class_weights: Sequence[float] | None = None,
    ) -> None:
        words = sum(len(row) for row in coded.firsts)
        if words != len(tags):
            raise Problem("lab.words_and_tags", got=words, limit=len(tags))
        check_smoothing(label_smoothing)
        self.ids, self.pad = coded.ids, pad
        self.smoothing, self.weights = label_smoothing, weights_of(class_weights, classes)
        self.truth: list[list[int]] = []
        start = 0
        for ids, firsts in zip(coded.ids, coded.firsts, strict=True):
            row = [IGNORE] * len(ids)
            for place, tag in zip(firsts, tags[start : start + len(firsts)].tolist(), strict=True):
                if place != OUTSIDE:
                    row[place] = tag
            self.truth.append(row)
            start += len(firsts)

    @property
    def lengths(self) -> Numbers:
        """Tokens of each row, `(rows,)`."""
        return np.array([len(row) for row in self.ids], dtype=np.int64)

    def batch(self, rows: Numbers) -> Batch:
        """truth: class number of each token `(rows, tokens)`, -100 where it does not count; units: words."""
        numbers, mask = tensors([self.ids[i] for i in rows], self.pad)
        truth = aligned([self.truth[i] for i in rows], numbers.shape[1])
        return Batch(numbers, mask, truth, units_of(truth, self.weights))

    def loss(self, net: nn.Module, batch: Batch) -> torch.Tensor:
        """Cross entropy summed over the words."""
        scores = net(batch.numbers, batch.mask, **batch.extra)
        return summed(scores.flatten(0, 1), batch.truth.flatten(), self.smoothing, self.weights)
