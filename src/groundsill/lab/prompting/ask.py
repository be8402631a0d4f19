"""Asking a causal model on this machine. Needs torch when called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from groundsill.lab import tasks
from groundsill.lab.data import Split
from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.prompting.layout import clip, lay_out
from groundsill.lab.prompting.words import own_words, token_names
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array


@dataclass(frozen=True)
class Coded:
    """A prompt in token numbers."""

    shared: list[int]
    rows: tokens.Ids
    answers: tokens.Ids


@dataclass(frozen=True)
class Wording:
    """How a prompt is written: task kind, language, template, what the classes are called, and the longest text."""

    task: str
    language: str
    template: str
    words: tuple[str, ...]
    longest: int


def code(texts: Sequence[str], shown: Sequence[Split], wording: Wording, tokenizer: Any) -> Coded:
    """Prompt, rows and answers as token numbers. shown: examples of all rows (one split) or of each row; what all rows have
    in common stands in `shared`. Raises Problem `prompting.answers_alike`."""
    kind = tasks.find(wording.task)

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def cut(text: str) -> str:
        return clip(tokenizer, text, wording.longest)

    heads: list[list[int]] = []
    for few in shown:
        prompt = kind.prompt(
            wording.words, [cut(t) for t in few.texts], few.labels, wording.language, wording.template
        )  # fmt: skip
        layout = lay_out(prompt, wording.words, tokenizer)
        heads.append(ids(layout.shared))
    rows = [ids(prompt.question(cut(t)) + layout.tail) for t in texts]
    common = heads[0]
    if len(heads) > 1:
        size = next((i for i, t in enumerate(zip(*heads, strict=False)) if len(set(t)) > 1), min(map(len, heads)))
        common = common[:size]
        rows = [head[size:] + row for head, row in zip(heads, rows, strict=True)]
    answers = [ids(answer) for answer in layout.answers]
    if len({tuple(a) for a in answers}) < len(answers) or not all(answers):
        raise Problem("prompting.answers_alike", got=", ".join(wording.words))
    return Coded(common, rows, answers)


class Local:
    """An `Ask` by a model folder. It counts what it read: `row_tokens`, `answer_tokens`, `shared_tokens`, `rows`,
    `seconds`, each a total."""

    def __init__(
        self,
        folder: Path,
        classes: tuple[str, ...],
        *,
        task: str,
        texts: Sequence[str],
        context: int,
        work: Path,
        at: str,
        emit: Emit = silent,
    ) -> None:
        from groundsill.lab.prompting import likelihood

        self.classes, self.task, self.context, self.at, self.emit = classes, task, context, at, emit
        self.coder = tokens.coder(folder)
        self.longest = tokens.longest_for(folder, texts, context)
        self.language = str(tasks.find(task).language_of(texts))
        self.kind = machine.precision(work)
        self.model = likelihood.load(folder)
        self.likelihood = likelihood
        self.forget()

    def forget(self) -> None:
        """Start the counts anew."""
        self.row_tokens = self.answer_tokens = self.shared_tokens = self.rows = 0
        self.seconds = 0.0
        self.passes: list[tuple[int, int, int]] = []

    def templates(self) -> tuple[str, ...]:
        """Names of the wordings of this task in this language."""
        return tuple(tasks.wordings(self.task, self.language))

    def _code(self, texts: Sequence[str], shown: Sequence[Split], template: str, words: tuple[str, ...]) -> Coded:
        wording = Wording(self.task, self.language, template, words or self.classes, self.longest)
        coded = code(texts, shown, wording, self.coder.tokenizer)
        whole = len(coded.shared) + max(map(len, coded.rows)) + max(map(len, coded.answers))
        if whole > self.context:
            raise Problem("lab.prompt_too_long", at=self.at, got=whole, limit=self.context)
        return coded

    def __call__(self, texts: Sequence[str], shown: Sequence[Split], template: str, words: tuple[str, ...]) -> Array:
        """Total log-likelihood `(texts, answers)`. Raises Problem `lab.prompt_too_long`, `prompting.answers_alike`."""
        coded = self._code(texts, shown, template, words)
        judged = self.likelihood.judge(
            self.model, coded.shared, coded.rows, coded.answers, pad=self.coder.pad, kind=self.kind, emit=self.emit
        )
        self.row_tokens += judged.row_tokens
        self.answer_tokens += judged.answer_tokens
        self.shared_tokens += judged.shared_tokens
        self.rows += len(texts)
        self.seconds += judged.seconds
        self.passes.append((judged.row_tokens + judged.answer_tokens, len(texts), judged.shared_tokens))
        return np.asarray(judged.scores)

    def words(self, rows: Split) -> tuple[str, ...] | None:
        """Own words of the model behind these rows; None where no word tells the classes apart."""
        template = self.templates()[0]
        coded = self._code(rows.texts, [rows.take(np.arange(0))], template, ())
        log_p = self.likelihood.next_tokens(
            self.model, coded.shared, coded.rows, pad=self.coder.pad, kind=self.kind
        )  # fmt: skip
        spaced = self.language != "zh" and not getattr(self.coder.tokenizer, "chat_template", None)
        names = token_names(self.coder.tokenizer, log_p.shape[1], spaced)
        return own_words(log_p, rows.labels, len(self.classes), names)
