"""The data card and the fingerprints that tell, without reading the table, that it has not changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundsill.pilot.inputs import Bench, Table
from groundsill.terms.card import Card
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.whole_file import write_whole

CARD = "card.json"
FINGERPRINTS = "table.json"
LEFTOVER_SECONDS = 60.0


def card(spec: Any, base: Path, folder: Path, *, emit: Emit = silent, bench: Bench | None = None) -> Card:
    """The data card of a table: the stored one while the files and `spec` are unchanged, else made by reading it.

    folder: the project's `.groundsill`. Never imports torch. Raises Problem `data.*`, `pilot.no_room`.
    """
    from groundsill.pilot.bench import LabBench

    used = bench or LabBench(folder / "cache")
    now = fingerprints(used.files(spec, base), _stored(folder).get("files", {}))
    found = stored_card(folder, spec, now)
    if found is not None:
        return found
    return keep(used.read(spec, base, emit), spec, now, folder, emit)


def keep(table: Table, spec: Any, now: Mapping[str, Mapping[str, Any]], folder: Path, emit: Emit) -> Card:
    """Write the card and the fingerprints aside, then rename. Says so when the data are not those of before."""
    old = _stored(folder)
    new = table.card
    if old and old.get("data_hash") != new.data_hash:
        emit(
            Event(
                "pilot.data_changed",
                {"path": new.path, "got": new.data_hash[:12], "limit": old.get("data_hash", "")[:12]},
            )
        )
    text = json.dumps(new.record(), ensure_ascii=False, indent=1, sort_keys=True).encode()
    write_aside(folder / CARD, text)
    seal = {"card_sha256": _sha256(text), "data_hash": new.data_hash, "spec": stamp(repr(spec)), "files": now}
    write_aside(folder / FINGERPRINTS, json.dumps(seal, indent=1, sort_keys=True).encode())
    return Card.of(json.loads(text))  # as it is read the next time, to the order of its keys: the same report bytes


def stored_card(folder: Path, spec: Any, now: Mapping[str, Mapping[str, Any]]) -> Card | None:
    """The stored card if it was made from these files with this `spec`, else None."""
    seal = _stored(folder)
    same = seal.get("spec") == stamp(repr(spec)) and digests(seal.get("files", {})) == digests(now)
    if not same:
        return None
    try:
        text = (folder / CARD).read_bytes()
    except OSError:
        return None
    return Card.of(json.loads(text), at=str(folder / CARD)) if _sha256(text) == seal.get("card_sha256") else None


def known(folder: Path) -> dict[str, dict[str, Any]]:
    """The fingerprints of the last time."""
    return dict(_stored(folder).get("files", {}))


def fingerprints(files: tuple[Path, ...], old: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Size, time of change and SHA-256 of each file, by path.

    old: what an earlier call gave; a file whose size and time are the same is not read again.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in files:
        at, before = path.stat(), old.get(str(path), {})
        same = (before.get("size"), before.get("mtime_ns")) == (at.st_size, at.st_mtime_ns)
        digest = str(before["sha256"]) if same else _sha256(path.read_bytes())
        found[str(path)] = {"size": at.st_size, "mtime_ns": at.st_mtime_ns, "sha256": digest}
    return found


def digests(files: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """SHA-256 of each file, in the order of their paths."""
    return [str(files[path]["sha256"]) for path in sorted(files)]


def stamp(*parts: object) -> str:
    """Sixteen hex digits that stand for `parts` (plain data), by their canonical JSON."""
    return _sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode())[:16]


def write_aside(path: Path, data: bytes) -> None:
    """Write a whole file or nothing. Raises Problem `pilot.no_room`."""
    try:
        write_whole(path, data)
    except OSError as e:
        there = next(p for p in (path.parent, *path.parent.parents) if p.exists())
        free = shutil.disk_usage(there).free
        raise Problem(
            "pilot.no_room", at=str(path), got=free, limit=len(data), reason=e.strerror, exit=Exit.NO_ROOM
        ) from e


def clear_leftovers(folder: Path) -> None:
    """Remove what a killed process left of `write_aside`: files aside that nobody has touched for a minute."""
    for aside in folder.glob("*.part"):
        with contextlib.suppress(OSError):
            if time.time() - aside.stat().st_mtime > LEFTOVER_SECONDS:
                aside.unlink()


def _stored(folder: Path) -> dict[str, Any]:
    try:
        seal = json.loads((folder / FINGERPRINTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # never written, or not ours: the table is read again
    return seal if isinstance(seal, dict) else {}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
