"""A data card: what `lab.data` found in the table, so that the analysis never has to read the table itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from groundsill.terms.problem import Exit, Problem


@dataclass(frozen=True)
class Card:
    """One page about one table.

    data_hash: SHA-256 over the cleaned rows in order (text, label). file_hash: of the file's bytes. pool_rows: rows
    that may be used for training; test_*: the fixed test set; chance: share of its largest class. dropped: why -> rows.
    characters: quantiles of text length, {"p50": ..., "p95": ..., "max": ...}.
    """

    path: str
    file_hash: str
    data_hash: str
    rows: int
    pool_rows: int
    test_rows: int
    test_id: str
    test_kind: str
    chance: float
    classes: Mapping[str, int]
    test_classes: Mapping[str, int]
    dropped: Mapping[str, int] = field(default_factory=dict)
    characters: Mapping[str, float] = field(default_factory=dict)
    made: str = ""

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any], at: str = "") -> Card:
        """Read a record. Raises Problem `card.bad_record`."""
        try:
            return cls(**data)
        except TypeError as e:
            raise Problem("card.bad_record", at=at, got=str(e), exit=Exit.INTEGRITY) from e
