"""Rows of each form as two texts, which cleaning, hashing and splitting see, and back again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from groundsill.lab.data.clean import tidy
from groundsill.lab.data.spec import Split
from groundsill.terms.problem import Problem

APART = "\x1f"  # between the texts of a pair, or between words: a control character that counts as white space


def packed(form: str, values: Sequence[object], at: str) -> tuple[str, str]:
    """Text and answer of one row of a table, as `Heap` takes them: "" for what is absent.

    values: the text columns, then the label. Raises Problem `data.bad_value`, `data.words_and_tags`.
    """
    if form == "words":
        return _tagged(values[0], values[1], at)
    *texts, label = (tidy(value, at) for value in values)
    if form == "pair":
        first, second = (text.replace(APART, " ").strip() for text in texts)
        return (f"{first}{APART}{second}" if first and second else ""), label
    return "\n".join(text for text in texts if text), label


def _tagged(words: object, tags: object, at: str) -> tuple[str, str]:
    found, names = _listed(words, at), _listed(tags, at)
    if len(found) != len(names):
        raise Problem("data.words_and_tags", at=at, got=len(found), limit=len(names))
    clean = [" ".join(word.split()) for word in found]
    return (APART.join(clean) if any(clean) else ""), " ".join("_".join(name.split()) for name in names)


def _listed(value: object, at: str) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [tidy(part, at) for part in value]
    return tidy(value, at).split()


def units(form: str, labels: Sequence[str]) -> Counter[str]:
    """How often each class (tag, where words are tagged) is met; texts to write are no classes."""
    if form == "target":
        return Counter()
    return Counter(tag for label in labels for tag in label.split(" ")) if form == "words" else Counter(labels)


def split_of(form: str, texts: Sequence[str], labels: Sequence[str], number: dict[str, int]) -> Split:
    """Packed rows as a Split. number: class or tag -> its number."""
    if form == "target":
        return Split(tuple(texts), np.zeros(0, dtype=np.int32), targets=tuple(labels))
    names = [tag for label in labels for tag in label.split(" ")] if form == "words" else labels
    numbers = np.array([number[name] for name in names], dtype=np.int32)
    if form == "words":
        words = tuple(tuple(text.split(APART)) for text in texts)
        return Split(tuple(" ".join(row) for row in words), numbers, words=words)
    if form == "pair":
        firsts, seconds = zip(*(text.split(APART) for text in texts), strict=True) if texts else ((), ())
        return Split(tuple("\n".join(row) for row in zip(firsts, seconds, strict=True)), numbers, firsts, seconds)
    return Split(tuple(texts), numbers)
