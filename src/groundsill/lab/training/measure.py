"""Measuring one candidate with so many labels: a Run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from groundsill.lab import tasks
from groundsill.lab.data import Prepared, Split, subset
from groundsill.lab.evaluation import Meter, Report, run_of
from groundsill.lab.evaluation.record import now
from groundsill.lab.models import need_torch, shape_of
from groundsill.lab.training import classical, job, linear, settings, tagging, tune
from groundsill.lab.training.kits import kit_of
from groundsill.lab.training.recipe import Recipe, recipe_of
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape

CLASSICAL = {"class": "tfidf-logistic", "pair": "tfidf-logistic", "words": "window-logistic"}
"""Form of the rows -> the classical method for it. There is none for texts to write."""


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

    candidate: a classical method (see CLASSICAL), or `tune/<method>` for every method on the shelf. model: folder of the
    base model; shape: its shape (None: read from its config). work: folder for features and settings that several runs share.
    The same seed gives the same predictions on the same machine. Emits `lab.progress`, `lab.encoding`, `lab.scoring`
    with done, total and remaining_seconds about every second.
    Raises Problem `lab.cannot_measure`, `lab.wrong_form`, `lab.no_model`, `lab.no_torch`, `lab.unknown_recipe`,
    `lab.tokenizer_mismatch`, `lab.cannot_write`, `data.subset_too_large`, and those of scoring and of the loop.
    """
    started = now()
    check_form(task, metric, data)
    train = data.pool.take(subset(len(data.pool), labels, seed))
    if not len(train):
        raise Problem("lab.no_labels", at=candidate.id, got=labels)
    recipe = recipe_of(candidate, labels, train.form)
    emit(Event("lab.measuring", {"candidate": candidate.id, "labels": labels, "seed": seed}))
    with Meter() as meter:
        report = _report(candidate, data, train, recipe, seed, model, shape, work, emit, task)
    missing = set(np.unique(data.test.labels).tolist()) - set(np.unique(train.labels).tolist())
    measures = {**report.measures, **meter.measures(), "missing_classes": float(len(missing))}
    return run_of(
        candidate,
        replace(report, measures=measures),
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


class Fitted(Protocol):
    """A classical model."""

    def scores(self, rows: Split) -> npt.NDArray[np.float64]:
        """Scores before the softmax, one line a row, or a word where words are tagged."""
        ...

    @property
    def weights(self) -> int:
        """Weights that were fitted."""
        ...

    @property
    def model_bytes(self) -> int:
        """Bytes of what must be kept to serve."""
        ...


def check_form(task: str, metric: str, data: Prepared) -> None:
    """Raises Problem `lab.wrong_form` where the rows are not those of the task, `lab.unknown_metric` for a metric that it
    has not."""
    kind = tasks.find(task)
    if data.test.form != kind.FORM:
        raise Problem("lab.wrong_form", at=task, got=data.test.form, limit=kind.FORM)
    known = kind.metrics(data.classes)
    if metric and kind.FORM in ("words", "target") and metric not in known:
        raise Problem("lab.unknown_metric", at=task, got=metric, limit=", ".join(known))


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
    task: str,
) -> Report:
    if candidate.route == "classical" and candidate.method == CLASSICAL.get(train.form):
        return report_classical(train, data.test, len(data.classes), seed, recipe.strength or None)
    if candidate.route == "tune":
        return tune.run(job_of(candidate, data, train, recipe, seed, model, shape, work, emit, task))
    limit = CLASSICAL.get(train.form, "tune, prompt")
    raise Problem("lab.cannot_measure", at=candidate.id, got=f"{candidate.route}/{candidate.method}", limit=limit)


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
    task: str = "text-classification",
) -> job.Job:
    """The tuning job of a candidate. Raises Problem `lab.no_model`, `lab.no_torch`, `lab.bad_setting`."""
    if model is None:
        raise Problem("lab.no_model", at=candidate.id, got=candidate.model or "-")
    need_torch()
    shape = shape or shape_of(model)
    kit, more = kit_of(train.form), {"task": task} if train.form == "target" else {}
    job.tell_unknown(model, train.texts, emit)
    longest = recipe.longest or kit.longest(model, data.pool, shape.context, **more)
    longest = min(longest, shape.context - job.virtual_tokens(candidate.method, recipe))
    return job.Job(
        candidate.method, model, shape, train, data.test, len(data.classes), recipe, longest, seed, work, emit,
        settings.split(dict(candidate.recipe))[0], task,
    )  # fmt: skip


def report_classical(train: Split, test: Split, classes: int, seed: int, strength: float | None) -> Report:
    """Fit words and score. FLOPs are left out: sparse look-ups have no useful count."""
    linear.need_sklearn()
    begin = time.perf_counter()
    fits: dict[str, Callable[[Split, int, int, float | None], Fitted]] = {
        "class": classical.fit_texts, "pair": classical.fit_pairs, "words": tagging.fit,
    }  # fmt: skip
    model = fits[train.form](train, classes, seed, strength)
    fitted = time.perf_counter()
    scores = model.scores(test)
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
