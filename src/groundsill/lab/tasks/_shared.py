"""What several tasks need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab import metrics as known
from groundsill.lab.data import Split, majority
from groundsill.lab.metrics import texts
from groundsill.lab.tasks import wording
from groundsill.terms.problem import Problem

Numbers = npt.NDArray[np.int32]
NO_CLASS = -1  # counts as wrong

LEAST_TEXT = 8  # tokens of a text that are read in any case
MARK = "\u0001ROW\u0001"  # stands for the text while the prompt is laid out; cleaned text never holds it
HAN_SHARE = 0.2  # of the characters; Chinese text with much punctuation and some Latin letters still has more


@dataclass(frozen=True)
class Asked:
    """A prompt: what is the same for all rows (task, then worked examples as question and answer), and how one row is
    asked: `text` with its place for the row, then `answer`, behind which the answer stands."""

    task: str
    examples: tuple[tuple[str, str], ...]
    language: str
    text: str
    answer: str

    def question(self, text: str) -> str:
        """The question about one text, up to where the answer begins."""
        return f"{self.text.replace('{text}', text)}\n{self.answer}"


def asked(
    kind: str, language: str, template: str, examples: Sequence[tuple[str, str]], classes: Sequence[str] = ()
) -> Asked:
    """The prompt of a task with these worked examples, texts and answers (none for zero-shot). classes: what each is called."""
    words = wording(kind, language, template)
    task = words["task"].format(classes=words["between"].join(classes)) if classes else words["task"]
    bare = Asked(task, (), language, words["text"], words["answer"])
    return Asked(task, tuple((bare.question(t), a) for t, a in examples), language, words["text"], words["answer"])


class ByClass:
    """What tasks with one class a row share: class numbers `(rows,)` are judged by the metrics of classification."""

    @staticmethod
    def metrics(classes: Sequence[str]) -> tuple[str, ...]:
        """Metrics that the task can be judged by."""
        return known.names(classes)

    @staticmethod
    def judge(metric: str, test: Split, answers: Numbers, classes: Sequence[str]) -> known.Measured:
        """One metric of class numbers. Raises as `metrics.compute`."""
        return known.compute(metric, test.labels, answers, classes)

    @staticmethod
    def gold(test: Split) -> Numbers:
        """The right answers."""
        return test.labels

    @staticmethod
    def empty(test: Split) -> Numbers:
        """No answer to any row."""
        return np.full_like(test.labels, NO_CLASS)

    @staticmethod
    def chance(metric: str, test: Split, classes: Sequence[str]) -> float:
        """Share of the largest class among the test rows."""
        return majority(test.labels)


class Written:
    """What tasks with a text to write share."""

    @staticmethod
    def metrics(classes: Sequence[str]) -> tuple[str, ...]:
        """Metrics that the task can be judged by."""
        return tuple(texts.KNOWN)

    @staticmethod
    def judge(metric: str, test: Split, answers: Sequence[str], classes: Sequence[str]) -> known.Measured:
        """One metric of written texts, one a row. Raises Problem `lab.unknown_metric`."""
        return texts.compute(metric, answers, test.targets)

    @staticmethod
    def gold(test: Split) -> tuple[str, ...]:
        """The right answers."""
        return test.targets

    @staticmethod
    def empty(test: Split) -> tuple[str, ...]:
        """No answer to any row."""
        return ("",) * len(test)

    @staticmethod
    def chance(metric: str, test: Split, classes: Sequence[str]) -> float:
        """What the right answers reach if each row gets that of the next one: such texts, written without reading."""
        return Written.judge(metric, test, (*test.targets[1:], *test.targets[:1]), classes).value


def language_of(texts: Sequence[str]) -> str:
    """`zh` where at least a fifth of the characters are Han, else `en`: the language of the prompt."""
    sample = "".join(texts)[:20_000]
    han = sum("\u4e00" <= c <= "\u9fff" for c in sample)
    return "zh" if sample and han >= HAN_SHARE * len(sample) else "en"


def turned(asked: Asked, question: str, tokenizer: Any) -> str:
    """The prompt up to this question's answer by the model's own chat template: task and examples as earlier turns."""
    turns: list[dict[str, str]] = []
    for shown, answer in (*asked.examples, (question, "")):
        opening = f"{asked.task}\n\n{shown}" if not turns else shown
        turns += [{"role": "user", "content": opening}, {"role": "assistant", "content": answer}]
    return str(tokenizer.apply_chat_template(turns[:-1], tokenize=False, add_generation_prompt=True))


def chat(asked: Asked, text: str, tokenizer: Any) -> str:
    """The whole prompt about one text as a model reads it: with its own chat template if it has one, else as plain text with
    a blank line between examples."""
    question = asked.question(text)
    if getattr(tokenizer, "chat_template", None):
        return turned(asked, question, tokenizer)
    examples = [f"{q} {a}" for q, a in asked.examples]
    return str(tokenizer.bos_token or "") + "\n\n".join([asked.task, *examples, question])


@dataclass(frozen=True)
class Coding:
    """How a row is laid out: `ask` before the text's place, `behind` after it, then the answer, then `end`."""

    tokenizer: Any
    ask: str
    behind: str
    before_answer: str
    end: int

    @property
    def overhead(self) -> int:
        """Tokens of what is the same for all rows."""
        return len(self._ids(self.ask)) + len(self._ids(self.behind))

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def question(self, text: str, room: int) -> list[int]:
        """The prompt about a text, of which at most `room` tokens are read."""
        most = max(room, LEAST_TEXT)
        coded = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=True, max_length=most + 1
        )
        if len(coded["input_ids"]) > most:
            text = text[: coded["offset_mapping"][most - 1][1]]
        return self._ids(self.ask + text + self.behind)

    def answer(self, text: str, most: int) -> list[int]:
        """The answer with its end, at most `most` tokens."""
        return [*self._ids(self.before_answer + text)[: most - 1], self.end]


def laid_out(asked: Asked, tokenizer: Any, language: str) -> Coding:
    """The layout of a prompt whose answers are written in `language`. Raises Problem `lab.no_end` for a tokenizer without
    a token that ends a text."""
    ask, _, behind = chat(asked, MARK, tokenizer).partition(MARK)
    if tokenizer.eos_token_id is None:
        raise Problem("lab.no_end", got=type(tokenizer).__name__)
    blank = "" if getattr(tokenizer, "chat_template", None) or language == "zh" else " "
    return Coding(tokenizer, ask, behind, blank, int(tokenizer.eos_token_id))


def readable(tokenizer: Any, answers: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Written token numbers as texts."""
    return tuple(str(tokenizer.decode(list(row), skip_special_tokens=True)).strip() for row in answers)
