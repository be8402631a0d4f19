"""Texts, or pairs of texts, with a class: the head is fitted on features that are kept on disk.

The body is tuned from the head that logistic regression found, not from a random one: a random head sends gradients
that spoil the features before it has learnt anything (Kumar et al. 2022, arXiv 2202.10054).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.data import Split
from groundsill.lab.evaluation.count import train_flops
from groundsill.lab.evaluation.record import Report
from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.models.encode import Encoded, budget_tokens, encode
from groundsill.lab.training import linear
from groundsill.lab.training.job import Job, check_tokens, measures
from groundsill.lab.training.kits import Answered, Started
from groundsill.terms.event import Event

STRENGTHS = (3.0, 10.0, 30.0)
USUAL = 10.0
LIBRARIES = ("groundsill", "numpy", "scikit-learn", "torch", "transformers")
ABSENT = -5.0  # start of the bias of a class without training rows: unlikely, yet within reach of the gradient


def longest(folder: Path, rows: Split, context: int) -> int:
    """Where to cut: tokens that hold 95 % of the texts whole."""
    return tokens.longest_for(folder, rows.firsts + rows.seconds or rows.texts, context)


def encoded(job: Job, rows: Split) -> Encoded:
    """Features of the rows by the frozen body; of a pair, of both texts, with their distance and their product."""
    if not rows.seconds:
        return encode(job.folder, rows.texts, job.longest, job.work, job.emit)
    both = encode(job.folder, rows.firsts + rows.seconds, job.longest, job.work, job.emit)
    n = len(rows)
    u, v = both.features[:n], both.features[n:]
    joined = np.concatenate((u, v, np.abs(u - v), u * v), axis=1)
    return Encoded(joined, both.seconds[:n] + both.seconds[n:], both.tokens[:n] + both.tokens[n:], both.fresh_rows)


def fitted(job: Job, features: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> linear.Linear:
    """Logistic regression on features, its strength that of the recipe or chosen."""
    chosen = job.recipe.strength
    strengths, usual = ((chosen,), chosen) if chosen else (STRENGTHS, USUAL)
    return linear.fit(features, labels, job.classes, strengths=strengths, usual=usual, seed=job.seed)


def head(job: Job) -> Report:
    """The head alone, on frozen features."""
    trained = encoded(job, job.train)
    begin = time.perf_counter()
    found = fitted(job, trained.features, job.train.labels)
    train_seconds = time.perf_counter() - begin
    tested = encoded(job, job.test)
    begin = time.perf_counter()
    scores = found.scores(tested.features)
    score_seconds = float(tested.seconds.sum()) + time.perf_counter() - begin
    count = float(trained.tokens.sum())
    told = measures(job, tested.tokens.sum(), score_seconds, float(trained.seconds.sum()))
    told |= {
        "train_seconds": train_seconds,
        "train_rows_seen": len(job.train),
        "train_tokens": count,
        "train_flops": train_flops("head", job.shape, count, len(job.train)),
    }
    return Report(scores, told, LIBRARIES)


def start(job: Job) -> Started:
    """The net with the head that logistic regression found, made trainable by the job's method."""
    trained = encoded(job, job.train)
    begin = time.perf_counter()
    found = fitted(job, trained.features, job.train.labels)
    seconds = time.perf_counter() - begin
    started = _started(job, found)
    return Started(started.net, started.objective, float(trained.seconds.sum()), seconds, float(trained.tokens.sum()))


def blank(job: Job) -> Started:
    """With a head at zero."""
    weight = np.zeros((job.classes, job.parts * job.shape.width))
    return _started(job, linear.Linear(weight, np.zeros(job.classes), USUAL))


def _started(job: Job, found: linear.Linear) -> Started:
    from groundsill.lab.models.net import build, build_pairs
    from groundsill.lab.objectives._shared import even_weights
    from groundsill.lab.objectives.classification import Classification

    coder, rows = tokens.coder(job.folder), job.train
    net = with_head((build_pairs if rows.seconds else build)(job.folder, job.shape.width, job.classes), job, found)
    ids = coder.ids(rows.firsts or rows.texts, job.longest)
    check_tokens(job, ids)
    objective = Classification(
        ids, rows.labels, job.classes, coder.pad,
        seconds=coder.ids(rows.seconds, job.longest) if rows.seconds else None,
        label_smoothing=job.settings.smoothing,
        class_weights=even_weights(rows.labels, job.classes) if job.settings.balanced else None,
    )  # fmt: skip
    return Started(net, objective)


def with_head(net: Any, job: Job, found: linear.Linear) -> Any:
    """The net with this head, made trainable by the job's method, on the device."""
    import torch

    with torch.no_grad():
        bias = np.where(found.bias <= linear.ABSENT, ABSENT, found.bias)
        net.head.weight.copy_(torch.from_numpy(found.weight))
        net.head.bias.copy_(torch.from_numpy(bias))
    with machine.seeded(job.seed):
        job.module.attach(net, rank=job.rank)
    return net.to(machine.device())


def answer(job: Job, net: Any) -> Answered:
    """Scores of the test rows."""
    begin = time.perf_counter()
    coder, rows = tokens.coder(job.folder), job.test
    ids = coder.ids(rows.firsts or rows.texts, job.longest)
    seconds = coder.ids(rows.seconds, job.longest) if rows.seconds else None
    lengths = np.array([len(row) for row in ids])
    if seconds is not None:
        lengths = lengths + np.array([len(row) for row in seconds])
    out = np.zeros((len(ids), job.classes), dtype=np.float32)

    def each(some: npt.NDArray[np.int64]) -> None:
        given = [_tensors([ids[i] for i in some], coder.pad)]
        if seconds is not None:
            given.append(_tensors([seconds[i] for i in some], coder.pad))
        out[some] = net(*(tensor for pair in given for tensor in pair)).float().cpu().numpy()

    through(job, net, lengths, each)
    return Answered(out, float(lengths.sum()), time.perf_counter() - begin)


def _tensors(ids: tokens.Ids, pad: int) -> Sequence[Any]:
    from groundsill.lab.models.net import to_device

    return to_device(*tokens.padded(ids, pad))


def through(job: Job, net: Any, lengths: npt.NDArray[np.int64], each: Callable[[npt.NDArray[np.int64]], None]) -> None:
    """`each` batch of rows of these lengths through the net, without gradients; tells how far it is."""
    import torch

    done, begin = 0, time.perf_counter()
    told = begin
    net.eval()
    with torch.inference_mode(), machine.autocast(job.kind):
        for some in tokens.batches(lengths, budget_tokens()):
            each(some)
            done += int(lengths[some].sum())
            now = time.perf_counter()
            if now - told >= 1:
                told, left = now, (now - begin) * (lengths.sum() / done - 1)
                job.emit(Event("lab.scoring", {"done": done, "total": int(lengths.sum()), "remaining_seconds": left}))
