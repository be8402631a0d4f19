"""Layout: a prompt as text, split into what all rows share, one row's question, and the answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from groundsill.lab.tasks._shared import Asked

MARK = "\u0001ROW\u0001"  # stands for the row while the chat template is filled; `tidy` text never holds it


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
        turns: list[dict[str, str]] = []
        for question, answer in (*prompt.examples, (MARK, "")):
            opening = f"{prompt.task}\n\n{question}" if not turns else question
            turns += [{"role": "user", "content": opening}, {"role": "assistant", "content": answer}]
        text = tokenizer.apply_chat_template(turns[:-1], tokenize=False, add_generation_prompt=True)
        shared, _, tail = text.partition(MARK)
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
