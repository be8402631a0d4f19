"""From what was measured to a Run."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab import tasks
from groundsill.lab.data import Split, identity
from groundsill.lab.evaluation import answers
from groundsill.lab.evaluation.score import judge
from groundsill.terms.candidate import Candidate
from groundsill.terms.run import Run
from groundsill.terms.source import Source


@dataclass(frozen=True, eq=False)
class Report:
    """What one measurement brought. scores: of the test rows `(rows, classes)` (of tagged words `(words, classes)`), before
    the softmax; the highest is the answer. measures: as in `terms.run.MEASURES`. libraries: those that took part. note:
    what the reader of the run should know. written: the answers, where they are texts; then there are no scores. graded:
    whether the scores mean probabilities, or only mark the answer (a last column more than classes: no answer)."""

    scores: npt.NDArray[np.floating[Any]]
    measures: Mapping[str, float]
    libraries: Sequence[str]
    note: str = ""
    written: tuple[str, ...] = ()
    graded: bool = True

    @property
    def predicted(self) -> npt.NDArray[np.int32]:
        """Class numbers of the test rows (of tagged words: tag numbers of the words)."""
        return self.scores.argmax(axis=1).astype(np.int32)

    @property
    def answers(self) -> npt.NDArray[np.int32] | tuple[str, ...]:
        """The answers, as their task judges them."""
        return self.written or self.predicted


def now() -> str:
    """This instant, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(libraries: Sequence[str]) -> dict[str, str]:
    """Installed versions, Python first; what is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def run_of(
    candidate: Candidate,
    report: Report,
    test: Split,
    classes: tuple[str, ...],
    *,
    task: str,
    metric: str,
    at: Mapping[str, float],
    seed: int,
    hardware: str,
    data_hash: str,
    test_id: str,
    started: str,
    work: Path,
) -> Run:
    """The Run of one measurement; its answers are kept under `work`. Raises Problem `lab.no_room` and those of
    `evaluation.score`."""
    scored = judge(
        task, metric, test, report.answers, classes, None if report.written or not report.graded else report.scores
    )
    run = Run(
        candidate=candidate,
        task=task,
        metric=metric or tasks.find(task).METRIC,
        at=dict(at),
        source=Source(id="measured", kind="measured", title="pilot on this machine", read=started[:10]),
        value=scored.value,
        stderr=scored.stderr,
        seed=seed,
        chance=tasks.find(task).chance(metric or tasks.find(task).METRIC, test, classes),
        test_id=test_id,
        test_rows=len(test),
        scores=dict(scored.scores),
        measures={k: float(v) for k, v in report.measures.items()},
        hardware=hardware,
        versions=versions(report.libraries),
        data_hash=data_hash,
        started=started,
        note=report.note,
    )
    if report.written:
        answers.keep_texts(work, run.id, report.written)
    else:
        answers.keep(work, run.id, report.scores)
    return run


def test_id_of(test: Split, classes: Sequence[str]) -> str:
    """Which rows a test set holds, 16 hex digits."""
    return identity(test.texts, test.said(classes))[:16]
