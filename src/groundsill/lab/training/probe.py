"""Probing: how long a measurement will take, from a few seconds of the real thing."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from groundsill.lab.data import Prepared, subset
from groundsill.lab.training import linear
from groundsill.lab.training.job import Job, methods
from groundsill.lab.training.kits import kit_of
from groundsill.lab.training.measure import CLASSICAL, job_of, report_classical
from groundsill.lab.training.recipe import recipe_of, rows_seen
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import silent
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

LOOK_LABELS = 400
LOOK_ROWS = 48
LOOK_WRITTEN = 8  # rows, where a text is written to each
LOOK_SECONDS = 1.5
SEED = 0


@dataclass(frozen=True)
class Speed:
    """train_seconds_per_row: one pass over one training row (times `rows_seen`, which counts epochs).
    encode_seconds_per_row: the frozen pass whose features are kept, once a row. score_seconds_per_row: one test row,
    its encoding included. start_seconds: once a run (loading the model)."""

    train_seconds_per_row: float
    score_seconds_per_row: float
    encode_seconds_per_row: float
    start_seconds: float

    def seconds(self, candidate: Candidate, labels: int, test_rows: int) -> float:
        """Wall time of one `measure` with nothing kept from before."""
        trained = self.train_seconds_per_row * rows_seen(candidate, labels) + self.encode_seconds_per_row * labels
        return self.start_seconds + trained + self.score_seconds_per_row * test_rows


def speed(
    candidate: Candidate,
    data: Prepared,
    *,
    model: Path | None,
    shape: Shape | None,
    work: Path,
    task: str = "text-classification",
) -> Speed:
    """Probe a candidate for about 5 s (loading libraries not counted) on rows of the pool; nothing is kept.

    Raises Problem as `measure` does.
    """
    labels = min(LOOK_LABELS, len(data.pool))
    train = data.pool.take(subset(len(data.pool), labels, SEED))
    recipe = recipe_of(candidate, labels, train.form)
    if candidate.route == "classical" and candidate.method == CLASSICAL.get(train.form):
        seen = report_classical(train, train, len(data.classes), SEED, recipe.strength or None).measures
        return Speed(seen["train_seconds"] / labels, seen["score_seconds_per_row"], 0.0, 0.0)
    got = f"{candidate.route}/{candidate.method}"
    if candidate.route != "tune":
        raise Problem("lab.cannot_measure", at=candidate.id, got=got, limit=CLASSICAL.get(train.form, "tune, prompt"))
    if candidate.method not in methods():
        raise Problem("lab.cannot_measure", at=candidate.id, got=got, limit=", ".join(sorted(methods())))
    job = job_of(candidate, data, train, recipe, SEED, model, shape, work, silent, task)
    kit = kit_of(train.form)
    return _head(job, kit) if job.method == "head" and hasattr(kit, "head") else _gradient(job, kit)


def _pace(job: Job, kit: ModuleType, net: Any) -> float:
    """Seconds per row of answering, on samples of the training rows, until 1.5 s have passed."""
    rng = np.random.default_rng(SEED)
    done, spent = 0, 0.0
    most = LOOK_WRITTEN if job.train.form == "target" else LOOK_ROWS
    while spent < LOOK_SECONDS:
        sample = job.train.take(rng.permutation(len(job.train))[:most])
        spent, done = spent + kit.answer(replace(job, test=sample), net).seconds, done + len(sample)
    return spent / done


def _head(job: Job, kit: ModuleType) -> Speed:
    begin = time.perf_counter()
    net = kit.blank(job).net
    start_seconds = time.perf_counter() - begin
    linear.need_sklearn()
    kit.answer(replace(job, test=job.train.take(np.arange(1))), net)  # builds the kernels
    pace = _pace(job, kit, net)
    features = np.random.default_rng(SEED).normal(size=(len(job.train.labels), job.parts * job.shape.width))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    begin = time.perf_counter()
    kit.fitted(job, features, job.train.labels)
    return Speed((time.perf_counter() - begin) / len(job.train), pace, pace, start_seconds)


def _gradient(job: Job, kit: ModuleType) -> Speed:
    from groundsill.lab.training import loop

    begin = time.perf_counter()
    started = kit.blank(job)
    start_seconds = time.perf_counter() - begin
    once = replace(job.recipe, epochs=1)

    def steps(most: int) -> float:
        seen = loop.train(started.net, started.objective, once, job.settings, kind=job.kind, seed=SEED, most_steps=most)
        return seen.seconds / seen.rows

    steps(1)  # builds the kernels
    wanted = LOOK_SECONDS / max(1e-9, steps(1) * job.recipe.batch_rows)
    train_pace = steps(int(min(16, max(3, wanted))))
    pace = _pace(job, kit, started.net)
    encode = 0.0 if job.train.form == "target" else pace
    return Speed(train_pace, pace, encode, start_seconds)
