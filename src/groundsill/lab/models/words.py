"""Words and pairs of texts as token numbers: which token stands for which word, and prompts with their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groundsill.lab.models.tokens import Coder, Ids

UNSEGMENTED_SHARE = 0.2
# Scripts written without blanks between words: Han, Kana, Thai, Lao, Khmer, Burmese (Unicode blocks).
UNSEGMENTED = ((0x4E00, 0x9FFF), (0x3040, 0x30FF), (0x0E00, 0x0EFF), (0x1780, 0x17FF), (0x1000, 0x109F))
PAIR_PARTS = 4  # vectors of the body's width that the head of a pair reads
OUTSIDE = -1  # place of a word that was cut off or has no token


@dataclass(frozen=True, eq=False)
class CodedWords:
    """ids: token numbers of each row. firsts: for each row the place of each word's first token, OUTSIDE for none."""

    ids: Ids
    firsts: list[list[int]]


def unsegmented(texts: Sequence[str]) -> bool:
    """Whether at least a fifth of the characters belong to scripts without blanks between words."""
    sample = "".join(texts)[:50_000]
    inside = sum(any(low <= ord(c) <= high for low, high in UNSEGMENTED) for c in sample)
    return bool(sample) and inside >= UNSEGMENTED_SHARE * len(sample)


def around(coder: Coder) -> tuple[list[int], list[int]]:
    """The special tokens, and those of the model's prefix, before and after every text."""
    bare = list(coder.tokenizer("a", add_special_tokens=False)["input_ids"])
    full = list(coder.tokenizer("a", add_special_tokens=True)["input_ids"])
    place = next((i for i in range(len(full)) if full[i : i + len(bare)] == bare), 0)
    prefix = list(coder.tokenizer(coder.prefix.strip(), add_special_tokens=False)["input_ids"]) if coder.prefix else []
    return full[:place] + prefix, full[place + len(bare) :]


def code_words(coder: Coder, rows: Sequence[Sequence[str]], longest: int) -> CodedWords:
    """Each word on its own into tokens, one after another, with the model's special tokens around; rows are cut to
    `longest` tokens and the words beyond get none.

    Where the script has no blanks between words (Chinese), a token that is only the mark of a blank is left out.
    """
    joined = unsegmented(["".join(row) for row in rows[:200]])
    mark = coder.tokenizer("\u2581", add_special_tokens=False)["input_ids"] if joined else []
    distinct = sorted({word for row in rows for word in row})
    given = distinct if joined else [" " + word for word in distinct]
    coded = coder.tokenizer(given, add_special_tokens=False)["input_ids"] if given else []
    pieces = {word: _bare(list(found), list(mark)) for word, found in zip(distinct, coded, strict=True)}
    begin, end = around(coder)
    out = CodedWords([], [])
    for row in rows:
        ids, firsts = list(begin), []
        for word in row:
            found = pieces[word]
            inside = bool(found) and len(ids) + len(found) + len(end) <= longest
            firsts.append(len(ids) if inside else OUTSIDE)
            ids += found if inside else []
        out.ids.append(ids + end or [coder.pad])
        out.firsts.append(firsts)
    return out


def _bare(pieces: list[int], mark: list[int]) -> list[int]:
    """Without the mark of a blank that stands alone before a word's own pieces."""
    return pieces[1:] if len(pieces) > 1 and len(mark) == 1 and pieces[0] == mark[0] else pieces
