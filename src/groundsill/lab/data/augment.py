"""Augmentation: further training texts from those that are there. Never for test rows.

Synonym replacement, swap and deletion are those of Wei and Zou 2019, "EDA", with `share` of the words changed (their alpha).
Words are what white space parts; a text without any is taken by characters, as Chinese is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from groundsill.lab.data.clean import key_of
from groundsill.lab.data.spec import Split

Change = Callable[[str, np.random.Generator], str]


def parts(text: str) -> tuple[list[str], str]:
    """The units of a text and what joins them again."""
    words = text.split()
    return (words, " ") if len(words) > 1 else (list(text.strip()), "")


def _count(units: int, share: float) -> int:
    return max(1, round(share * units))


def synonyms(table: Mapping[str, Sequence[str]], share: float = 0.1) -> Change:
    """Replace words that the table has, whatever their case, by one of their synonyms. In a text without white space the
    longest entries of the table are looked for."""
    known = {word.casefold(): tuple(others) for word, others in table.items() if others}
    longest = max(map(len, known), default=0)

    def change(text: str, rng: np.random.Generator) -> str:
        words, between = parts(text)
        if not between:
            words = _segments(text, known, longest)
        places = [i for i, w in enumerate(words) if w.casefold() in known]
        for i in rng.permutation(places)[: _count(len(words), share)].tolist() if places else ():
            others = known[words[i].casefold()]
            words[i] = others[int(rng.integers(len(others)))]
        return between.join(words)

    return change


def _segments(text: str, known: Mapping[str, object], longest: int) -> list[str]:
    out, at = [], 0
    while at < len(text):
        size = next((n for n in range(min(longest, len(text) - at), 1, -1) if text[at : at + n].casefold() in known), 1)
        out.append(text[at : at + size])
        at += size
    return out


def deletion(share: float = 0.1) -> Change:
    """Leave each unit out with this chance; one stays."""

    def change(text: str, rng: np.random.Generator) -> str:
        units, between = parts(text)
        if not units:
            return text
        stay = rng.random(len(units)) >= share
        if not stay.any():
            stay[int(rng.integers(len(units)))] = True
        return between.join(u for u, s in zip(units, stay, strict=True) if s)

    return change


def swap(share: float = 0.1) -> Change:
    """Let two units change places, as often as `share` of the units."""

    def change(text: str, rng: np.random.Generator) -> str:
        units, between = parts(text)
        for _ in range(_count(len(units), share) if len(units) > 1 else 0):
            i, j = rng.choice(len(units), 2, replace=False)
            units[i], units[j] = units[j], units[i]
        return between.join(units)

    return change


def back_translation(there: Callable[[str], str], back: Callable[[str], str]) -> Change:
    """To another language and back, by whatever translates (Sennrich, Haddow and Birch 2016)."""

    def change(text: str, rng: np.random.Generator) -> str:
        return back(there(text))

    return change


def augment(rows: Split, changes: Sequence[Change], copies: int, seed: int, forbidden: Sequence[str] = ()) -> Split:
    """The rows, then up to `copies` changed texts of each with its label, by the changes in turn. A copy that is equal to a row,
    to another copy or to a `forbidden` text (give the test texts), or empty, is left out. For rows with one class each."""
    rng = np.random.default_rng([seed, copies])
    seen = {key_of(t) for t in (*rows.texts, *forbidden)}
    texts, labels = list(rows.texts), rows.labels.tolist()
    for row, text in enumerate(rows.texts):
        for copy in range(copies):
            made = changes[copy % len(changes)](text, rng).strip()
            if made and (key := key_of(made)) not in seen:
                seen.add(key)
                texts.append(made)
                labels.append(int(rows.labels[row]))
    return Split(tuple(texts), np.array(labels, dtype=np.int32))
