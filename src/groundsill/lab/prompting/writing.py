"""Measuring a prompted model that writes its answers: with no or a few worked examples, always the most probable token."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from groundsill.lab import tasks
from groundsill.lab.data import Prepared, Split, subset
from groundsill.lab.evaluation import Meter, Report, run_of
from groundsill.lab.evaluation.count import forward_flops, output_flops
from groundsill.lab.evaluation.record import now
from groundsill.lab.models import device as machine
from groundsill.lab.models import need_torch, shape_of, tokens
from groundsill.lab.prompting.rows import test_rows_of
from groundsill.lab.tasks._shared import laid_out, readable
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape

LOOK_ANSWERS = 200  # of the pool, whose lengths say how long an answer may be


def measure(
    candidate: Candidate,
    data: Prepared,
    *,
    task: str,
    metric: str,
    shots: int,
    seed: int,
    model: Path | None,
    shape: Shape | None,
    hardware: str,
    rows: int,
    work: Path,
    emit: Emit,
) -> Run:
    """As `prompting.measure`, for texts to write. Answers are cut at the length of the longest of 200 right answers of the
    pool; more is not shown to the model. Raises Problem `lab.no_model`, `lab.no_torch`, `lab.prompt_too_long`,
    `lab.cannot_write`, `lab.no_end`, and those of scoring."""
    started = now()
    if model is None:
        raise Problem("lab.no_model", at=candidate.id, got=candidate.model or "-")
    need_torch()
    emit(Event("lab.measuring", {"candidate": candidate.id, "labels": shots, "seed": seed}))
    shape = shape or shape_of(model)
    test, test_id = test_rows_of(data, rows)
    shown = data.pool.take(subset(len(data.pool), shots, seed))
    with Meter() as meter:
        report = _answered(candidate, task, test, shown, data.pool, model, shape, work, emit)
    return run_of(
        candidate, Report(report.scores, {**report.measures, **meter.measures()}, report.libraries, report.note, report.written),
        test, (), task=task, metric=metric, at={"labels": float(shots)}, seed=seed, hardware=hardware,
        data_hash=data.card.data_hash,
        test_id=test_id, started=started, work=work,
    )  # fmt: skip


def _answered(
    candidate: Candidate,
    task: str,
    test: Split,
    shown: Split,
    pool: Split,
    folder: Path,
    shape: Shape,
    work: Path,
    emit: Emit,
) -> Report:
    from groundsill.lab.models.encode import budget_tokens
    from groundsill.lab.models.net import build_writer
    from groundsill.lab.models.write import write

    kind, coder = tasks.find(task), tokens.coder(folder)
    asked = kind.prompt(shown, kind.language_of(test.texts))
    layout = laid_out(asked, coder.tokenizer, kind.language_of(pool.targets))
    most = max(len(layout.answer(text, tokens.LONGEST)) for text in pool.targets[:LOOK_ANSWERS])
    rows = [layout.question(text, tokens.LONGEST) for text in test.texts]
    whole = max(map(len, rows)) + most
    if whole > shape.context:
        raise Problem("lab.prompt_too_long", at=candidate.id, got=whole, limit=shape.context)
    made = write(
        build_writer(folder), rows, pad=coder.pad, ends=frozenset({layout.end}), most=most,
        kind=machine.precision(work), budget=budget_tokens(), emit=emit,
    )  # fmt: skip
    count = len(test)
    flops = forward_flops(shape, made.read_tokens + made.steps, count) + output_flops(shape, made.steps)
    measures = {
        "train_seconds": 0.0,
        "encode_seconds": 0.0,
        "score_seconds": made.seconds,
        "score_seconds_per_row": made.seconds / count,
        "score_flops_per_row": flops / count,
        "trainable_weights": 0.0,
        "model_bytes": 4.0 * shape.weights,
    }
    libraries = ("groundsill", "numpy", "torch", "transformers")
    note = f"written, the most probable token each time, at most {most} tokens"
    return Report(np.zeros((0, 0)), measures, libraries, note, readable(coder.tokenizer, made.answers))
