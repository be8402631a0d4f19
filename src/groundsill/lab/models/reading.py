"""How a model's tokenizer reads the user's own texts: a cheap look at whether the model was made for such text.

Many tokens for each character mean that the vocabulary was learnt on other text: the same sentence costs more and says less
(Rust et al. 2021, arXiv 2012.15613, found it to go with worse results). An unknown token says nothing at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groundsill.lab.data.split import random_rows
from groundsill.lab.models.device import need_torch
from groundsill.lab.models.tokens import LOOK_ROWS, coder
from groundsill.terms.problem import Problem


@dataclass(frozen=True)
class Reading:
    """tokens_per_character: of the text alone, without the marks and prefix that the model wants around it. unknown: share
    of these tokens that stand for "unknown". p50, p95, longest: tokens of a text with all that is around it. beyond:
    share of the texts that are longer than the model's context. texts: how many were looked at."""

    tokens_per_character: float
    unknown: float
    p50: float
    p95: float
    longest: int
    beyond: float
    texts: int


def reading(folder: Path, texts: Sequence[str], context: int) -> Reading:
    """Read at most 1,000 of `texts`, always the same ones. Raises Problem `lab.no_torch`, `lab.no_tokenizer`."""
    need_torch()
    rows = random_rows(len(texts), min(LOOK_ROWS, len(texts)), 0)
    some = [texts[i] for i in rows]
    try:
        known = coder(folder)
        bare = known.tokenizer(some, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
        around = known.tokenizer([known.prefix], add_special_tokens=True)["input_ids"][0]
    except (OSError, ValueError, KeyError, ImportError) as e:  # what transformers raises for missing or broken files
        raise Problem("lab.no_tokenizer", at=str(folder), got=str(e).splitlines()[0][:200] if str(e) else "") from e
    lengths = np.array([len(row) for row in bare])
    unknown = known.tokenizer.unk_token_id
    blank = sum(row.count(unknown) for row in map(list, bare)) if unknown is not None else 0
    whole = lengths + len(around)
    characters = sum(map(len, some))
    return Reading(
        float(lengths.sum() / max(characters, 1)), float(blank / max(int(lengths.sum()), 1)),
        float(np.quantile(whole, 0.5)), float(np.quantile(whole, 0.95)), int(whole.max()),
        float((whole > context).mean()), len(some),
    )  # fmt: skip
