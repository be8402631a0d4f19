"""Probing: how long a measurement will take, from a few seconds of the real thing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from groundsill.lab.data import Prepared, subset
from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.models.encode import budget_tokens, frozen
from groundsill.lab.training import linear, tune
from groundsill.lab.training.measure import CLASSICAL, job_of, report_classical
from groundsill.lab.training.recipe import recipe_of, rows_seen
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import silent
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

LOOK_LABELS = 400
LOOK_ROWS = 48
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


def speed(candidate: Candidate, data: Prepared, *, model: Path | None, shape: Shape | None, work: Path) -> Speed:
    """Probe a candidate for about 5 s (loading libraries not counted) on rows of the pool; nothing is kept.

    Raises Problem as `measure` does.
    """
    labels = min(LOOK_LABELS, len(data.pool))
    train = data.pool.take(subset(len(data.pool), labels, SEED))
    recipe = recipe_of(candidate, labels)
    if candidate.route == "classical" and candidate.method == CLASSICAL:
        seen = report_classical(train, train, len(data.classes), SEED, recipe.strength or None).measures
        return Speed(seen["train_seconds"] / labels, seen["score_seconds_per_row"], 0.0, 0.0)
    got = f"{candidate.route}/{candidate.method}"
    if candidate.route != "tune":
        raise Problem("lab.cannot_measure", at=candidate.id, got=got, limit=CLASSICAL)
    if candidate.method not in tune.methods():
        raise Problem("lab.cannot_measure", at=candidate.id, got=got, limit=", ".join(sorted(tune.methods())))
    job = job_of(candidate, data, train, recipe, SEED, model, shape, work, silent)
    return _head(job) if job.method == "head" else _gradient(job)


def _pace(ids: tokens.Ids, forward: Callable[[tokens.Ids], object]) -> float:
    """Seconds per row of `forward`, on samples of rows batched by length, until 1.5 s have passed."""
    rng = np.random.default_rng(SEED)
    done, spent = 0, 0.0
    while spent < LOOK_SECONDS:
        sample = [ids[i] for i in rng.permutation(len(ids))[:LOOK_ROWS]]
        begin = time.perf_counter()
        for rows in tokens.batches(np.array([len(row) for row in sample]), budget_tokens()):
            forward([sample[i] for i in rows])
        spent, done = spent + time.perf_counter() - begin, done + len(sample)
    return spent / done


def _head(job: tune.Job) -> Speed:
    begin = time.perf_counter()
    forward = frozen(job.folder, machine.precision(job.work))
    start_seconds = time.perf_counter() - begin
    linear.need_sklearn()
    pace = _pace(tokens.coder(job.folder).ids(job.train.texts, job.longest), forward)
    begin = time.perf_counter()
    features = np.random.default_rng(SEED).normal(size=(len(job.train), job.shape.width))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    linear.fit(features, job.train.labels, job.classes, strengths=tune.STRENGTHS, usual=tune.USUAL, seed=SEED)
    return Speed((time.perf_counter() - begin) / len(job.train), pace, pace, start_seconds)


def _gradient(job: tune.Job) -> Speed:
    from groundsill.lab.training import gradient

    kind, coder = machine.precision(job.work), tokens.coder(job.folder)
    ids = coder.ids(job.train.texts, job.longest)
    begin = time.perf_counter()
    blank = np.zeros((job.classes, job.shape.width))
    net = tune.start_net(job, linear.Linear(blank, np.zeros(job.classes), tune.USUAL))
    start_seconds = time.perf_counter() - begin

    def steps(most: int) -> float:
        once = replace(job.recipe, epochs=1)
        seen = gradient.train(net, ids, job.train.labels, once, pad=coder.pad, kind=kind, seed=SEED, most_steps=most)
        return seen.seconds / seen.rows

    steps(1)  # builds the kernels
    wanted = LOOK_SECONDS / max(1e-9, steps(1) * job.recipe.batch_rows)
    train_pace = steps(int(min(16, max(3, wanted))))
    pace = _pace(ids, lambda part: gradient.scores(net, part, pad=coder.pad, kind=kind, budget=budget_tokens()))
    return Speed(train_pace, pace, pace, start_seconds)
