"""Cleaning: what a value is as text, and which rows are the same."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

from groundsill.terms.problem import Problem


def tidy(value: object, at: str = "") -> str:
    """A cell as text: stripped; "" for what is absent; 3.0 as "3"; half characters replaced.

    Raises Problem `data.bad_value` for lists and tables, which are no text.
    """
    if value is None:
        return ""
    if isinstance(value, (list, dict, bytes)):
        raise Problem("data.bad_value", at=at, got=type(value).__name__)
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() else str(value)
    text = str(value).strip()
    try:
        text.encode()
    except UnicodeEncodeError:  # JSON may hold half a surrogate pair, which nothing downstream can write
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    return text


def key_of(text: str) -> bytes:
    """What two rows share when they are the same text: 16 bytes over NFKC with white space as single blanks."""
    return blake2b(" ".join(unicodedata.normalize("NFKC", text).split()).encode(), digest_size=16).digest()


@dataclass
class Heap:
    """Rows as they come in; keeps the first of each text and remembers what the others said."""

    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    place: dict[bytes, int] = field(default_factory=dict)
    votes: dict[int, Counter[str]] = field(default_factory=dict)
    rows: int = 0

    def add(self, text: str, label: str, mark: str = "") -> None:
        """One row. mark: the value that a split by date needs."""
        self.rows += 1
        if not label:
            self.dropped["no_label"] += 1
        elif not text:
            self.dropped["empty_text"] += 1
        else:
            here = self.place.setdefault(key_of(text), len(self.texts))
            if here == len(self.texts):
                self.texts.append(text)
                self.labels.append(label)
                self.marks.append(mark)
            else:
                self.votes.setdefault(here, Counter({self.labels[here]: 1}))[label] += 1

    def settle(self) -> None:
        """Give each repeated text its most frequent label (the first on a tie); count what was left out."""
        for here, votes in self.votes.items():
            label, rows = votes.most_common(1)[0]  # equal counts stand in the order first met
            self.labels[here] = label
            self.dropped["duplicate"] += rows - 1
            self.dropped["conflicting_label"] += votes.total() - rows
        self.votes.clear()

    def remove(self, keys: Iterable[bytes], why: str) -> None:
        """Leave out every row whose key is among `keys`."""
        gone = {self.place[k] for k in keys if k in self.place}
        if gone:
            keep = [i for i in range(len(self.texts)) if i not in gone]
            self.texts, self.labels, self.marks = (
                [column[i] for i in keep] for column in (self.texts, self.labels, self.marks)
            )
            self.place.clear()  # row numbers have moved, and nobody adds after this
            self.dropped[why] += len(gone)
