"""Words with a tag each: the head is fitted on the frozen states of the words' first tokens, which are kept in memory."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.data import Split
from groundsill.lab.evaluation.count import train_flops
from groundsill.lab.evaluation.record import Report
from groundsill.lab.models import tokens
from groundsill.lab.models.words import OUTSIDE, CodedWords, code_words
from groundsill.lab.training import linear
from groundsill.lab.training.job import Job, check_tokens, measures
from groundsill.lab.training.kits import Answered, Started
from groundsill.lab.training.kits.classes import LIBRARIES, through, with_head

USUAL = 100.0  # inverse of the penalty; words are many, and features of length 1 want large weights
CUT = 1e4  # score of the usual tag at a word that was cut off


def longest(folder: Path, rows: Split, context: int) -> int:
    """Where to cut: tokens that hold 95 % of the rows whole."""
    some = rows.words[: tokens.LOOK_ROWS]
    lengths = [len(row) for row in code_words(tokens.coder(folder), some, 2 * tokens.LONGEST).ids]
    return min(tokens.covering(lengths), context)


@lru_cache(maxsize=1)
def _kept(folder: Path, longest: int, kind: str) -> dict[tuple[str, ...], tuple[Any, float, int]]:
    """Row -> states of its words `(words there, width)`, fp16 (half of the room, and no less right after 8 bits of bf16);
    seconds; tokens. Of one model and one cut at a time."""
    return {}


def _states(job: Job, rows: Split) -> tuple[list[npt.NDArray[np.float16]], float, float]:
    """States of the words that were not cut off, row by row; seconds that they took, also if earlier; tokens."""
    from groundsill.lab.models.net import build_tagger, to_device

    kept = _kept(job.folder, job.longest, job.kind)
    missing = list(dict.fromkeys(row for row in rows.words if row not in kept))
    if missing:
        coder = tokens.coder(job.folder)
        coded = code_words(coder, missing, job.longest)
        check_tokens(job, coded.ids)
        net = build_tagger(job.folder, job.shape.width, 1)
        lengths = np.array([len(row) for row in coded.ids])

        def each(some: npt.NDArray[np.int64]) -> None:
            begin = time.perf_counter()
            out = net.states(*to_device(*tokens.padded([coded.ids[i] for i in some], coder.pad))).cpu().numpy()
            pace = (time.perf_counter() - begin) / int(lengths[some].sum())
            for i, states in zip(some, out, strict=True):
                places = [place for place in coded.firsts[i] if place != OUTSIDE]
                found = states[places].astype(np.float16)
                kept[missing[i]] = found, pace * float(lengths[i]), int(lengths[i])

        through(job, net, lengths, each)
    found = [kept[row] for row in rows.words]
    return [f[0] for f in found], sum(f[1] for f in found), float(sum(f[2] for f in found))


def fitted(job: Job, features: npt.NDArray[np.float32], labels: npt.NDArray[np.int32]) -> linear.Linear:
    """Logistic regression on states of words."""
    strength = job.recipe.strength or USUAL
    return linear.fit(features, labels, job.classes, strengths=(strength,), usual=strength, seed=job.seed)


def _fitted(job: Job) -> tuple[linear.Linear, float, float, float]:
    """The head, seconds of fitting it, seconds and tokens of the frozen pass."""
    states, encode_seconds, count = _states(job, job.train)
    begin = time.perf_counter()
    labels = [job.train.labels[a : a + len(s)] for a, s in zip(job.train.starts, states, strict=False)]
    x = np.concatenate(states).astype(np.float32)
    found = fitted(job, x, np.concatenate(labels))
    return found, time.perf_counter() - begin, encode_seconds, count


def head(job: Job) -> Report:
    """The head alone, on frozen states."""
    found, train_seconds, encode_seconds, count = _fitted(job)
    states, seconds, test_tokens = _states(job, job.test)
    begin = time.perf_counter()
    scores = np.zeros((len(job.test.labels), job.classes), dtype=np.float32)
    scores[:, _usual_tag(job)] = CUT
    for a, row in zip(job.test.starts, states, strict=False):
        scores[a : a + len(row)] = found.scores(row.astype(np.float32))
    told = measures(job, test_tokens, seconds + time.perf_counter() - begin, encode_seconds)
    told |= {
        "train_seconds": train_seconds,
        "train_rows_seen": len(job.train),
        "train_tokens": count,
        "train_flops": train_flops("head", job.shape, count, len(job.train)),
    }
    cut = len(job.test.labels) - sum(map(len, states))
    return Report(scores, told, LIBRARIES, _note(cut, len(job.test.labels)))


def start(job: Job) -> Started:
    """The net with the head that logistic regression found, made trainable by the job's method."""
    found, seconds, encode_seconds, count = _fitted(job)
    started = _started(job, found)
    return Started(started.net, started.objective, encode_seconds, seconds, count)


def blank(job: Job) -> Started:
    """With a head at zero."""
    zeros = np.zeros((job.classes, job.shape.width))
    return _started(job, linear.Linear(zeros, np.zeros(job.classes), USUAL))


def _started(job: Job, found: linear.Linear) -> Started:
    from groundsill.lab.models.net import build_tagger
    from groundsill.lab.objectives._shared import even_weights
    from groundsill.lab.objectives.token_classification import TokenClassification

    coder, rows = tokens.coder(job.folder), job.train
    coded = code_words(coder, rows.words, job.longest)
    check_tokens(job, coded.ids)
    objective = TokenClassification(
        coded, rows.labels, job.classes, coder.pad, label_smoothing=job.settings.smoothing,
        class_weights=even_weights(rows.labels, job.classes) if job.settings.balanced else None,
    )  # fmt: skip
    return Started(with_head(build_tagger(job.folder, job.shape.width, job.classes), job, found), objective)


def answer(job: Job, net: Any) -> Answered:
    """Scores of the tags of every word, row after row; a word that was cut off gets the usual tag."""
    from groundsill.lab.models.net import to_device

    begin = time.perf_counter()
    coder = tokens.coder(job.folder)
    coded: CodedWords = code_words(coder, job.test.words, job.longest)
    lengths = np.array([len(row) for row in coded.ids])
    out = np.zeros((len(job.test.labels), job.classes), dtype=np.float32)
    out[:, _usual_tag(job)] = CUT
    cut = 0

    def each(some: npt.NDArray[np.int64]) -> None:
        nonlocal cut
        told = net(*to_device(*tokens.padded([coded.ids[i] for i in some], coder.pad))).float().cpu().numpy()
        for i, scores in zip(some, told, strict=True):
            firsts = np.array(coded.firsts[i], dtype=np.int64)
            there = np.flatnonzero(firsts != OUTSIDE)
            out[job.test.starts[i] + there] = scores[firsts[there]]
            cut += len(firsts) - len(there)

    through(job, net, lengths, each)
    note = _note(cut, len(out))
    return Answered(out, float(lengths.sum()), time.perf_counter() - begin, note=note)


def _usual_tag(job: Job) -> int:
    return int(np.bincount(job.train.labels).argmax())


def _note(cut: int, words: int) -> str:
    return f"{cut} of {words} words were cut off and got the usual tag" if cut else ""
