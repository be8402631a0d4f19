"""The training loop beside its peers: seconds for the same rows, in pairs that take turns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from benchmarks.textlab.cases import Case, held_loss, seeded, shortened
from benchmarks.textlab.peers import plain, trainer

from groundsill.lab.evaluation.count import output_flops, train_flops
from groundsill.lab.models import device as machine
from groundsill.lab.models.products import product
from groundsill.lab.training import loop
from groundsill.lab.training.settings import Settings

# About twice the tokens of the Trainer's eight rows. No dropout: over few epochs it brings nothing, and with it attention on
# a processor leaves its fast kernel. The plain loop has the same.
OURS = Settings(batch_tokens=1024, dropout=0.0)
PEAK_SIZE = 2048


@dataclass(frozen=True)
class Timed:
    """One case. plain, theirs: seconds of the peer over ours, one a pair; losses: of the rows kept back, ours and that of
    the Trainer; mfu: of the fastest run, against the products of the same precision."""

    name: str
    kind: str
    plain: tuple[float, ...]
    theirs: tuple[float, ...]
    loss: float
    their_loss: float
    tokens_per_s: float
    mfu: float


def peak(kind: str, seconds: float) -> float:
    """FLOP/s of a square product, the best of its repeats."""
    series, flop = product(PEAK_SIZE, PEAK_SIZE, PEAK_SIZE, kind, torch.device("cpu"), seconds=seconds, seed=0)
    return flop / min(series.seconds)


def ours(case: Case, kind: Any, epochs: int) -> tuple[float, Any, Any]:
    """Seconds, the net, what it saw."""
    net = seeded(case.make)()
    recipe = type(case.recipe)(**{**vars(case.recipe), "epochs": epochs})
    begin = time.perf_counter()
    seen = loop.train(net, case.train, recipe, OURS, kind=kind, seed=0)
    return time.perf_counter() - begin, net, seen


def compare(case: Case, *, pairs: int, epochs: int, peaks: dict[str, float]) -> Timed:
    """All three take turns; the order within a round is turned round each time."""
    kind = machine.precision()
    with machine.quiet():
        against_plain, against_theirs, fastest = [], [], np.inf
        loss = their_loss = 0.0
        seen: Any = None
        for turn in range(pairs):
            if turn % 2:
                their, model = trainer(case, epochs)
                bare, _ = plain(case, OURS, kind, epochs)
                mine, net, seen = ours(case, kind, epochs)
            else:
                mine, net, seen = ours(case, kind, epochs)
                bare, _ = plain(case, OURS, kind, epochs)
                their, model = trainer(case, epochs)
            against_plain.append(bare / mine)
            against_theirs.append(their / mine)
            fastest = min(fastest, mine)
            if turn == 0:
                loss, their_loss = held_loss(net, case), held_loss(model, case)
    work = train_flops("full", case.shape, seen.tokens, seen.rows)
    work += 3 * output_flops(case.shape, seen.tokens) if case.outputs else 0.0
    return Timed(
        case.name, kind, tuple(against_plain), tuple(against_theirs), loss, their_loss, seen.tokens / fastest,
        work / fastest / peaks[kind],
    )  # fmt: skip


def warm(cases: Sequence[Case]) -> None:
    """Load what a first step loads, for all sides, on a few rows."""
    with machine.quiet():
        for case in cases:
            few = shortened(case, 16)
            ours(few, machine.precision(), 1)
            plain(few, OURS, machine.precision(), 1)
            trainer(few, 1)
