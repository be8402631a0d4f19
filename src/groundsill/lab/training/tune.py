"""Tuning a base model on some rows: its head on kept features, then, for other methods, the weights they train.

The body is tuned from the head that logistic regression found, not from a random one: a random head sends gradients
that spoil the features before it has learnt anything (Kumar et al. 2022, arXiv 2202.10054).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groundsill import tuning
from groundsill.lab.data import Split
from groundsill.lab.evaluation.count import forward_flops, train_flops
from groundsill.lab.evaluation.record import Report
from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.models.encode import Encoded, budget_tokens, encode
from groundsill.lab.training import linear
from groundsill.lab.training.recipe import Recipe
from groundsill.terms.event import Emit
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape
from groundsill.terms.shelf import shelf

STRENGTHS = (3.0, 10.0, 30.0)
USUAL = 10.0
LIBRARIES = ("groundsill", "numpy", "scikit-learn", "torch", "transformers")
OURS = ("full", "partial", "bitfit", "adapter")  # methods without peft
ABSENT = -5.0  # start of the bias of a class without training rows: unlikely, yet within reach of the gradient
WEIGHT_BYTES = 4  # fp32


@dataclass(frozen=True, eq=False)
class Job:
    """What one tuning needs: base model folder and shape, rows, recipe, where to keep features."""

    method: str
    folder: Path
    shape: Shape
    train: Split
    test: Split
    classes: int
    recipe: Recipe
    longest: int
    seed: int
    work: Path
    emit: Emit


def methods() -> dict[str, Any]:
    """The tuning methods on the shelf, by name."""
    return shelf(tuning)


def rank_of(job: Job) -> int:
    """Size of the job's method: the recipe's, else its usual one."""
    return job.recipe.rank or int(methods()[job.method].RANK)


def virtual_tokens(method: str, recipe: Recipe) -> int:
    """Tokens of the model's context that the method takes for itself."""
    module = methods().get(method)
    return (recipe.rank or int(module.RANK)) if module is not None and getattr(module, "VIRTUAL", False) else 0


def run(job: Job) -> Report:
    """Tune and score. Raises Problem `lab.cannot_measure` for a method that is not on the shelf, and others."""
    if job.method not in methods():
        raise Problem("lab.cannot_measure", got=f"tune/{job.method}", limit=", ".join(sorted(methods())))
    machine.need_torch()
    linear.need_sklearn()
    trained = encode(job.folder, job.train.texts, job.longest, job.work, job.emit)
    head, head_seconds = _head(job, trained)
    if job.method == "head":
        return _report_head(job, trained, head, head_seconds)
    return _by_gradient(job, trained, head, head_seconds)


def _head(job: Job, trained: Encoded) -> tuple[linear.Linear, float]:
    begin = time.perf_counter()
    chosen = job.recipe.strength
    strengths, usual = ((chosen,), chosen) if chosen else (STRENGTHS, USUAL)
    found = linear.fit(trained.features, job.train.labels, job.classes, strengths=strengths, usual=usual, seed=job.seed)
    return found, time.perf_counter() - begin


def _report_head(job: Job, trained: Encoded, head: linear.Linear, train_seconds: float) -> Report:
    tested = encode(job.folder, job.test.texts, job.longest, job.work, job.emit)
    begin = time.perf_counter()
    scores = head.scores(tested.features)
    score_seconds = float(tested.seconds.sum()) + time.perf_counter() - begin
    count = float(trained.tokens.sum())
    measures = _common(job, tested.tokens.sum(), score_seconds, float(trained.seconds.sum()))
    measures |= {
        "train_seconds": train_seconds,
        "train_rows_seen": len(job.train),
        "train_tokens": count,
        "train_flops": train_flops("head", job.shape, count, len(job.train)),
    }
    return Report(scores, measures, LIBRARIES)


def _common(job: Job, test_tokens: float, score_seconds: float, encode_seconds: float) -> dict[str, float]:
    module, rows = methods()[job.method], len(job.test)
    body = methods()["full"].trainable(job.shape, classes=job.classes)
    added = module.trainable(job.shape, classes=job.classes, rank=rank_of(job))
    inside = ("full", "partial", "bitfit")  # what they train is part of the body; the others add to it
    kept = body + (added if job.method not in (*inside, "head") else 0)
    return {
        "encode_seconds": encode_seconds,
        "score_seconds": score_seconds,
        "score_seconds_per_row": score_seconds / rows,
        "score_flops_per_row": forward_flops(job.shape, float(test_tokens), rows) / rows,
        "trainable_weights": added,
        "model_bytes": WEIGHT_BYTES * kept,
    }


def start_net(job: Job, head: linear.Linear) -> Any:
    """The net with this head, made trainable by the job's method."""
    import torch

    from groundsill.lab.models.net import build

    net = build(job.folder, job.shape.width, job.classes)
    with torch.no_grad():
        bias = np.where(head.bias <= linear.ABSENT, ABSENT, head.bias)
        net.head.weight.copy_(torch.from_numpy(head.weight))
        net.head.bias.copy_(torch.from_numpy(bias))
    with machine.seeded(job.seed):
        methods()[job.method].attach(net, rank=rank_of(job))
    return net.to(machine.device())


def _by_gradient(job: Job, trained: Encoded, head: linear.Linear, head_seconds: float) -> Report:
    from groundsill.lab.training import gradient

    kind = machine.precision(job.work)
    coder = tokens.coder(job.folder)
    ids = coder.ids(job.train.texts, job.longest)
    net = start_net(job, head)
    seen = gradient.train(
        net, ids, job.train.labels, job.recipe, pad=coder.pad, kind=kind, seed=job.seed, emit=job.emit
    )
    begin = time.perf_counter()
    test_ids = coder.ids(job.test.texts, job.longest)
    scores = gradient.scores(net, test_ids, pad=coder.pad, kind=kind, budget=budget_tokens(), emit=job.emit)
    score_seconds = time.perf_counter() - begin
    measures = _common(job, sum(map(len, test_ids)), score_seconds, float(trained.seconds.sum()))
    started = forward_flops(job.shape, float(trained.tokens.sum()), len(job.train))
    measures |= {
        "train_seconds": head_seconds + seen.seconds,
        "train_rows_seen": seen.rows,
        "train_tokens": seen.tokens,
        "train_flops": started + train_flops(job.method, job.shape, seen.tokens, seen.rows),
    }
    return Report(scores, measures, (*LIBRARIES, "peft") if job.method not in (*OURS, "head") else LIBRARIES)
