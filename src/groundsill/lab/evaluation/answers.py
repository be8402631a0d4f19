"""The answers of a run, row by row: what paired tests and calibration need and a value does not tell."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.terms.problem import Exit, Problem
from groundsill.terms.whole_file import write_whole

FOLDER = "answers"


Scores = npt.NDArray[np.float32]


def keep(work: Path, run_id: str, scores: npt.NDArray[np.floating[Any]]) -> None:
    """Write the scores of all classes `(rows, classes)` under the run's id. Raises Problem `lab.no_room`."""
    packed = io.BytesIO()
    np.save(packed, scores.astype(np.float32), allow_pickle=False)
    _write(work, f"{run_id}.npy", packed.getvalue())


def keep_texts(work: Path, run_id: str, written: Sequence[str]) -> None:
    """Write the texts of a run under its id, a JSON list. Raises Problem `lab.no_room`."""
    _write(work, f"{run_id}.json", json.dumps(list(written), ensure_ascii=False, indent=0).encode())


def kept_texts(work: Path, run_id: str, rows: int) -> tuple[str, ...] | None:
    """The texts of a run, None where they were not kept or the file is broken."""
    try:
        found = json.loads((work / FOLDER / f"{run_id}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    sound = isinstance(found, list) and len(found) == rows and all(isinstance(text, str) for text in found)
    return tuple(found) if sound else None


def _write(work: Path, name: str, content: bytes) -> None:
    try:
        write_whole(work / FOLDER / name, content)
    except OSError as e:
        raise Problem("lab.no_room", at=str(work / FOLDER), got=e.strerror or str(e), exit=Exit.NO_ROOM) from e


def kept(work: Path, run_id: str, rows: int) -> Scores | None:
    """The scores of a run, None where they were not kept or the file is broken."""
    try:
        found = np.load(work / FOLDER / f"{run_id}.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.dtype == np.float32 and found.ndim == 2 and len(found) == rows else None
