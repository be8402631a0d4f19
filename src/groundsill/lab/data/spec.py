"""What to read, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from groundsill.terms.card import Card


@dataclass(frozen=True)
class DataSpec:
    """Which table, which columns, which test set.

    path: a csv, tsv, jsonl or parquet file: relative to the project's folder, absolute, or
    `package:<import name>/<path inside the package>`. text: columns joined by a line break. label: the class column.
    files: instead of path, class -> text file with one example a line. test_rows: size of the random test set, and
    the most that is taken of a test file or of the rows after a date (0: all of those). test_file: the user's own test
    set, same form as path. test_after: ISO date; rows whose `test_column` is on or after it are the test set.
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

    @property
    def name(self) -> str:
        """The table's name for messages."""
        return self.path or ", ".join(self.files.values())


@dataclass(frozen=True, eq=False)
class Split:
    """Rows of one side: texts and class numbers `(rows,)` (indices into `Prepared.classes`), in the file's order."""

    texts: tuple[str, ...]
    labels: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: npt.NDArray[np.int64]) -> Split:
        """The rows with these numbers, in this order."""
        return Split(tuple(self.texts[i] for i in rows), self.labels[rows])


@dataclass(frozen=True, eq=False)
class Prepared:
    """The table, ready to be measured on. classes: sorted names, over pool and test set together."""

    card: Card
    pool: Split
    test: Split
    classes: tuple[str, ...]
