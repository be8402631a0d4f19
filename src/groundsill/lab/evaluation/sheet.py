"""All that the answers of one route say, with 90 % intervals: one sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.metrics import Measured, confusion, entities, margins, probability, ranking, texts
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

DRAWS = 1_000
MOST_DRAWN = 4_000_000  # weights of rows that are held at once: draws x rows
MOST_ROWS = 500_000  # more answers than this make no interval narrower that anybody reads
MOST_CURVES = 20  # classes with curves of their own, the most frequent ones
Answers = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Value:
    """low, high: 90 % interval. how: `wilson`, `bootstrap` (rows and seeds), `error` (value and standard error)."""

    value: float
    low: float
    high: float
    how: str


@dataclass(frozen=True)
class Bin:
    """Rows of like confidence: its mean, the share that is right with Wilson's interval, how many answers."""

    sure: float
    right: float
    low: float
    high: float
    rows: int


@dataclass(frozen=True)
class Sheet:
    """values: metric -> value; by_class: class -> metric -> value; support: class -> test rows. table: answers, mean over
    seeds, row = true class, column = answered class, last column = no valid answer. bins, roc, pr: where scores are known,
    over the answers of all seeds; curves of the most frequent classes."""

    name: str
    rows: int
    seeds: int
    values: Mapping[str, Value]
    by_class: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    support: Mapping[str, int] = field(default_factory=dict)
    table: tuple[tuple[float, ...], ...] = ()
    bins: tuple[Bin, ...] = ()
    roc: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    pr: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)


def of_classes(
    name: str, truth: Answers, predicted: Sequence[Answers], classes: Sequence[str], scores: Sequence[Array] = ()
) -> Sheet:
    """Answers of a classifier. predicted: class numbers `(rows,)` of each seed; scores `(rows, classes)` of each seed, before
    or after a softmax up to a constant a row (log-probabilities or logits).

    Raises Problem `answers.one_class` where the truth has one class, `answers.too_many_rows`.
    """
    if len(truth) > MOST_ROWS:
        raise Problem("answers.too_many_rows", at=name, got=len(truth), limit=MOST_ROWS)
    if len(np.unique(truth)) < 2:
        raise Problem("answers.one_class", at=name, got=classes[int(truth[0])] if len(truth) else "-")
    rows, count = len(truth), len(classes)
    weights = _weights(rows)
    drawn = np.random.default_rng(1).integers(0, len(predicted), (len(weights), len(predicted)))
    plain = [margins.margins(truth, one, count) for one in predicted]
    again = [margins.margins(truth, one, count, weights) for one in predicted]
    values = {
        key: _sided(_value([float(f(m)) for m in plain], np.stack([f(m) for m in again]), drawn), rows)
        for key, f in margins.KNOWN.items()
    }
    if len(predicted) == 1:
        right = float((predicted[0] == truth).sum())
        values["accuracy"] = Value(right / rows, *margins.wilson(right, rows), "wilson")
    support = {classes[k]: int((truth == k).sum()) for k in np.unique(truth)}
    by_class: dict[str, dict[str, Value]] = {
        classes[k]: {
            key: _sided(
                _value([float(f(m)[k]) for m in plain], np.stack([f(m)[..., k] for m in again]), drawn),
                support[classes[k]],
            )
            for key, f in _BY_CLASS.items()
        }
        for k in np.unique(truth)
    }
    table = np.mean([confusion(truth, one, count) for one in predicted], axis=0)
    sheet = Sheet(name, rows, len(predicted), values, by_class, support, tuple(tuple(map(float, row)) for row in table))
    return _with_scores(sheet, truth, scores, classes, weights, by_class) if scores else sheet


_BY_CLASS: Mapping[str, Callable[[margins.Margins], Array]] = {
    "precision": lambda m: m.precision,
    "recall": lambda m: m.recall,
    "f1": lambda m: m.f1,
}


