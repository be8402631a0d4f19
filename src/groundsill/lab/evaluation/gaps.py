"""Differences between two routes on the same rows whose answers are texts or tagged words: a paired bootstrap over rows.

Those of classes are in `lab.metrics.paired`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from groundsill.lab.metrics import entities, texts
from groundsill.lab.metrics.paired import DRAWS, Paired
from groundsill.terms.quantity import Array

Answers = npt.NDArray[np.int32]


def of_texts(
    metric: str,
    truth: Sequence[str],
    first: Sequence[Sequence[str]],
    second: Sequence[Sequence[str]],
    rng: np.random.Generator,
) -> Paired:
    """first, second: texts of each seed. Koehn 2004, "Statistical significance tests for machine translation evaluation"."""
    rows_of, value = texts.KNOWN[metric]
    sides = [[rows_of(one, truth) for one in side] for side in (first, second)]
    return _paired(sides, value, rng)


def of_tags(
    truth: Answers, first: Sequence[Answers], second: Sequence[Answers], starts: npt.NDArray[np.int64],
    tags: Sequence[str], rng: np.random.Generator,
) -> Paired:  # fmt: skip
    """F1 of whole entities; first, second: tag numbers of every word, of each seed."""

    def rows(said: Answers) -> Array:
        table = entities.counts(truth, said, starts, tags)
        return np.sum([table[kind] for kind in entities.types(tags)], axis=0).astype(np.float64)

    def f1(sums: Array) -> Array:
        return np.asarray(2 * sums[..., 0] / np.maximum(sums[..., 1] + sums[..., 2], 1))

    return _paired([[rows(one) for one in side] for side in (first, second)], f1, rng)


def _paired(sides: Sequence[Sequence[Array]], value: Callable[[Array], Array], rng: np.random.Generator) -> Paired:
    """sides: sums of each row `(rows, ...)`, of each seed, of both routes. p: two-sided, from the share of resamples on the
    other side of 0. wins, losses: rows that the first, the second has better, mean over seeds."""
    n = len(sides[0][0])
    weights = rng.multinomial(n, np.full(n, 1 / n), DRAWS).astype(np.float64)
    means = [np.mean([value(weights @ rows) for rows in side], axis=0) for side in sides]
    plain = [float(np.mean([value(rows.sum(axis=0)) for rows in side])) for side in sides]
    gap = means[0] - means[1]
    low, high = np.quantile(gap, (0.05, 0.95))
    beyond = min(int((gap <= 0).sum()), int((gap >= 0).sum()))
    each = [np.mean([value(rows) for rows in side], axis=0) for side in sides]
    p = min(1.0, 2 * (1 + beyond) / (DRAWS + 1))
    return Paired(
        plain[0] - plain[1],
        float(low),
        float(high),
        p,
        float((each[0] > each[1]).sum()),
        float((each[0] < each[1]).sum()),
    )
