"""Texts to write: question and answer stand one after the other, and only the answer is learnt."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from groundsill.lab import tasks
from groundsill.lab.data import Split
from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.models.encode import budget_tokens
from groundsill.lab.tasks._shared import LEAST_TEXT, Coding, laid_out, readable
from groundsill.lab.training.job import Job, check_tokens
from groundsill.lab.training.kits import Answered, Started

ANSWER_SHARE = 0.5  # of the tokens of a row, that its answer may take


def coding(folder: Path, task: str, rows: Split) -> Coding:
    """The layout for these rows: the task's prompt without examples, in the language of the texts."""
    kind = tasks.find(task)
    asked = kind.prompt(rows.take(np.zeros(0, dtype=np.int64)), kind.language_of(rows.texts))
    return laid_out(asked, tokens.coder(folder).tokenizer, kind.language_of(rows.targets))


def longest(folder: Path, rows: Split, context: int, task: str = "text-generation") -> int:
    """Where to cut: tokens that hold 95 % of the rows whole, prompt and answer together."""
    layout, some = coding(folder, task, rows), slice(0, tokens.LOOK_ROWS)
    pairs = zip(rows.texts[some], rows.targets[some], strict=True)
    most = 2 * tokens.LONGEST
    lengths = [len(layout.question(text, most)) + len(layout.answer(answer, most)) for text, answer in pairs]
    return min(max(tokens.covering(lengths), layout.overhead + 2 * LEAST_TEXT), context)


def _most(job: Job, layout: Coding) -> int:
    """Tokens that an answer may have: those of the longest one that is learnt from, within its share of a row."""
    longest_answer = max(len(layout.answer(text, job.longest)) for text in job.train.targets)
    return max(1, min(longest_answer, int(ANSWER_SHARE * job.longest)))


def start(job: Job) -> Started:
    """The causal model, made trainable by the job's method. Its own output matrix answers: no head is fitted."""
    from groundsill.lab.models.net import build_writer
    from groundsill.lab.objectives.language_modelling import LanguageModelling

    layout = coding(job.folder, job.task, job.train)
    most = _most(job, layout)
    questions, ids = list[int](), tokens.Ids()
    for text, right in zip(job.train.texts, job.train.targets, strict=True):
        answer = layout.answer(right, most)
        question = layout.question(text, job.longest - layout.overhead - len(answer))
        questions.append(len(question))
        ids.append(question + answer)
    check_tokens(job, ids)
    net = build_writer(job.folder)
    with machine.seeded(job.seed):
        job.module.attach(net, rank=job.rank)
    pad = tokens.coder(job.folder).pad
    objective = LanguageModelling(ids, questions, pad, label_smoothing=job.settings.smoothing)
    places = sum(len(row) for row in ids) - sum(questions)
    return Started(net.to(machine.device()), objective, places=float(places))


blank = start


def answer(job: Job, net: Any) -> Answered:
    """The texts that the net writes to the test rows, always the most probable token."""
    from groundsill.lab.models.write import write

    layout = coding(job.folder, job.task, job.train)
    most, coder = _most(job, layout), tokens.coder(job.folder)
    begin = time.perf_counter()
    asked = [layout.question(text, job.longest - layout.overhead - most) for text in job.test.texts]
    check_tokens(job, asked)
    made = write(
        net, asked, pad=coder.pad, ends=frozenset({layout.end}), most=most, kind=job.kind,
        budget=budget_tokens(), emit=job.emit,
    )  # fmt: skip
    texts = readable(coder.tokenizer, made.answers)
    seconds = time.perf_counter() - begin
    return Answered(np.zeros((0, 0)), made.read_tokens + made.steps, seconds, texts, made.steps, f"most {most} tokens")
