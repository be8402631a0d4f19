"""Measuring one candidate with so many labels: a Run."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from groundsill.lab.data import Prepared, Split, subset
from groundsill.lab.evaluation import Meter, Report, run_of
from groundsill.lab.evaluation.record import now
from groundsill.lab.models import need_torch, shape_of, tokens
from groundsill.lab.training import classical, linear, tune
from groundsill.lab.training.recipe import Recipe, recipe_of
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape

CLASSICAL = "tfidf-logistic"


def measure(
    candidate: Candidate,
    data: Prepared,
    *,
    task: str,
    metric: str,
    labels: int,
    seed: int,
    model: Path | None,
    shape: Shape | None,
    hardware: str,
    work: Path,
    emit: Emit = silent,
) -> Run:
    """Train on the first `labels` rows of the seeded order of the pool, score the whole test set.

    candidate: `classical/tfidf-logistic`, or `tune/<method>` for every method on the shelf. model: folder of the base model;
    shape: its shape (None: read from its config). work: folder for features and settings that several runs share.
    The same seed gives the same predictions on the same machine. Emits `lab.progress`, `lab.encoding`, `lab.scoring`
    with done, total and remaining_seconds about every second.
    Raises Problem `lab.cannot_measure`, `lab.no_model`, `lab.no_torch`, `lab.unknown_recipe`, `lab.diverged`,
    `lab.out_of_memory`, `lab.no_room`, `data.subset_too_large`, and those of scoring.
    """
    started = now()
    train = data.pool.take(subset(len(data.pool), labels, seed))
    if not len(train):
        raise Problem("lab.no_labels", at=candidate.id, got=labels)
    recipe = recipe_of(candidate, labels)
    emit(Event("lab.measuring", {"candidate": candidate.id, "labels": labels, "seed": seed}))
    with Meter() as meter:
        report = _report(candidate, data, train, recipe, seed, model, shape, work, emit)
    missing = set(np.unique(data.test.labels).tolist()) - set(np.unique(train.labels).tolist())
    measures = {**report.measures, **meter.measures(), "missing_classes": float(len(missing))}
    return run_of(
        candidate,
        Report(report.scores, measures, report.libraries, report.note),
        data.test,
        data.classes,
        task=task,
        metric=metric,
        at={"labels": float(labels)},
        seed=seed,
        hardware=hardware,
        data_hash=data.card.data_hash,
        test_id=data.card.test_id,
        started=started,
        work=work,
    )


def _report(
    candidate: Candidate,
    data: Prepared,
    train: Split,
    recipe: Recipe,
    seed: int,
    model: Path | None,
    shape: Shape | None,
    work: Path,
    emit: Emit,
) -> Report:
    if candidate.route == "classical" and candidate.method == CLASSICAL:
        return report_classical(train, data.test, len(data.classes), seed, recipe.strength or None)
    if candidate.route == "tune":
        return tune.run(job_of(candidate, data, train, recipe, seed, model, shape, work, emit))
    raise Problem("lab.cannot_measure", at=candidate.id, got=f"{candidate.route}/{candidate.method}", limit=CLASSICAL)


def job_of(
    candidate: Candidate,
    data: Prepared,
    train: Split,
    recipe: Recipe,
    seed: int,
    model: Path | None,
    shape: Shape | None,
    work: Path,
    emit: Emit,
) -> tune.Job:
    """The tuning job of a candidate. Raises Problem `lab.no_model`, `lab.no_torch`."""
    if model is None:
        raise Problem("lab.no_model", at=candidate.id, got=candidate.model or "-")
    need_torch()
    shape = shape or shape_of(model)
    longest = recipe.longest or tokens.longest_for(model, data.pool.texts, shape.context)
    longest = min(longest, shape.context - tune.virtual_tokens(candidate.method, recipe))
    return tune.Job(
        candidate.method, model, shape, train, data.test, len(data.classes), recipe, longest, seed, work, emit
    )


def report_classical(train: Split, test: Split, classes: int, seed: int, strength: float | None) -> Report:
    """Fit words and score. FLOPs are left out: sparse look-ups have no useful count."""
    linear.need_sklearn()
    begin = time.perf_counter()
    model = classical.fit(train.texts, train.labels, classes, seed, strength)
    fitted = time.perf_counter()
    scores = model.scores(test.texts)
    score_seconds = time.perf_counter() - fitted
    measures = {
        "train_seconds": fitted - begin,
        "encode_seconds": 0.0,
        "score_seconds": score_seconds,
        "score_seconds_per_row": score_seconds / len(test),
        "train_rows_seen": float(len(train)),
        "model_bytes": float(model.model_bytes),
        "trainable_weights": float(model.weights),
    }
    return Report(scores, measures, ("groundsill", "numpy", "scikit-learn"))
