"""Made-up runs whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.fact import Fact
from groundsill.terms.quantity import Exactly
from groundsill.terms.run import Run
from groundsill.terms.source import Source

SOURCE = Source("made-up", "measured")
CLASSICAL = Candidate("classical", "logistic")


def fact(name: str, value: float) -> Fact:
    """A plain number as a fact."""
    return Fact(name, Exactly(value), "1", SOURCE, "measured")


def law(labels: float) -> float:
    """Error of the made-up learner: 0.12 + 0.9 n^-0.35."""
    return float(0.12 + 0.9 * labels**-0.35)


def runs_of(
    labels: Sequence[float] = (200, 400, 800, 1600, 3200),
    *,
    seeds: int = 3,
    scatter: float = 0.01,
    error: Callable[[float], float] = law,
    candidate: Candidate = CLASSICAL,
    test_rows: int = 1000,
    chance: float | None = 0.44,
    seed: int = 0,
) -> list[Run]:
    """Accuracy runs about `error`, with a relative `scatter` of the error from seed to seed."""
    rng = np.random.default_rng(seed)
    out = []
    for n in labels:
        for s, z in zip(range(seeds), rng.standard_normal(seeds), strict=True):
            value = float(np.clip(1 - error(n) * np.exp(scatter * z), 0, 1))
            stderr = (value * (1 - value) / test_rows) ** 0.5
            out.append(
                Run(
                    candidate,
                    "text-classification",
                    "accuracy",
                    {"labels": float(n)},
                    SOURCE,
                    value=value,
                    stderr=stderr,
                    seed=s,
                    chance=chance,
                    test_id="t",
                    test_rows=test_rows,
                )
            )
    return out


ANCHOR = Anchor("accuracy", chance=fact("chance", 0.44))
