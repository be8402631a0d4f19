"""Manifests: a converted model carries the SHA-256 of each of its files, checked before it is loaded."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from groundsill.terms.problem import Exit, Problem
from groundsill.terms.whole_file import sync

NAME = "manifest.json"


def sha256(path: Path) -> str:
    """64 hex digits. Remembered within the process as long as size and time of the file stand still."""
    stat = path.stat()
    return _sha256(path, stat.st_size, stat.st_mtime_ns)


@cache
def _sha256(path: Path, size: int, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build(folder: Path, source: Path | None, make: Callable[[Path], None]) -> None:
    """Let `make` fill a folder aside, add the manifest, sync all of it and rename it to `folder`. source: the file that
    it is made from, if it is.

    If another process was first, its folder is kept. Raises Problem `lab.no_room` when the disk is full.
    """
    aside = folder.with_name(f"{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        make(aside)
        files = {p.name: sha256(p) for p in sorted(aside.iterdir())}
        told = {} if source is None else {"source": source.name, "source_sha256": sha256(source)}
        record = {**told, "files": files}
        (aside / NAME).write_text(json.dumps(record, indent=1), encoding="utf-8")
        for path in (*aside.iterdir(), aside):
            sync(path)
        if not folder.exists():
            aside.rename(folder)
            sync(folder.parent)
    except OSError as e:
        if not (folder / NAME).is_file():
            raise Problem("lab.no_room", at=str(folder), got=e.strerror or str(e), exit=Exit.NO_ROOM) from e
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check(folder: Path) -> None:
    """Raises Problem `lab.model_corrupt` (integrity) unless every file is there with its hash."""
    try:
        files = json.loads((folder / NAME).read_text(encoding="utf-8"))["files"]
        wrong = [n for n, digest in files.items() if not (folder / n).is_file() or sha256(folder / n) != digest]
        if not files:
            wrong = [NAME]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        wrong = [NAME]
    if wrong:
        raise Problem("lab.model_corrupt", at=str(folder), got=", ".join(wrong), exit=Exit.INTEGRITY)