def _weights(rows: int) -> Array:
    """How often each row is met in each resample, `(draws, rows)`; fewer draws of very many rows."""
    draws = max(100, min(DRAWS, MOST_DRAWN // rows))
    return np.random.default_rng(0).multinomial(rows, np.full(rows, 1 / rows), draws).astype(np.float32)


def _value(values: Sequence[float], again: Array, drawn: npt.NDArray[np.int64]) -> Value:
    """again: `(seeds, draws)`; drawn: which seeds each draw takes `(draws, seeds)`."""
    means = again[drawn, np.arange(again.shape[1])[:, None]].mean(axis=1)
    low, high = np.nanquantile(means, (0.05, 0.95))
    return Value(float(np.mean(values)), float(low), float(high), "bootstrap")


def _sided(value: Value, rows: int) -> Value:
    """No resample of rows that are all right (or all wrong) differs from them: then Wilson's interval says more."""
    if value.low < value.high or value.value not in (0.0, 1.0):
        return value
    return Value(value.value, *margins.wilson(value.value * rows, rows), "wilson")


def _with_error(found: Sequence[Measured], least: float = 0.0, most: float = np.inf) -> Value:
    """Mean over seeds: rows are the same for all, so their error stays; that of the seeds' mean comes on top."""
    values, errors = np.array([m.value for m in found]), np.array([m.stderr for m in found])
    spread = values.var(ddof=1) / len(values) if len(values) > 1 else 0.0
    half = margins.NORMAL_90 * float(np.sqrt((errors**2).mean() + spread))
    middle = float(values.mean())
    return Value(middle, max(least, middle - half), min(most, middle + half), "error")


def _with_scores(
    sheet: Sheet, truth: Answers, scores: Sequence[Array], classes: Sequence[str], weights: Array,
    by_class: dict[str, dict[str, Value]],
) -> Sheet:  # fmt: skip
    judged = [probability.judged(truth, one) for one in scores]
    most = {"roc-auc": 1.0, "ece": 1.0, "brier": 2.0, "log-loss": np.inf}
    values = dict(sheet.values)
    values |= {key: _with_error([one[key] for one in judged], 0.0, most[key]) for key in judged[0]}
    p = [probability.probabilities(np.asarray(one, dtype=np.float64)) for one in scores]
    often = sorted(np.unique(truth), key=lambda k: (-int((truth == k).sum()), int(k)))[:MOST_CURVES]
    roc, pr, areas = dict[str, Any](), dict[str, Any](), list[tuple[list[float], Array]]()
    everyone, tiled = np.concatenate(p), np.tile(truth, len(p))
    drawn = np.random.default_rng(1).integers(0, len(p), (len(weights), len(p)))
    for k in often:
        inside = truth == k
        sides = [np.stack((1 - one[:, k], one[:, k]), axis=1) for one in p]
        area = [probability.roc_auc(inside.astype(np.int32), side) for side in sides]
        steps = np.stack([ranking.average_precision(inside, one[:, k], weights) for one in p])
        areas.append(([float(ranking.average_precision(inside, one[:, k])) for one in p], steps))
        flat = _value(*areas[-1], drawn)
        by_class[classes[k]] |= {"roc-auc": _with_error(area, 0.0, 1.0), "average-precision": flat}
        roc[classes[k]] = tuple(ranking.roc(tiled == k, everyone[:, k]))
        pr[classes[k]] = tuple(ranking.precision_recall(tiled == k, everyone[:, k]))
    middle = [float(np.mean(seed)) for seed in zip(*(values_ for values_, _ in areas), strict=True)]
    values["average-precision"] = _value(middle, np.nanmean([steps for _, steps in areas], axis=0), drawn)
    bins = tuple(
        Bin(sure, right, *margins.wilson(right * n / len(p), n / len(p)), n)
        for sure, right, n in probability.reliability(tiled, everyone)
    )
    return Sheet(sheet.name, sheet.rows, sheet.seeds, values, by_class, sheet.support, sheet.table, bins, roc, pr)


def of_texts(name: str, truth: Sequence[str], written: Sequence[Sequence[str]]) -> Sheet:
    """Answers that are texts; written: of each seed."""
    values = {
        metric: _with_error([texts.compute(metric, one, truth) for one in written], 0.0, 1.0) for metric in texts.KNOWN
    }
    return Sheet(name, len(truth), len(written), values)


def of_tags(
    name: str, truth: Answers, said: Sequence[Answers], starts: npt.NDArray[np.int64], tags: Sequence[str]
) -> Sheet:
    """Tags of words, judged as whole entities. truth, said: tag numbers of every word; starts: place of each row's first
    word, and the end. Raises Problem `lab.tags_not_entities`."""
    entities.check_tags(tags)
    counted = [entities.counts(truth, one, starts, tags) for one in said]
    kinds = entities.types(tags)
    whole = [np.sum([table[kind] for kind in kinds], axis=0) for table in counted]
    values = {"entity-f1": _with_error([entities.f1(one) for one in whole], 0.0, 1.0)}
    by_class = {k: {"f1": _with_error([entities.f1(table[k]) for table in counted], 0.0, 1.0)} for k in kinds}
    support = {k: int(counted[0][k][:, 2].sum()) for k in kinds}
    return Sheet(name, len(starts) - 1, len(said), values, by_class, support)
