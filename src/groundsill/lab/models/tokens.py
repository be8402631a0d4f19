"""Tokens: texts as numbers, how long to let them be, and batches of rows of like length."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.data.split import random_rows
from groundsill.lab.models.device import quiet

Ids = list[list[int]]
LONGEST = 256  # tokens; the cost of a row grows with its length, and few texts need more to be told apart
SHARE_COVERED = 0.95
LOOK_ROWS = 1000
STEP = 8  # padded lengths are multiples of this, so that few shapes occur


@dataclass(frozen=True)
class Coder:
    """A model's tokenizer with the prefix that the model expects."""

    tokenizer: Any
    prefix: str
    pad: int

    def ids(self, texts: Sequence[str], longest: int) -> Ids:
        """Token numbers of each text with the model's special tokens, cut to `longest`."""
        if not texts:
            return []
        given = [self.prefix + t for t in texts]
        coded = self.tokenizer(given, truncation=True, max_length=longest, add_special_tokens=True)
        return [list(row) or [self.pad] for row in coded["input_ids"]]


@lru_cache(maxsize=4)
def coder(folder: Path) -> Coder:
    """The coder of a model folder; its prefix is in `groundsill.json`, if it has one."""
    from transformers import AutoTokenizer

    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    note = folder / "groundsill.json"
    prefix = str(json.loads(note.read_text(encoding="utf-8")).get("prefix", "")) if note.is_file() else ""
    return Coder(tokenizer, prefix, tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0)


def covering(lengths: Sequence[int]) -> int:
    """Tokens that hold 95 % of texts of these lengths whole: a multiple of 8, at most 256."""
    wanted = float(np.quantile(np.asarray(lengths), SHARE_COVERED))
    return int(min(LONGEST, max(2 * STEP, -(-wanted // STEP) * STEP)))


def longest_for(folder: Path, texts: Sequence[str], context: int) -> int:
    """Where to cut: `covering` of 1,000 of these texts (always the same ones), within the model's context."""
    rows = random_rows(len(texts), min(LOOK_ROWS, len(texts)), 0)
    lengths = [len(i) for i in coder(folder).ids([texts[r] for r in rows], 2 * LONGEST)]
    return min(covering(lengths), context)


def batches(lengths: npt.NDArray[np.int64], budget: int) -> list[npt.NDArray[np.int64]]:
    """Row numbers in batches of at most `budget` padded tokens (or one row), longest first, every row once."""
    order = np.argsort(-lengths, kind="stable")
    out, start = [], 0
    while start < len(order):
        padded = max(STEP, -(-int(lengths[order[start]]) // STEP) * STEP)
        size = max(1, budget // padded)
        out.append(order[start : start + size])
        start += size
    return out


def padded(ids: Ids, pad: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Token numbers and mask `(rows, width)`, filled up on the right to a multiple of 8."""
    width = -(-max(len(row) for row in ids) // STEP) * STEP
    numbers = np.full((len(ids), width), pad, dtype=np.int64)
    mask = np.zeros((len(ids), width), dtype=np.int64)
    for i, row in enumerate(ids):
        numbers[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return numbers, mask
