"""Layout: a prompt as text, split into what all rows share, one row's question, and the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from groundsill.lab.tasks._shared import MARK, Asked, turned


@dataclass(frozen=True)
class Layout:
    """shared + row + tail + answer is the whole text; `row` is what `Asked.question` gives."""

    shared: str
    tail: str
    answers: tuple[str, ...]


def lay_out(prompt: Asked, classes: Sequence[str], tokenizer: Any) -> Layout:
    """With the model's own chat template if it has one: task and examples as earlier turns. Else as plain text with a
    blank line between examples, and a space before the answer where the language writes one."""
    if getattr(tokenizer, "chat_template", None):
        shared, _, tail = turned(prompt, MARK, tokenizer).partition(MARK)
        return Layout(shared, tail, tuple(classes))
    space = "" if prompt.language == "zh" else " "
    parts = [prompt.task, *(f"{question}{space}{answer}" for question, answer in prompt.examples)]
    begin = tokenizer.bos_token or ""
    return Layout(begin + "\n\n".join(parts) + "\n\n", "", tuple(space + c for c in classes))


def clip(tokenizer: Any, text: str, longest: int) -> str:
    """The first `longest` tokens of `text`, as text."""
    coded = tokenizer(text, truncation=True, max_length=longest, add_special_tokens=False, return_offsets_mapping=True)
    ends = [end for _, end in coded["offset_mapping"]]
    return text[: max(ends)] if len(ends) >= longest else text
