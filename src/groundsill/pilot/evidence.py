"""Evidence files: runs as JSON lines, each with the SHA-256 of its record, so that a changed line is seen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from groundsill.pilot.runs_table import import_csv
from groundsill.pilot.table import write_aside
from groundsill.project.evidence import line_of
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import Run

__all__ = ["import_csv", "read", "refresh", "shipped", "write"]


def write(runs: Iterable[Run], path: Path) -> None:
    """Write `runs`, one a line, the whole file or nothing. Raises Problem `pilot.no_room`."""
    write_aside(path, "".join(line_of(run) + "\n" for run in runs).encode())


def refresh(runs: Iterable[Run], path: Path) -> None:
    """Put `runs` into the file in place of those of the same measurement; all others in it stay.

    Raises Problem `pilot.evidence_changed` rather than write over a file that is not as it was written.
    """
    new = list(runs)
    same = {_measurement(r) for r in new}
    old = [r for r in read(path) if _measurement(r) not in same] if path.exists() else []
    write([*old, *new], path)


def _measurement(run: Run) -> tuple[object, ...]:
    # prompts: a later one may have been measured on more rows, so the test set does not tell them apart
    at = () if run.candidate.route == "prompt" else (*sorted(run.at.items()), run.test_id)
    return (run.candidate, run.metric, run.seed, run.data_hash, at)


def read(path: Path) -> list[Run]:
    """Runs of an evidence file, in its order.

    Raises Problem `pilot.no_evidence` (no such file) and `pilot.evidence_changed` (integrity), naming the line that is
    not as it was written.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as e:
        raise Problem("pilot.no_evidence", at=str(path), got=e.strerror or str(e)) from e
    return [_run(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def shipped(run: Run) -> Run:
    """The same run, marked as measured by the makers of the example instead of on the reader's machine."""
    return replace(run, source=replace(run.source, kind="shipped"))


def _run(line: bytes, at: str) -> Run:
    try:
        entry = json.loads(line)
        run, digest = Run.of(entry["run"], at=at), entry["sha256"]
    except (ValueError, KeyError, TypeError, Problem) as e:
        raise Problem("pilot.evidence_changed", at=at, got=str(e)[:200], exit=Exit.INTEGRITY) from e
    found = hashlib.sha256(run.canonical()).hexdigest()
    if found != digest:
        raise Problem("pilot.evidence_changed", at=at, got=found[:12], limit=str(digest)[:12], exit=Exit.INTEGRITY)
    return run
