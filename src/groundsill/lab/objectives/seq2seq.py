"""One text read by an encoder, another written by a decoder that looks at it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from groundsill.lab.models.tokens import Ids
from groundsill.lab.objectives import Batch, Numbers
from groundsill.lab.objectives._shared import IGNORE, aligned, check_smoothing, summed, tensors, units_of
from groundsill.terms.problem import Problem


class Seq2Seq:
    """ids: token numbers of each text that is read; answers: of each that is to be written, its end included; begin: token
    that starts every answer.

    Raises Problem `lab.no_answer_tokens`, `lab.bad_smoothing`.
    """

    def __init__(self, ids: Ids, answers: Ids, pad: int, begin: int, *, label_smoothing: float = 0.0) -> None:
        check_smoothing(label_smoothing)
        self.ids, self.answers, self.pad, self.begin, self.smoothing = ids, answers, pad, begin, label_smoothing
        empty: Sequence[int] = [i for i, row in enumerate(answers) if not row]
        if empty:
            raise Problem("lab.no_answer_tokens", at=f"row {empty[0] + 1}", got=0, limit=0)

    @property
    def lengths(self) -> Numbers:
        """Tokens of each row, read and written, `(rows,)`."""
        return np.array([len(a) + len(b) for a, b in zip(self.ids, self.answers, strict=True)], dtype=np.int64)

    def batch(self, rows: Numbers) -> Batch:
        """truth: tokens to write `(rows, written)`, -100 beyond the end; extra: `written`, what the decoder is shown at
        each place, the truth one place later; units: tokens to write."""
        numbers, mask = tensors([self.ids[i] for i in rows], self.pad)
        shown, _ = tensors([[self.begin, *self.answers[i][:-1]] for i in rows], self.pad)
        truth = aligned([self.answers[i] for i in rows], shown.shape[1])
        return Batch(numbers, mask, truth, units_of(truth, None), {"written": shown})

    def loss(self, net: nn.Module, batch: Batch) -> torch.Tensor:
        """Cross entropy summed over the tokens to write."""
        chosen = batch.truth != IGNORE
        scores = net(batch.numbers, batch.mask, chosen=chosen, **batch.extra)
        return summed(scores, batch.truth[chosen], self.smoothing, None)
