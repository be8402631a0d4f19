"""Tuning a base model on some rows: its head on frozen features, then, for other methods, the weights they train."""

from __future__ import annotations

from groundsill.lab.evaluation.count import forward_flops, output_flops, train_flops
from groundsill.lab.evaluation.record import Report
from groundsill.lab.models import device as machine
from groundsill.lab.training import linear
from groundsill.lab.training.job import Job, measures, methods, virtual_tokens
from groundsill.lab.training.kits import Started, kit_of
from groundsill.lab.training.kits.classes import LIBRARIES
from groundsill.terms.problem import Problem

__all__ = ["Job", "methods", "run", "virtual_tokens"]
OURS = ("full", "head", "partial", "bitfit", "adapter")  # methods without peft


def run(job: Job) -> Report:
    """Tune and score. Raises Problem `lab.cannot_measure` for a method that is not on the shelf, and others."""
    if job.method not in methods():
        raise Problem("lab.cannot_measure", got=f"tune/{job.method}", limit=", ".join(sorted(methods())))
    machine.need_torch()
    linear.need_sklearn()
    kit = kit_of(job.train.form)
    if job.method == "head" and hasattr(kit, "head"):
        report: Report = kit.head(job)
        return report
    return _by_gradient(job)


def _by_gradient(job: Job) -> Report:
    from groundsill.lab.training import loop

    kit = kit_of(job.train.form)
    started = kit.start(job)
    seen = loop.train(
        started.net, started.objective, job.recipe, job.settings, kind=job.kind, seed=job.seed, emit=job.emit,
        head_alone=job.method == "head",
    )  # fmt: skip
    answered = kit.answer(job, started.net)
    told = measures(job, answered.tokens, answered.seconds, started.encode_seconds)
    told["score_flops_per_row"] += output_flops(job.shape, answered.places) / len(job.test)
    before = forward_flops(job.shape, started.tokens, len(job.train)) if started.tokens else 0.0
    told |= {
        "train_seconds": started.head_seconds + seen.seconds,
        "train_rows_seen": seen.rows,
        "train_tokens": seen.tokens,
        "train_flops": before
        + train_flops(job.method, job.shape, seen.tokens, seen.rows)
        + _output_flops(job, started),
    }
    libraries = LIBRARIES if job.method in OURS else (*LIBRARIES, "peft")
    return Report(answered.scores, told, libraries, answered.note, answered.written)


def _output_flops(job: Job, started: Started) -> float:
    """Of the matrix over the vocabulary of a net that writes: forward, the gradient of its input, and its own gradient
    where it trains."""
    passes = 3 if job.method in ("full", "head") else 2
    return passes * output_flops(job.shape, started.places * job.recipe.epochs)
