"""A purse: a spending cap that holds over threads, processes and crashes.

What a call may cost at the most is written down before it is made. Only then is it made, and what it did cost is written
after. Whatever is lost in between stays counted at the most. Amounts are numbers in the currency of the prices.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from groundsill.terms.problem import Exit, Problem

UNIT = 1_000_000_000  # amounts are kept as whole billionths, so that a sum is exact
WAIT_SECONDS = 30.0  # for another process that is writing

_TABLE = """CREATE TABLE IF NOT EXISTS spending
(id INTEGER PRIMARY KEY, most INTEGER NOT NULL, cost INTEGER, made TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"""


@dataclass(frozen=True)
class Spent:
    """settled: cost of calls whose cost is known; open: the most that calls without an answer may have cost; calls."""

    settled: float
    open: float
    calls: int


class Purse:
    """The purse in a file. One file may be used by many processes; the cap is that of whoever asks."""

    def __init__(self, path: Path, cap: float) -> None:
        if not (math.isfinite(cap) and cap >= 0):
            raise Problem("prompting.bad_cap", got=cap, exit=Exit.USAGE)
        self.path, self.cap = path, cap
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as base:
            base.execute(_TABLE)

    def reserve(self, most: float) -> int:
        """Set aside what a call may cost at the most; the number of the entry, which is on disk when this returns.

        Raises Problem `prompting.cap_reached` where spent + set aside + most would pass the cap; nothing is set aside then.
        """
        wanted = math.ceil(most * UNIT)
        with self._open() as base:
            used = self._used(base)
            if used + wanted > math.floor(self.cap * UNIT):
                raise Problem(
                    "prompting.cap_reached", got=used / UNIT, limit=self.cap, next=most, exit=Exit.RESUMABLE
                )  # fmt: skip
            entry = base.execute("INSERT INTO spending (most) VALUES (?)", (wanted,)).lastrowid
        assert entry is not None
        return entry

    def settle(self, entry: int, cost: float) -> None:
        """What the call did cost. A cost above what was set aside is kept as it is, and the next `reserve` sees it."""
        with self._open() as base:
            base.execute("UPDATE spending SET cost = ? WHERE id = ?", (math.ceil(cost * UNIT), entry))

    def spent(self) -> Spent:
        """What is in the purse's book."""
        with self._open() as base:
            settled, opened, calls = base.execute(
                "SELECT COALESCE(SUM(cost), 0), COALESCE(SUM(CASE WHEN cost IS NULL THEN most END), 0), COUNT(*) FROM spending"
            ).fetchone()
        return Spent(settled / UNIT, opened / UNIT, calls)

    @staticmethod
    def _used(base: sqlite3.Connection) -> int:
        return int(base.execute("SELECT COALESCE(SUM(COALESCE(cost, most)), 0) FROM spending").fetchone()[0])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """One transaction that nobody else's can interleave with; synced before it ends.

        Raises Problem `prompting.purse_broken` (integrity), `lab.no_room`.
        """
        try:
            base = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None)
            try:
                base.execute("PRAGMA synchronous = FULL")
                base.execute("BEGIN IMMEDIATE")
                try:
                    yield base
                except BaseException:
                    base.execute("ROLLBACK")
                    raise
                base.execute("COMMIT")
            finally:
                base.close()
        except sqlite3.OperationalError as e:
            raise Problem("lab.no_room", at=str(self.path), got=str(e), exit=Exit.NO_ROOM) from e
        except sqlite3.DatabaseError as e:
            raise Problem("prompting.purse_broken", at=str(self.path), got=str(e), exit=Exit.INTEGRITY) from e
