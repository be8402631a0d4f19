"""Packing: several texts in one row, so that nothing is padded; a mask keeps each text to itself, and each counts its
positions from zero (Krell et al. 2021, arXiv 2107.02027)."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.models.tokens import STEP
from groundsill.lab.objectives import Batch, Objective
from groundsill.lab.objectives._shared import IGNORE
from groundsill.terms.problem import Problem

Rows = npt.NDArray[np.int64]
PROOF_ROWS = 4
ALIKE = 1e-3  # relative difference of the loss, packed over padded, in fp32: rounding, never a text that sees another


@runtime_checkable
class Packs(Protocol):
    """An objective whose rows can be packed: its truth has one number a token, about that token's own place. causal: each
    token sees those before it alone."""

    causal: bool


def bins(lengths: Rows, width: int) -> list[list[int]]:
    """Which rows share a packed row of `width` tokens: the longest first, each where it fits first."""
    held: list[list[int]] = []
    room: list[int] = []
    for i in np.argsort(-lengths, kind="stable"):
        place = next((p for p, left in enumerate(room) if left >= lengths[i]), -1)
        if place < 0:
            held.append([])
            room.append(width)
        held[place].append(int(i))
        room[place] -= int(lengths[i])
    return held


def pack(batch: Batch, *, causal: bool) -> Batch:
    """The same texts packed into as few rows as the longest of them allows.

    batch: padded, truth `(rows, tokens)`. Returns numbers and truth `(packs, width)`, mask `(packs, 1, width, width)` (bool;
    transformers takes a mask of four dimensions as it is), and `position_ids` in extra. Units are those of the padded batch.
    """
    lengths = batch.mask.sum(1).cpu().numpy()
    width = -(-int(lengths.max()) // STEP) * STEP
    places = bins(lengths, width)
    where = batch.numbers.device
    numbers = torch.zeros((len(places), width), dtype=batch.numbers.dtype, device=where)
    truth = torch.full((len(places), width), IGNORE, dtype=batch.truth.dtype, device=where)
    text = torch.full((len(places), width), -1, dtype=torch.int64, device=where)
    position = torch.zeros((len(places), width), dtype=torch.int64, device=where)
    for p, rows in enumerate(places):
        at = 0
        for row in rows:
            size = int(lengths[row])
            span = slice(at, at + size)
            numbers[p, span], truth[p, span] = batch.numbers[row, :size], batch.truth[row, :size]
            text[p, span], position[p, span] = row, torch.arange(size, device=where)
            at += size
    sees = text.unsqueeze(2) == text.unsqueeze(1)
    if causal:
        sees &= torch.ones(width, width, dtype=torch.bool, device=where).tril()
    return Batch(numbers, sees.unsqueeze(1), truth, batch.units, {**batch.extra, "position_ids": position})


def proof(net: nn.Module, objective: Objective) -> None:
    """Nothing, if a few rows have the same loss packed and padded.

    Raises Problem `lab.cannot_pack` where the objective cannot, or the model mixes the texts of a row.
    """
    if not isinstance(objective, Packs):
        raise Problem("lab.cannot_pack", got=type(objective).__name__)
    rows = np.argsort(objective.lengths, kind="stable")[:: max(1, len(objective.lengths) // PROOF_ROWS)][:PROOF_ROWS]
    body: Any = getattr(net, "body", net)
    was = net.training
    net.eval()
    try:
        with torch.inference_mode():
            padded = objective.batch(rows)
            apart = float(objective.loss(net, padded))
            together = float(objective.loss(net, pack(padded, causal=objective.causal)))
    except (TypeError, ValueError, RuntimeError) as e:  # a model that takes no such mask or no positions
        raise Problem("lab.cannot_pack", got=f"{type(body).__name__}: {str(e)[:120]}") from e
    finally:
        net.train(was)
    if not abs(together - apart) <= ALIKE * max(abs(apart), 1e-6):
        raise Problem("lab.cannot_pack", got=f"{type(body).__name__}: {together:.6g} / {apart:.6g}")
