"""Verbalisers: words of the model's own vocabulary that can stand for the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

LIKELY = 1000  # most likely tokens that are looked at (Schick et al. 2020, section 4)
LEAST_LETTERS = 2


def own_words(
    log_p: npt.NDArray[np.float32], labels: npt.NDArray[np.int32], classes: int, names: Sequence[str]
) -> tuple[str, ...] | None:
    """One word a class: the token whose log-probability behind the rows of the class is highest above that behind the rows
    of the others (likelihood ratio of Schick, Schmid and Schütze 2020, "Automatically identifying words that can serve as
    labels", with the classes weighted alike); no token for two classes.

    log_p: `(rows, vocabulary)`, of the token right behind each row. names: the text of each token, "" where it is no whole
    word. None where a class has no rows.
    """
    if len(np.unique(labels)) < classes:
        return None
    usable = np.array([len(n.strip()) >= LEAST_LETTERS and n.strip().isalpha() for n in names])
    mean = np.stack([log_p[labels == k].mean(axis=0) for k in range(classes)])
    likely = np.argsort(-np.where(usable, mean.max(axis=0), -np.inf))[: min(LIKELY, int(usable.sum()))]
    if len(likely) < classes:
        return None
    total = mean[:, likely].sum(axis=0)
    gain = mean[:, likely] - (total - mean[:, likely]) / max(1, classes - 1)
    chosen: dict[int, int] = {}
    for place in np.argsort(-gain, axis=None):
        k, token = divmod(int(place), len(likely))
        if k not in chosen and token not in chosen.values():
            chosen[k] = token
        if len(chosen) == classes:
            break
    return tuple(names[likely[chosen[k]]].strip() for k in range(classes))


def token_names(tokenizer: Any, size: int, spaced: bool) -> list[str]:
    """Text of each token; "" for one that does not begin a word where words begin with a space."""
    marks = tokenizer.convert_ids_to_tokens(list(range(min(size, len(tokenizer)))))
    found = []
    for mark in marks:
        text = tokenizer.convert_tokens_to_string([mark]) if mark is not None else ""
        begins = mark is not None and mark[:1] in ("Ġ", "▁")
        found.append("" if spaced and not begins else text)
    return found + [""] * (size - len(found))
