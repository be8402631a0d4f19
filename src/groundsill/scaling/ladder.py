"""Which rungs to measure, and which candidates need not be measured any further."""

from __future__ import annotations

import numpy as np

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array


def rungs(lowest: int, highest: int, count: int = 5) -> tuple[int, ...]:
    """Label counts, rising: `highest` halved up to `count` - 1 times, none below `lowest`.

    Five doubling rungs span a factor of 16 and cost at most twice the largest. Raises Problem
    `scaling.short_ladder` where fewer than three fit.
    """
    out: list[int] = []
    for k in range(count):
        labels = round(highest / 2**k)
        if labels < max(lowest, 1) or (out and labels >= out[-1]):
            break
        out.append(labels)
    if len(out) < min(3, count):
        raise Problem("scaling.short_ladder", got=len(out), limit=min(3, count), lowest=lowest, highest=highest)
    return tuple(reversed(out))


def dominated(quality: Array, cheaper: Array, *, chance: float = 0.05) -> bool:
    """Whether a candidate may be dropped: the probability that its quality beats that of a cheaper candidate is below
    `chance`. Both (n,), larger is better, at the label limit; the two posteriors are taken as independent."""
    other = np.sort(cheaper)
    below = np.searchsorted(other, quality, side="left")
    return bool(below.mean() / len(other) < chance)
