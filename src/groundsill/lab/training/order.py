"""The order of the rows: which rows stand in which batch of which step. Drawn from the seed alone, so that a training
that was cut short finds its place again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from groundsill.lab.models.tokens import STEP
from groundsill.terms.problem import Problem

Rows = npt.NDArray[np.int64]
SORT_BATCHES = 8  # batches that are sorted by length together: like lengths side by side, order still by chance

SORT_BY_TOKENS = 32  # the same where tokens are counted: padding is 6 % of the clothing reviews then, and 11 % with 8


def by_rows(lengths: Rows, rows: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Batches of one epoch: shuffled, sorted by length within groups of 8 batches, groups' batches shuffled again."""
    shuffled = rng.permutation(len(lengths))
    out = []
    for start in range(0, len(shuffled), rows * SORT_BATCHES):
        group = shuffled[start : start + rows * SORT_BATCHES]
        group = group[np.argsort(lengths[group], kind="stable")]
        out += [group[i : i + rows] for i in range(0, len(group), rows)]
    for i in rng.permutation(len(out)):
        yield out[i]


def by_tokens(lengths: Rows, budget: int, rng: np.random.Generator) -> Iterator[Rows]:
    """As `by_rows`, but a batch is as many rows as fit into `budget` padded tokens (one at least), and larger groups are
    sorted."""
    shuffled = rng.permutation(len(lengths))
    group_rows = max(1, SORT_BY_TOKENS * budget // max(1, int(lengths.mean()))) if len(lengths) else 1
    out = []
    for start in range(0, len(shuffled), group_rows):
        group = shuffled[start : start + group_rows]
        group = group[np.argsort(lengths[group], kind="stable")]
        widths = -(-lengths[group] // STEP) * STEP
        first = 0
        for i in range(1, len(group) + 1):
            if i == len(group) or widths[i] * (i + 1 - first) > budget:
                out.append(group[first:i])
                first = i
    for i in rng.permutation(len(out)):
        yield out[i]


def by_packs(lengths: Rows, budget: int, rng: np.random.Generator) -> Iterator[Rows]:
    """Batches of rows that are packed together: as many, in the order of chance, as have `budget` tokens in all."""
    shuffled = rng.permutation(len(lengths))
    first, held = 0, 0
    for i, row in enumerate(shuffled):
        if held and held + lengths[row] > budget:
            yield shuffled[first:i]
            first, held = i, 0
        held += int(lengths[row])
    yield shuffled[first:]


@dataclass(frozen=True, eq=False)
class Order:
    """A training's batches. lengths: tokens of each row; rows: a batch, unless batch_tokens; accumulate: batches a step."""

    lengths: Rows
    epochs: int
    seed: int
    rows: int
    batch_tokens: int = 0
    packed: bool = False
    accumulate: int = 1

    def __post_init__(self) -> None:
        """Raises Problem `lab.no_labels` where there is no row."""
        if not len(self.lengths):
            raise Problem("lab.no_labels", got=0)

    @cached_property
    def per_epoch(self) -> list[int]:
        """Steps of each epoch."""
        if self.batch_tokens:
            counts = [sum(1 for _ in self._epoch(rng)) for rng in self._chances()]
        else:
            counts = [-(-len(self.lengths) // self.rows)] * self.epochs
        return [-(-n // self.accumulate) for n in counts]

    @property
    def steps(self) -> int:
        """Optimiser steps of all epochs."""
        return sum(self.per_epoch)

    def ends(self) -> set[int]:
        """Numbers of steps done when an epoch ends."""
        return set(np.cumsum(self.per_epoch).tolist())

    def _chances(self) -> Iterator[np.random.Generator]:
        rng = np.random.default_rng([self.seed, 7])
        for _ in range(self.epochs):
            yield rng

    def _epoch(self, rng: np.random.Generator) -> Iterator[Rows]:
        if self.packed:
            return by_packs(self.lengths, self.batch_tokens, rng)
        if self.batch_tokens:
            return by_tokens(self.lengths, self.batch_tokens, rng)
        return by_rows(self.lengths, self.rows, rng)

    def batches(self, first: int = 0) -> Iterator[list[Rows]]:
        """The batches of each step, from step `first` on. A step never reaches into the next epoch."""
        step = 0
        for rng in self._chances():
            held: list[Rows] = []
            epoch = list(self._epoch(rng))
            for i, rows in enumerate(epoch, 1):
                held.append(rows)
                if len(held) == self.accumulate or i == len(epoch):
                    if step >= first:
                        yield held
                    step, held = step + 1, []
