"""The ledger: the store of the user's own runs, one SQLite file that survives a crash at any instant.

Durability: WAL journal with `synchronous=FULL`, one transaction an append (sqlite.org/wal.html, pragma.html). SQLite has
no page checksums, so each row carries the SHA-256 of its text, and a chain over the rows of `runs` (count and digest,
moved in the same transaction) shows a row that is missing, added or moved.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import Run
from groundsill.terms.whole_file import sync

T = TypeVar("T")
FILE = "ledger.sqlite"
LOCK = "ledger.lock"
LAYOUT = 1  # PRAGMA user_version: the layout of the tables below
MARK = 0x67736C31  # PRAGMA application_id: "gsl1"
WAIT_SECONDS = 10.0  # how long a write waits for another process's transaction
_HEAD = "ledger.head"
_LOCK_BYTE = 1 << 20  # Windows locks bytes and forbids reading them: lock one far behind the text
_TABLES = (
    "CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, started TEXT, origin TEXT, json TEXT, sha256 TEXT)",
    "CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, json TEXT, sha256 TEXT)",
    "CREATE TABLE IF NOT EXISTS predictions (id TEXT PRIMARY KEY, made TEXT, json TEXT, sha256 TEXT)",
)
_held: set[Path] = set()  # locks of this process: a POSIX lock never conflicts with its own process
_held_guard = threading.Lock()


class Ledger:
    """Runs, state and predictions of one project, in `folder`/ledger.sqlite.

    A folder or file that is missing reads as an empty ledger, and nothing is created until something is written.
    Each call opens the file, does its work in one transaction and closes it again, so that no call can leave the
    ledger half open. All calls raise Problem `ledger.not_a_ledger`, `ledger.newer`, `ledger.corrupt_file` (integrity)
    and, when they write, `ledger.no_room` (disk full, folder or file read-only) and `ledger.locked`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / FILE

    # ---- runs

    def runs(self) -> tuple[Run, ...]:
        """Every run in the order in which they came.

        Raises Problem `ledger.corrupt_row` naming the row, `ledger.rows_changed` when rows are missing or moved.
        """
        return tuple(Run.of(record, at=f"{self.path}: {name}") for name, record in self._checked_runs())

    def append(self, run: Run, states: Mapping[str, Any] | None = None) -> bool:
        """Store one run, and `states` with it, in one transaction; durable when this returns.

        Returns whether the run is new: the same id twice is stored once.
        """
        return self.extend((run,), states) == 1

    def extend(self, runs: Iterable[Run], states: Mapping[str, Any] | None = None) -> int:
        """Store several runs (and `states`) in one transaction: all of them or none. Returns how many are new."""
        rows = [(r.id, r.started, r.source.kind, r.canonical().decode()) for r in runs]

        def work(connection: sqlite3.Connection) -> int:
            head = _state(connection, _HEAD, self.path) or {"runs": 0, "sha256": ""}
            new = 0
            for key, started, origin, text in rows:
                digest = _digest(text)
                done = connection.execute(
                    "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?)", (key, started, origin, text, digest)
                ).rowcount
                if done == 1:
                    new += 1
                    head = {"runs": head["runs"] + 1, "sha256": _digest(head["sha256"] + digest)}
            if new:
                _put_state(connection, _HEAD, head)
            for name, value in (states or {}).items():
                _put_state(connection, name, value)
            return new

        return self._write(work)

    # ---- state and predictions

    def state(self, key: str) -> Any | None:
        """What was stored under `key`, as plain data; None if nothing was. Raises Problem `ledger.corrupt_row`."""
        return self._read(lambda connection: _state(connection, key, self.path), None)

    def set_state(self, key: str, value: Any) -> None:
        """Store plain data under `key`, in place of what was there."""
        self._write(lambda connection: _put_state(connection, key, value))

    def predictions(self) -> tuple[dict[str, Any], ...]:
        """Every stored prediction in the order in which they came. Raises Problem `ledger.corrupt_row`."""

        def work(connection: sqlite3.Connection) -> tuple[dict[str, Any], ...]:
            rows = connection.execute("SELECT id, json, sha256 FROM predictions ORDER BY rowid")
            return tuple(_loads(text, digest, self.path, f"predictions {key}") for key, text, digest in rows)

        return self._read(work, ())

    def predict(self, record: Mapping[str, Any]) -> str:
        """Store a prediction, so that it can be scored when the truth arrives; returns its id. `record["made"]` is its
        date. The same record twice is stored once."""
        text = _dumps(dict(record))
        key = _digest(text)[:16]
        made = str(record.get("made", ""))

        def work(connection: sqlite3.Connection) -> None:
            row = (key, made, text, _digest(text))
            connection.execute("INSERT OR IGNORE INTO predictions VALUES (?, ?, ?, ?)", row)

        self._write(work)
        return key

    # ---- one writer

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer process. Reading needs no lock.

        The operating system drops the lock when the process dies, however it dies, and a forked child does not inherit
        it. Raises Problem `ledger.locked` with the id of the process that holds it.
        """
        path = (self.folder / LOCK).absolute()
        with _held_guard:
            if path in _held:
                raise _locked(path, os.getpid())
            with _room(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _take(handle, path)
                with _room(self.folder):
                    os.ftruncate(handle, 0)
                    os.lseek(handle, 0, os.SEEK_SET)
                    os.write(handle, str(os.getpid()).encode())
            except BaseException:
                os.close(handle)
                raise
            _held.add(path)
        try:
            yield
        finally:
            with _held_guard:
                _held.discard(path)
                os.close(handle)  # this also drops the lock

    # ---- inside

    def _checked_runs(self) -> list[tuple[str, dict[str, Any]]]:
        def work(connection: sqlite3.Connection) -> list[tuple[str, dict[str, Any]]]:
            found, chain = [], ""
            for key, text, digest in connection.execute("SELECT id, json, sha256 FROM runs ORDER BY rowid"):
                found.append((f"run {key}", _loads(text, digest, self.path, f"run {key}")))
                if digest[:16] != key:
                    raise Problem("ledger.corrupt_row", at=str(self.path), got=f"run {key}", exit=Exit.INTEGRITY)
                chain = _digest(chain + digest)
            head = _state(connection, _HEAD, self.path) or {"runs": 0, "sha256": ""}
            if (head["runs"], head["sha256"]) != (len(found), chain):
                raise Problem(
                    "ledger.rows_changed", at=str(self.path), got=len(found), limit=head["runs"], exit=Exit.INTEGRITY
                )
            return found

        return self._read(work, [])

    def _read(self, work: Callable[[sqlite3.Connection], T], empty: T) -> T:
        if not self.path.exists():
            return empty
        with _named(self.path):
            for address in self._addresses():
                try:
                    with contextlib.closing(_connect(address)) as connection:
                        connection.execute("BEGIN")  # one snapshot for all that is read
                        return work(connection) if _known(connection, self.path) else empty
                except sqlite3.OperationalError as e:
                    if "immutable" in address or _primary(e) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                        raise
        raise _no_room(self.folder, "cannot be opened for reading")

    def _addresses(self) -> tuple[str, ...]:
        # A WAL file needs a writable folder even for reading. If the folder is read-only and nothing waits in the
        # journal, the file can be read as one that never changes.
        address = self.path.absolute().as_uri()
        journal = self.path.with_name(FILE + "-wal")
        quiet = not journal.exists() or journal.stat().st_size == 0
        return (f"{address}?mode=ro", *([f"{address}?immutable=1"] if quiet else []))

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with _room(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with _named(self.path), contextlib.closing(_connect(self.path.absolute().as_uri() + "?mode=rwc")) as connection:
            _prepare(connection, self.path)
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                _commit(connection)
            except BaseException:
                if connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):  # the first error is the one to tell
                        connection.execute("ROLLBACK")
                raise
            return result


def _connect(address: str) -> sqlite3.Connection:
    return sqlite3.connect(address, uri=True, timeout=WAIT_SECONDS, isolation_level=None)


def _commit(connection: sqlite3.Connection) -> None:
    connection.execute("COMMIT")


def _known(connection: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there; False for a file that was created but never written. Raises Problem if foreign."""
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    layout = connection.execute("PRAGMA user_version").fetchone()[0]
    if mark == 0 and layout == 0 and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return False
    if mark != MARK:
        raise Problem("ledger.not_a_ledger", at=str(path), exit=Exit.INTEGRITY)
    if layout > LAYOUT:
        raise Problem("ledger.newer", at=str(path), got=layout, limit=LAYOUT, exit=Exit.INTEGRITY)
    return True


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set the journal, and make the tables if the file is new. Two processes may do this at the same moment."""
    end = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            break
        except sqlite3.OperationalError as e:  # the change of journal does not wait for others by itself
            if _primary(e) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
    connection.execute("PRAGMA synchronous=FULL")
    if _known(connection, path):
        return
    connection.execute("BEGIN IMMEDIATE")
    if not _known(connection, path):
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={MARK}")
        connection.execute(f"PRAGMA user_version={LAYOUT}")
    connection.execute("COMMIT")
    sync(path.parent)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _dumps(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _loads(text: Any, digest: Any, path: Path, row: str) -> Any:
    if not isinstance(text, str) or _digest(text) != digest:
        raise Problem("ledger.corrupt_row", at=str(path), got=row, exit=Exit.INTEGRITY)
    return json.loads(text)


def _state(connection: sqlite3.Connection, key: str, path: Path) -> Any | None:
    row = connection.execute("SELECT json, sha256 FROM state WHERE key = ?", (key,)).fetchone()
    return None if row is None else _loads(row[0], row[1], path, f"state {key}")


def _put_state(connection: sqlite3.Connection, key: str, value: Any) -> None:
    text = _dumps(value)
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?)", (key, text, _digest(text)))


def _take(handle: int, path: Path) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, _LOCK_BYTE, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        if e.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise
        os.lseek(handle, 0, os.SEEK_SET)
        raise _locked(path, os.read(handle, 20).decode("ascii", "replace") or "?") from e


def _locked(path: Path, holder: object) -> Problem:
    return Problem("ledger.locked", at=str(path.parent), got=holder, exit=Exit.LOCKED)


def _no_room(folder: Path, reason: str) -> Problem:
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(folder if folder.exists() else folder.parent).free
        return Problem("ledger.no_room", at=str(folder), got=free, reason=reason, exit=Exit.NO_ROOM)
    return Problem("ledger.no_room", at=str(folder), got="?", reason=reason, exit=Exit.NO_ROOM)


@contextlib.contextmanager
def _room(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise _no_room(folder, e.strerror or str(e)) from e


def _primary(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF  # extended codes keep the primary one in the low byte


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into named problems."""
    try:
        yield
    except sqlite3.Error as e:
        code = _primary(e)
        if code == sqlite3.SQLITE_NOTADB:
            raise Problem("ledger.not_a_ledger", at=str(path), exit=Exit.INTEGRITY) from e
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _locked(path, "?") from e
        if code in (
            sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_PERM,
        ):  # fmt: skip
            raise _no_room(path.parent, str(e)) from e
        raise Problem("ledger.corrupt_file", at=str(path), got=str(e), exit=Exit.INTEGRITY) from e
    except UnicodeDecodeError as e:
        raise Problem("ledger.corrupt_file", at=str(path), got=str(e), exit=Exit.INTEGRITY) from e
