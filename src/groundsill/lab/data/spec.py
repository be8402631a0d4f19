"""What to read, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.terms.card import Card

FORMS = ("class", "pair", "words", "target")


@dataclass(frozen=True)
class DataSpec:
    """Which table, which columns, which test set.

    path: a csv, tsv, jsonl or parquet file: relative to the project's folder, absolute, or
    `package:<import name>/<path inside the package>`. text: columns joined by a line break. label: the answer's column.
    form: what a row is, one of FORMS. `class`: a text and its class. `pair`: two texts (two columns, kept apart) and a
    class. `words`: words and a tag for each (lists, or texts with blanks between). `target`: a text and one to write.
    files: instead of path, class -> text file with one example a line. test_rows: size of the random test set, and
    the most that is taken of a test file or of the rows after a date (0: all of those). test_file: the user's own test
    set, same form as path. test_after: ISO date; rows whose `test_column` is on or after it are the test set. group: column
    whose equal values stay on one side. near: likeness to a test row from which a pool row is left out (0: none is).
    """

    path: str = ""
    text: tuple[str, ...] = ()
    label: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    test_rows: int = 1000
    test_file: str = ""
    test_after: str = ""
    test_column: str = ""
    seed: int = 0
    form: str = "class"
    group: str = ""
    near: float = 0.0

    @property
    def name(self) -> str:
        """The table's name for messages."""
        return self.path or ", ".join(self.files.values())


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of one side, in the file's order. texts: one a row; a pair is joined by a line break, words by blanks.

    labels: class numbers (indices into `Prepared.classes`), one a row `(rows,)`; of words, the tag of every word, row after
    row `(words,)`; none where a text is to be written. firsts, seconds: the two texts of pairs. words: of each row. targets:
    what is to be written. The last four are empty where the form has no such thing.
    """

    texts: tuple[str, ...]
    labels: npt.NDArray[np.int32]
    firsts: tuple[str, ...] = ()
    seconds: tuple[str, ...] = ()
    words: tuple[tuple[str, ...], ...] = ()
    targets: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def form(self) -> str:
        """One of FORMS; `class` for no rows at all."""
        return "words" if self.words else "pair" if self.seconds else "target" if self.targets else "class"

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        """Place in `labels` of each row's first word, and the end, `(rows + 1,)`."""
        return np.concatenate(([0], np.cumsum([len(row) for row in self.words], dtype=np.int64)))

    def take(self, rows: npt.NDArray[np.int64]) -> Split:
        """The rows with these numbers, in this order."""
        labels = self.labels if self.targets else self.labels[rows] if not self.words else self._tags(rows)
        columns: list[tuple[Any, ...]] = [self.texts, self.firsts, self.seconds, self.words, self.targets]
        texts, *others = (tuple(column[i] for i in rows) if column else () for column in columns)
        return Split(texts, labels, *others)

    def _tags(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        parts = [self.labels[self.starts[i] : self.starts[i + 1]] for i in rows]
        return np.concatenate(parts) if parts else self.labels[:0]

    def said(self, classes: Sequence[str]) -> list[str]:
        """The right answer of each row as text: a class, tags with blanks between, or what is to be written."""
        if self.targets:
            return list(self.targets)
        names = [classes[i] for i in self.labels]
        if not self.words:
            return names
        ends = self.starts.tolist()
        return [" ".join(names[a:b]) for a, b in pairwise(ends)]


@dataclass(frozen=True, eq=False)
class Prepared:
    """The table, ready to be measured on. classes: sorted names (tags, where words are tagged), over pool and test
    set together; none where a text is to be written."""

    card: Card
    pool: Split
    test: Split
    classes: tuple[str, ...]
