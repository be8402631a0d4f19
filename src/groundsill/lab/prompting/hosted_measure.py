"""Measuring a hosted model: a Run like any other, from the words that it answers with."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from groundsill.lab import tasks
from groundsill.lab.data import Prepared, Split, subset
from groundsill.lab.evaluation import Meter, Report, run_of
from groundsill.lab.evaluation.record import now
from groundsill.lab.prompting import examples
from groundsill.lab.prompting.hosted import Answer, Client, Turn
from groundsill.lab.prompting.measure import METHODS, checked
from groundsill.lab.prompting.rows import test_rows_of
from groundsill.lab.prompting.setting import Setting
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run

PREFIX = "hosted/"
SPARE_TOKENS = 8  # for a quotation mark, a full stop or a line break around the answer
TRIED_ROWS = 32  # asked between two events


def measure_hosted(
    candidate: Candidate,
    data: Prepared,
    client: Client,
    *,
    task: str,
    metric: str,
    shots: int,
    seed: int,
    hardware: str,
    rows: int = 200,
    work: Path,
    emit: Emit = silent,
) -> Run:
    """Answer the test rows of `measure` with a hosted model. An answer counts if it is one of the classes, whatever its case
    and the marks around it; any other is wrong. Such a model shows no probabilities, so nothing is calibrated.

    Raises Problem `lab.cannot_measure`, `prompting.not_hosted`, and those of `Client.ask`: what was answered until then is in
    its cache and is not paid twice.
    """
    started = now()
    setting = checked(candidate, shots, data)
    if not candidate.model.startswith(PREFIX):
        raise Problem("lab.cannot_measure", at=candidate.id, got=candidate.id, limit=", ".join(METHODS))
    if setting.open or setting.calibration != "none" or setting.choice == "nearest" or setting.orders > 1:
        raise Problem("prompting.not_hosted", at=candidate.id, got=setting.text(), limit="template, shots, choice")
    test, test_id = test_rows_of(data, rows)
    chats = _chats(data, test, task, setting, seed)
    words = setting.given_words(data.classes) or data.classes
    most = max(len(word.encode()) for word in words) + SPARE_TOKENS
    answers: list[Answer] = []
    begin = time.perf_counter()
    with Meter() as meter:
        for start in range(0, len(chats), TRIED_ROWS):
            answers += client.ask_all(chats[start : start + TRIED_ROWS], most)
            left = (time.perf_counter() - begin) * (len(chats) / len(answers) - 1)
            emit(Event("lab.scoring", {"done": len(answers), "total": len(chats), "remaining_seconds": left}))
    said = np.array([understood(a.text, words) for a in answers])
    report = Report(
        np.eye(len(data.classes) + 1)[np.where(said < 0, len(data.classes), said)],  # last column: no answer
        {"train_seconds": 0.0, "score_seconds": meter.seconds, "score_seconds_per_row": meter.seconds / len(test)}
        | meter.measures(),
        ("groundsill", "numpy"),
        _note(setting, answers, said),
        graded=False,
    )
    return run_of(
        candidate, report, test, data.classes, task=task, metric=metric, at={"labels": float(setting.shots or 0)}, seed=seed,
        hardware=hardware, data_hash=data.card.data_hash, test_id=test_id, started=started, work=work,
    )  # fmt: skip


def _chats(data: Prepared, test: Split, task: str, setting: Setting, seed: int) -> list[list[Turn]]:
    kind = tasks.find(task)
    n = setting.shots or 0
    pick = (
        examples.balanced(data.pool.labels, n, seed)
        if setting.choice == "balanced"
        else subset(len(data.pool), n, seed)
    )
    shown = data.pool.take(pick)
    language = str(kind.language_of(test.texts))
    words = setting.given_words(data.classes) or data.classes
    prompt = kind.prompt(words, shown.texts, shown.labels, language, setting.template)
    turns: list[Turn] = [{"role": "system", "content": prompt.task}]
    for question, answer in prompt.examples:
        turns += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return [[*turns, {"role": "user", "content": prompt.question(text)}] for text in test.texts]


def understood(text: str, words: Sequence[str]) -> int:
    """Number of the class that an answer names, -1 for none: the whole answer, or else its first line, without the marks
    around it; case and width of the letters do not matter."""
    known = {_bare(word): i for i, word in enumerate(words)}
    lines = [text, *text.strip().splitlines()[:1]]
    return next((known[_bare(line)] for line in lines if _bare(line) in known), -1)


def _bare(text: str) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    start, end = 0, len(folded)
    while start < end and not folded[start].isalnum():
        start += 1
    while end > start and not folded[end - 1].isalnum():
        end -= 1
    return folded[start:end] or folded


def _note(setting: Setting, answers: Sequence[Answer], said: npt.NDArray[np.int64]) -> str:
    read, written = sum(a.tokens_in for a in answers), sum(a.tokens_out for a in answers)
    kept = sum(a.cached for a in answers)
    return (
        f"{setting.text()}; {read} tokens read and {written} written, cost {sum(a.cost for a in answers):g}; "
        f"{kept} answers from the cache; {int((said < 0).sum())} answers name no class"
    )
