"""The next token, where it belongs to the answer: tokens of the question are read and not learnt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from groundsill.lab.models.tokens import Ids
from groundsill.lab.objectives import Batch, Numbers
from groundsill.lab.objectives._shared import IGNORE, aligned, check_smoothing, summed, tensors, units_of
from groundsill.terms.problem import Problem


class LanguageModelling:
    """ids: question and answer of each row, one after the other; asked: how many tokens of each row are the question (0:
    the whole text is learnt, but for its first token, before which there is nothing).

    Raises Problem `lab.no_answer_tokens` where a row has nothing to learn, `lab.bad_smoothing`.
    """

    causal, shifted = True, True  # for packing: a token sees those before it, and truth[t] is the token after it

    def __init__(self, ids: Ids, asked: Sequence[int], pad: int, *, label_smoothing: float = 0.0) -> None:
        check_smoothing(label_smoothing)
        self.ids, self.asked, self.pad, self.smoothing = ids, [max(1, n) for n in asked], pad, label_smoothing
        for i, (row, n) in enumerate(zip(self.ids, self.asked, strict=True)):
            if len(row) <= n:
                raise Problem("lab.no_answer_tokens", at=f"row {i + 1}", got=len(row), limit=n)

    @property
    def lengths(self) -> Numbers:
        """Tokens of each row, `(rows,)`."""
        return np.array([len(row) for row in self.ids], dtype=np.int64)

    def batch(self, rows: Numbers) -> Batch:
        """truth: the token after each one `(rows, tokens)`, -100 where it does not count; units: tokens of the answers."""
        numbers, mask = tensors([self.ids[i] for i in rows], self.pad)
        told = [[IGNORE] * (self.asked[i] - 1) + self.ids[i][self.asked[i] :] for i in rows]
        truth = aligned(told, numbers.shape[1])
        return Batch(numbers, mask, truth, units_of(truth, None))

    def loss(self, net: nn.Module, batch: Batch) -> torch.Tensor:
        """Cross entropy summed over the tokens of the answers; the output matrix is used at those places alone."""
        chosen = batch.truth != IGNORE
        scores = net(batch.numbers, batch.mask, chosen=chosen, **batch.extra)
        return summed(scores, batch.truth[chosen], self.smoothing, None)
