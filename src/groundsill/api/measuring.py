"""Measuring: the pilot, and runs that were made earlier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.api.analysis import card_of, folder_of, today
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Problem

if TYPE_CHECKING:
    from groundsill.pilot.inputs import Inputs
    from groundsill.project.file import Project

UNLIMITED_LABELS = 1e9  # a project that names no limit


@dataclass(frozen=True)
class PilotDone:
    """What `pilot` did. fresh, reused, skipped: counts of runs; dropped: candidate id -> why; plan: (cell, seconds)."""

    fresh: int
    reused: int
    skipped: int
    seconds: float
    dropped: Mapping[str, Problem]
    plan: tuple[tuple[str, float], ...]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "fresh": self.fresh,
            "reused": self.reused,
            "skipped": self.skipped,
            "seconds": round(self.seconds, 2),
            "dropped": {
                k: {"code": p.code, **{n: str(v) for n, v in p.values().items()}} for k, p in self.dropped.items()
            },
            "plan": [{"cell": cell, "seconds": round(seconds, 1)} for cell, seconds in self.plan],
        }


def pilot(
    path: Path,
    *,
    budget_seconds: float | None = 360.0,
    only: Sequence[str] = (),
    plan_only: bool = False,
    emit: Emit = silent,
) -> PilotDone:
    """Measure the candidates of a project on its own data and write each run to the ledger.

    budget_seconds: time to spend; None for the whole ladder, which also writes the evidence file that the project
    names. Raises Problem of `project`, `data`, `lab`, `pilot`, `ledger`.
    """
    from groundsill.pilot import run
    from groundsill.project import file

    project = file.read(path)
    if project.spec is None:
        raise Problem("api.no_pilot", at=str(path))
    report = run.run(
        inputs_of(project),
        ledger_folder=folder_of(project),
        budget_seconds=budget_seconds or 0.0,
        emit=emit,
        plan_only=plan_only,
        full=budget_seconds is None,
        only=only,
        today=today(),
    )
    plan = tuple(
        (f"{c.candidate.id} {c.labels} labels, seed {c.seed}", report.plan.seconds_of(c)) for c in report.plan.order
    )
    return PilotDone(len(report.fresh), len(report.reused), len(report.skipped), report.seconds, report.dropped, plan)


def inputs_of(project: Project) -> Inputs:
    """What the pilot needs of the project and the catalogue."""
    from groundsill.catalogue.load import Catalogue
    from groundsill.pilot.inputs import Inputs

    catalogue = Catalogue()
    measured = [c for c in project.candidates if not c.model.startswith("hosted/")]
    limit = project.facts.get("labels.limit")
    settings = project.pilot
    return Inputs(
        candidates=tuple(measured),
        rungs=tuple(settings.rungs),
        seeds=tuple(range(settings.seeds)),
        target=project.target,
        metric=project.task.metric,
        task=project.task.kind,
        spec=project.spec,
        base=project.folder,
        models={c.model: catalogue.model(c.model) for c in measured if c.model},
        hardware=project.hardware.train or "",
        label_limit=limit.value.median if limit and not isinstance(limit.value, str) else UNLIMITED_LABELS,
        prompt_rows=settings.prompt_rows,
        shots=settings.shots,
        evidence=project.folder / project.evidence_runs[0] if project.evidence_runs else None,
    )


def import_runs(path: Path, table: Path) -> tuple[int, int]:
    """Put the runs of a table (docs/runs-table.md) into the project's ledger. Returns (new, known already).

    Raises Problem `pilot.*` with the line of the table, `ledger.*`.
    """
    from groundsill.catalogue.ledger import Ledger
    from groundsill.pilot import evidence, run
    from groundsill.project import file

    project = file.read(path)
    card = card_of(project)
    runs = evidence.import_csv(
        table, task=project.task.kind, metric=project.task.metric, data_hash=card.data_hash if card else "", today=today()
    )  # fmt: skip
    new = run.record(Ledger(folder_of(project)), runs)
    return new, len(runs) - new
