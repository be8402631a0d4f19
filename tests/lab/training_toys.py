"""A net and rows so small that a training takes milliseconds, with all that the loop touches: an embedding, two blocks,
a head, dropout. Imports torch alone, so that a script may use it too."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from groundsill.lab.objectives.classification import Classification
from groundsill.lab.training import loop
from groundsill.lab.training.recipe import Recipe
from groundsill.lab.training.settings import Settings

WIDTH, WORDS, CLASSES = 16, 30, 3


class Body(nn.Module):
    """Embedding and two blocks; each token is seen alone."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(WORDS, WIDTH)
        self.layer = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def get_input_embeddings(self) -> nn.Module:
        return self.embeddings

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        states = self.embeddings(numbers)
        for block in self.layer:
            states = states + torch.tanh(block(self.dropout(states)))
        return states


class Net(nn.Module):
    """The mean of the body's states, and a head."""

    def __init__(self, seed: int = 0, dropout: float = 0.1) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.body, self.head = Body(dropout), nn.Linear(WIDTH, CLASSES)

    def forward(self, numbers: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        weight = mask.unsqueeze(-1).float()
        return self.head((self.body(numbers) * weight).sum(1) / weight.sum(1))


def rows(count: int = 48, seed: int = 0) -> Classification:
    """Rows of 2 to 19 tokens; one of the first three words tells the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count).astype(np.int32)
    ids = []
    for label in labels:
        row = rng.integers(CLASSES, WORDS, rng.integers(1, 19)).tolist()
        row.insert(int(rng.integers(0, len(row) + 1)), int(label))
        ids.append(row)
    return Classification(ids, labels, CLASSES, 0)


def recipe(**given: Any) -> Recipe:
    """6 epochs of 6 steps of 8 rows."""
    return Recipe(**{"rate": 1e-2, "head_rate": 1e-2, "epochs": 6, "batch_rows": 8, **given})


def train(net: nn.Module, settings: Settings | None = None, objective: Any = None, **given: Any) -> loop.Seen:
    """`loop.train` with these toys; what is not of the loop goes to the recipe."""
    names = ("most_steps", "head_alone", "saving", "best", "rates", "emit")
    of_loop = {name: given.pop(name) for name in names if name in given}
    seed, kind = given.pop("seed", 0), given.pop("kind", "fp32")
    return loop.train(net, objective or rows(), recipe(**given), settings, kind=kind, seed=seed, **of_loop)


def flat(net: nn.Module) -> torch.Tensor:
    """All weights in one row."""
    return torch.cat([p.detach().flatten() for p in net.parameters()])
