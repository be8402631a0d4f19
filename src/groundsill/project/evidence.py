"""Earlier runs that come with a project: JSON lines `{"sha256": ..., "run": {...}}`, each checked against its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import Run

MAX_BYTES = 200_000_000


def load(folder: Path, names: Iterable[str], place: str) -> tuple[Run, ...]:
    """All runs of the files, in order. place: line of the project file that names them.

    A run that says it was measured is called `imported`: `measured` means on this machine. Raises Problem
    `project.evidence_missing`, `project.evidence_bad_line` (INVALID), `project.evidence_changed` (INTEGRITY).
    """
    return tuple(run for name in names for run in _file(folder / name, name, place))


def line_of(run: Run) -> str:
    """One line of such a file, without its end; the same bytes for the same run."""
    entry = {"sha256": hashlib.sha256(run.canonical()).hexdigest(), "run": run.record()}
    return json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _file(path: Path, name: str, place: str) -> list[Run]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Problem("project.too_large", at=name, got=path.stat().st_size, limit=MAX_BYTES)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        why = "not UTF-8" if isinstance(e, UnicodeDecodeError) else e.strerror or str(e)
        raise Problem("project.evidence_missing", at=place, got=name, why=why) from None
    return [_run(line, f"{name}:{i}") for i, line in enumerate(text.split("\n"), 1) if line.strip()]


def _run(line: str, at: str) -> Run:
    try:
        entry = json.loads(line)
        told, record = entry["sha256"], entry["run"]
        run = Run.of(record, at=at)
        own = hashlib.sha256(run.canonical()).hexdigest()
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise Problem("project.evidence_bad_line", at=at, got=type(e).__name__) from None
    if told != own:
        raise Problem("project.evidence_changed", at=at, got=own[:16], limit=str(told)[:16], exit=Exit.INTEGRITY)
    return replace(run, source=replace(run.source, kind="imported")) if run.source.kind == "measured" else run
