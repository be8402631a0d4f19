"""Measuring a prompted model: a Run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groundsill.lab import tasks
from groundsill.lab.data import Prepared, Split, subset
from groundsill.lab.evaluation import Meter, Report, run_of
from groundsill.lab.evaluation.count import forward_flops, output_flops
from groundsill.lab.evaluation.record import now, test_id_of
from groundsill.lab.models import device as machine
from groundsill.lab.models import need_torch, shape_of, tokens
from groundsill.lab.prompting.layout import clip, lay_out
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape

ROWS_SEED = 0  # the same test rows for every seed and every prompt
METHODS = ("zero-shot", "few-shot")
NOTE = "answers by total log-likelihood, without prior correction"


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
    rows: int = 200,
    work: Path,
    emit: Emit = silent,
) -> Run:
    """Answer `rows` test rows (always the same ones) with a causal model and `shots` worked examples, which are the
    rows that a trained candidate of this seed would get as its first labels.

    The run stands at `{"labels": shots}`; its test_id is that of these rows, its chance their majority rate. The
    language of the prompt is that of the texts. Emits `lab.scoring`.
    Raises Problem `lab.cannot_measure`, `lab.no_model`, `lab.no_torch`, `lab.prompt_too_long`, and those of scoring.
    """
    started = now()
    if candidate.route != "prompt" or candidate.method not in METHODS:
        got = f"{candidate.route}/{candidate.method}"
        raise Problem("lab.cannot_measure", at=candidate.id, got=got, limit=", ".join(METHODS))
    if model is None:
        raise Problem("lab.no_model", at=candidate.id, got=candidate.model or "-")
    need_torch()
    emit(Event("lab.measuring", {"candidate": candidate.id, "labels": shots, "seed": seed}))
    shape = shape or shape_of(model)
    test = data.test.take(np.sort(subset(len(data.test), min(rows, len(data.test)), ROWS_SEED)))
    shown = data.pool.take(subset(len(data.pool), shots, seed))
    with Meter() as meter:
        report = _answer(candidate, task, test, shown, data.classes, model, shape, work, emit)
    measures = {**report.measures, **meter.measures()}
    return run_of(
        candidate,
        Report(report.scores, measures, report.libraries, report.note),
        test,
        data.classes,
        task=task,
        metric=metric,
        at={"labels": float(shots)},
        seed=seed,
        hardware=hardware,
        data_hash=data.card.data_hash,
        test_id=data.card.test_id if len(test) == len(data.test) else test_id_of(test, data.classes),
        started=started,
        work=work,
    )


@dataclass(frozen=True)
class Coded:
    """A prompt in token numbers."""

    shared: list[int]
    rows: tokens.Ids
    answers: tokens.Ids


def code(task: str, test: Split, shown: Split, classes: tuple[str, ...], tokenizer: Any, longest: int) -> Coded:
    """Prompt, rows and answers as token numbers; texts are cut to `longest` tokens each."""
    kind = tasks.find(task)
    language = kind.language_of(test.texts)
    prompt = kind.prompt(classes, [clip(tokenizer, t, longest) for t in shown.texts], shown.labels, language)
    layout = lay_out(prompt, classes, tokenizer)

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    rows = [ids(prompt.question(clip(tokenizer, t, longest)) + layout.tail) for t in test.texts]
    return Coded(ids(layout.shared), rows, [ids(answer) for answer in layout.answers])


def _answer(
    candidate: Candidate,
    task: str,
    test: Split,
    shown: Split,
    classes: tuple[str, ...],
    folder: Path,
    shape: Shape,
    work: Path,
    emit: Emit,
) -> Report:
    from groundsill.lab.prompting import likelihood

    coder = tokens.coder(folder)
    longest = tokens.longest_for(folder, test.texts, shape.context)
    coded = code(task, test, shown, classes, coder.tokenizer, longest)
    whole = len(coded.shared) + max(map(len, coded.rows)) + max(map(len, coded.answers))
    if whole > shape.context:
        raise Problem("lab.prompt_too_long", at=candidate.id, got=whole, limit=shape.context)
    model = likelihood.load(folder)
    judged = likelihood.judge(
        model, coded.shared, coded.rows, coded.answers, pad=coder.pad, kind=machine.precision(work), emit=emit
    )
    count = len(test)
    own = judged.row_tokens + judged.answer_tokens
    flops = forward_flops(shape, own, count, before=judged.shared_tokens)
    flops += forward_flops(shape, judged.shared_tokens, 1)
    flops += output_flops(shape, count + judged.answer_tokens)
    measures = {
        "train_seconds": 0.0,
        "encode_seconds": 0.0,
        "score_seconds": judged.seconds,
        "score_seconds_per_row": judged.seconds / count,
        "score_flops_per_row": flops / count,
        "trainable_weights": 0.0,
        "model_bytes": 4.0 * shape.weights,
    }
    return Report(judged.scores, measures, ("groundsill", "numpy", "torch", "transformers"), NOTE)
