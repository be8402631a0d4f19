"""Measuring a prompted model: a Run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from groundsill.lab import tasks
from groundsill.lab.data import Prepared, subset
from groundsill.lab.evaluation import Meter, Report, run_of
from groundsill.lab.evaluation.count import forward_flops, output_flops
from groundsill.lab.evaluation.record import now
from groundsill.lab.models import need_torch, shape_of
from groundsill.lab.prompting import choose, writing
from groundsill.lab.prompting.ask import Local
from groundsill.lab.prompting.rows import test_rows_of
from groundsill.lab.prompting.setting import Setting, setting_of
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape
from groundsill.terms.whole_file import write_whole

METHODS = ("zero-shot", "few-shot")
NOTE = "answers by total log-likelihood, without prior correction"
FOLDER = "prompts"
FORMS = ("class", "pair")  # rows whose answer is one of a few
LIBRARIES = ("groundsill", "numpy", "torch", "transformers")


def checked(candidate: Candidate, shots: int, data: Prepared) -> Setting:
    """The settings of a prompt candidate. Raises Problem `lab.cannot_measure`, and those of `setting_of`."""
    if candidate.route != "prompt" or candidate.method not in METHODS:
        got = f"{candidate.route}/{candidate.method}"
        raise Problem("lab.cannot_measure", at=candidate.id, got=got, limit=", ".join(METHODS))
    if data.test.form not in FORMS:
        got = f"{candidate.route}/{candidate.method}, {data.test.form}"
        raise Problem("lab.cannot_measure", at=candidate.id, got=got, limit=", ".join(FORMS))
    return setting_of(candidate, shots)


def rows_to_settle(candidate: Candidate, shots: int) -> float:
    """About how many rows' time a candidate takes before its test rows, a row with `shots` examples being one. Raises as
    `setting_of`."""
    return choose.rows_to_settle(setting_of(candidate, shots)) / (1 + choose.LOOK_BACK * shots)


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

    The candidate's recipe says more (`setting.Setting`): with `labels = n` the prompt is chosen by the first n labelled rows
    of this seed, none of them a test row. The run stands at `{"labels": n}`, all labelled rows that were used; its test_id is
    that of these rows, its chance their majority rate. The language of the prompt is that of the texts. The settled prompt
    is kept under `work/prompts/<run id>.json`. Emits `lab.scoring`.
    Raises Problem `lab.cannot_measure`, `lab.no_model`, `lab.no_torch`, `lab.prompt_too_long`, `prompting.*`, and those of
    scoring.
    """
    if data.test.form == "target" and candidate.route == "prompt" and candidate.method in METHODS:
        return writing.measure(
            candidate, data, task=task, metric=metric, shots=shots, seed=seed, model=model, shape=shape, hardware=hardware,
            rows=rows, work=work, emit=emit,
        )  # fmt: skip
    started, setting = now(), checked(candidate, shots, data)
    if model is None:
        raise Problem("lab.no_model", at=candidate.id, got=candidate.model or "-")
    need_torch()
    labels = setting.labels or setting.shots or 0
    emit(Event("lab.measuring", {"candidate": candidate.id, "labels": labels, "seed": seed}))
    shape = shape or shape_of(model)
    test, test_id = test_rows_of(data, rows)
    own = data.pool.take(subset(len(data.pool), setting.labels, seed))
    with Meter() as meter:
        ask = Local(
            model, data.classes, task=task, texts=test.texts, context=shape.context, work=work, at=candidate.id, emit=emit
        )  # fmt: skip
        fitted = choose.fit(ask, data.pool, data.classes, metric or tasks.find(task).METRIC, setting, seed, own)
        chosen = {"train_seconds": ask.seconds, "train_flops": _flops(shape, ask)}
        ask.forget()
        scores = choose.apply(ask, fitted, test.texts)
    measures = {**(chosen if chosen["train_seconds"] else {"train_seconds": 0.0}), **_measures(shape, ask, len(test))}
    report = Report(scores, {**measures, **meter.measures()}, LIBRARIES, _note(fitted))
    run = run_of(
        candidate, report, test, data.classes, task=task, metric=metric, at={"labels": float(fitted.labels)}, seed=seed,
        hardware=hardware, data_hash=data.card.data_hash, test_id=test_id, started=started, work=work,
    )  # fmt: skip
    keep(work, run.id, {"candidate": candidate.id, "language": ask.language, **fitted.record(data.classes)})
    return run


def keep(work: Path, run_id: str, record: dict[str, Any]) -> Path:
    """Write a settled prompt as JSON. Raises Problem `lab.no_room`."""
    path = work / FOLDER / f"{run_id}.json"
    try:
        write_whole(path, json.dumps(record, ensure_ascii=False, indent=1).encode())
    except OSError as e:
        raise Problem("lab.no_room", at=str(path), got=e.strerror or str(e), exit=Exit.NO_ROOM) from e
    return path


def _note(fitted: choose.Fitted) -> str:
    if fitted.setting == Setting(shots=fitted.setting.shots):
        return NOTE
    words = f", words {' '.join(fitted.words)}" if fitted.words else ""
    if not fitted.held_out:
        return fitted.setting.text() + words
    won = max(
        t.value for t in fitted.tried if (t.shots, t.calibration) == (fitted.setting.shots, fitted.setting.calibration)
    )
    by = f"; chosen on {fitted.held_out} of {fitted.labels} labelled rows, {won:.3f} there (largest class {fitted.chance:.3f})"
    return fitted.setting.text() + words + by


def _flops(shape: Shape, ask: Local) -> float:
    total = 0.0
    for tokens, rows, shared in ask.passes:
        total += forward_flops(shape, tokens, rows, before=shared) + forward_flops(shape, shared, 1)
    return total + output_flops(shape, ask.rows + ask.answer_tokens)


def _measures(shape: Shape, ask: Local, rows: int) -> dict[str, float]:
    return {
        "encode_seconds": 0.0,
        "score_seconds": ask.seconds,
        "score_seconds_per_row": ask.seconds / rows,
        "score_flops_per_row": _flops(shape, ask) / rows,
        "trainable_weights": 0.0,
        "model_bytes": 4.0 * shape.weights,
    }
