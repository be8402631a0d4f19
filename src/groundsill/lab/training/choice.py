"""Choosing a base model before training: a cheap probe on few labels, and which models it cannot tell apart.

The labelled rows are dealt into `probes` hands of `labels` rows. Each hand in turn trains a head on the frozen features, as
tuning's own first step does, and is judged on all rows of the other hands; so 5 x 64 labels give five heads of 64 labels
and 256 test rows for each. All models are probed on the same hands: what is hard for one is hard for all, and differences
are surer than the values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.data import Split, subset
from groundsill.lab.metrics.logme import logme
from groundsill.lab.models import tokens
from groundsill.lab.models.encode import encode
from groundsill.lab.training import linear
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

LABELS, PROBES = 64, 5
FEWEST = 8  # labels of a hand; a head on fewer says nothing
STRENGTH = 10.0  # C, the usual one of tuning a head on features of length 1 below 200 labels
DRAWS = 4_000
SHARE = 0.90  # of the intervals


@dataclass(frozen=True, eq=False)
class Probe:
    """One model. right `(probes, rows)`: 1 where the probe's head is right about a row, 0 where not, NaN for the rows that
    it was trained on. accuracy and stderr: mean and standard error over hands and rows; logme: over all rows.
    seconds_per_row: of the frozen pass when the rows were encoded; tokens_per_row: as cut at `longest`."""

    right: Array
    accuracy: float
    stderr: float
    logme: float
    seconds_per_row: float
    tokens_per_row: float
    longest: int


@dataclass(frozen=True)
class Place:
    """Where a model stands. rank: 1 is best; low, high: 90 % interval of its rank; behind: by how much its accuracy is
    below that of the first, with its 90 % interval; tied: that interval holds 0."""

    rank: int
    low: int
    high: int
    behind: float
    behind_low: float
    behind_high: float
    tied: bool


def hands(pool_rows: int, labels: int = LABELS, probes: int = PROBES, seed: int = 0) -> npt.NDArray[np.int64]:
    """Row numbers `(probes, labels)`, no row twice; smaller hands where the pool is smaller.

    Raises Problem `lab.too_few_to_probe`.
    """
    each = min(labels, pool_rows // probes) if probes >= 2 else 0
    if each < FEWEST:
        raise Problem("lab.too_few_to_probe", got=pool_rows, limit=FEWEST * max(2, probes), probes=probes)
    return subset(pool_rows, each * probes, seed).reshape(probes, each)


def probe(
    folder: Path,
    pool: Split,
    classes: int,
    dealt: npt.NDArray[np.int64],
    *,
    context: int,
    work: Path,
    longest: int = 0,
    emit: Emit = silent,
) -> Probe:
    """Probe the model in `folder` on the rows `dealt` of the pool. longest: tokens kept of a text, 0 for the length that
    tuning would choose. Features are kept under `work` and serve the pilot too.

    Raises Problem as `encode`, and `lab.probe_one_class` where the rows hold one class.
    """
    linear.need_sklearn()
    rows = pool.take(dealt.ravel())
    if len(np.unique(rows.labels)) < 2:
        raise Problem("lab.probe_one_class", got=len(rows))
    cut = longest or tokens.longest_for(folder, pool.texts, context)
    found = encode(folder, rows.texts, cut, work, emit)
    right = judged(found.features, rows.labels, classes, dealt.shape[0])
    accuracy, error = _mean(right)
    return Probe(
        right, accuracy, error, logme(found.features, rows.labels), float(found.seconds.mean()),
        float(found.tokens.mean()), cut,
    )  # fmt: skip


def judged(features: npt.NDArray[Any], labels: npt.NDArray[np.int32], classes: int, probes: int) -> Array:
    """`Probe.right` of features `(rows, width)` in `probes` hands, one after the other."""
    hand = np.repeat(np.arange(probes), len(labels) // probes)
    right = np.full((probes, len(labels)), np.nan)
    for one in range(probes):
        inside, outside = hand == one, hand != one
        head = linear.fit(features[inside], labels[inside], classes, strengths=(STRENGTH,), usual=STRENGTH, seed=one)
        right[one, outside] = head.predict(features[outside]) == labels[outside]
    return right


def _mean(right: Array) -> tuple[float, float]:
    """Accuracy and its standard error: variance between hands (each has its own training rows) and between rows. What is
    neither of the two alone is counted in both, so the error is a little too large."""
    by_hand, by_row = np.nanmean(right, axis=1), np.nanmean(right, axis=0)
    hands_, rows = right.shape
    error = by_hand.var(ddof=1) / hands_ + by_row.var(ddof=1) / rows
    return float(np.nanmean(right)), float(np.sqrt(error))


def rank(found: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Place]:
    """Places by accuracy, model -> `Probe.right`; all on the same hands.

    Intervals are a bootstrap over hands and rows, the same draws for every model (Efron 1979), so that what models share
    does not blur their difference. A tie goes to the name that was given first.
    """
    names = list(found)
    values = np.array([np.nanmean(found[name]) for name in names])
    order = np.argsort(-values, kind="stable")
    again = resampled(np.stack([found[name] for name in names]), rng, DRAWS)
    places = 1 + (again[:, None, :] > again[:, :, None]).sum(axis=2)  # (draws, models): how many are better, and 1
    tail = (1 - SHARE) / 2
    low, high = np.quantile(places, (tail, 1 - tail), axis=0, method="nearest")
    behind = np.quantile(again[:, order[:1]] - again, (tail, 1 - tail), axis=0)
    out = {}
    for place, i in enumerate(order, 1):
        near, far = float(behind[0, i]), float(behind[1, i])
        gap = float(values[order[0]] - values[i])
        out[names[i]] = Place(place, min(int(low[i]), place), max(int(high[i]), place), gap, near, far, near <= 0)
    return out


def resampled(right: Array, rng: np.random.Generator, draws: int) -> Array:
    """Accuracy `(draws, models)` under resampled hands and rows, from `(models, hands, rows)`."""
    models, hands_, rows = right.shape
    seen = np.isfinite(right)
    hits = np.where(seen, right, 0.0)
    out = np.empty((draws, models))
    for draw in range(draws):
        a = rng.multinomial(hands_, np.full(hands_, 1 / hands_)).astype(np.float64)
        b = rng.multinomial(rows, np.full(rows, 1 / rows)).astype(np.float64)
        out[draw] = (a @ hits @ b) / max(float(a @ seen[0] @ b), 1.0)
    return out
