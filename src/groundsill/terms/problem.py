"""Problems: errors as part of the interface. A code with numbers; the door turns it into a sentence."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command (see docs/decisions/0001.md)."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    INVALID = 3
    DO_NOT_INVEST = 4
    NO_ROOM = 5
    INTEGRITY = 6
    LOCKED = 7
    RESUMABLE = 75


class Problem(Exception):
    """What went wrong, as values. The words for `code` are in `words/<language>/<room>.toml`.

    code: `room.what`, e.g. `scaling.at_chance`; at: where (file, line, key, candidate); got and limit: the value
    seen and the value allowed; more: further values that the sentence uses; exit: the exit code if nobody handles it.
    """

    def __init__(
        self,
        code: str,
        *,
        at: str = "",
        got: object = "",
        limit: object = "",
        exit: Exit = Exit.INVALID,
        **more: object,
    ) -> None:
        super().__init__(code)
        self.code, self.at, self.got, self.limit, self.exit, self.more = code, at, got, limit, exit, more

    def located(self, at: str) -> Problem:
        """The same problem, with its place filled in if it had none."""
        return (
            self if self.at else Problem(self.code, at=at, got=self.got, limit=self.limit, exit=self.exit, **self.more)
        )

    def values(self) -> dict[str, object]:
        """All values a sentence may use."""
        return {"at": self.at, "got": self.got, "limit": self.limit, **self.more}

    def __str__(self) -> str:
        return f"{self.code} at={self.at!r} got={self.got!r} limit={self.limit!r}"
