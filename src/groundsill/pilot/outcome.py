"""What a pilot came to, and how a pilot that ran to its end is known again without doing any of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot.inputs import Bench, Inputs
from groundsill.pilot.ladder import Cell, Plan, Skipped
from groundsill.pilot.table import digests, stamp, stored_card
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import Run


@dataclass(frozen=True)
class PilotReport:
    """What a pilot did.

    done: the runs of this pilot, measured now or before. fresh, reused: ids of those measured by this call, and of
    those found in the ledger. dropped: candidate id -> why it was not measured further (a failure on this machine
    counts). skipped: cells that were not measured. seconds: of this call. plan: what was planned at the start.
    """

    card: Card
    done: tuple[Run, ...]
    fresh: tuple[str, ...]
    reused: tuple[str, ...]
    dropped: Mapping[str, Problem]
    skipped: tuple[Skipped, ...]
    seconds: float
    plan: Plan


def chosen(inputs: Inputs, only: Sequence[str]) -> tuple[Candidate, ...]:
    """The candidates asked for, cheapest first."""
    ordered = tuple(sorted(inputs.candidates, key=inputs.rank))
    for name in only:
        if not any(_named(c, name) for c in ordered):
            raise Problem("pilot.unknown_candidate", got=name, limit=", ".join(c.id for c in ordered), exit=Exit.USAGE)
    return tuple(c for c in ordered if not only or any(_named(c, name) for name in only))


def _named(candidate: Candidate, name: str) -> bool:
    return candidate.id == name or candidate.id.startswith(name.rstrip("/") + "/")


def key_of(
    inputs: Inputs, candidates: Sequence[Candidate], files: Mapping[str, Any], bench: Bench, budget: float | None
) -> str:
    """Stands for all that decides what a pilot measures."""
    settings = (list(inputs.rungs), list(inputs.seeds), inputs.prompt_rows, inputs.shots, inputs.hardware, budget)
    aims = (inputs.metric, inputs.task, inputs.target, inputs.label_limit, [(c.id, inputs.rank(c)) for c in candidates])
    return stamp(digests(files), repr(inputs.spec), settings, aims, dict(bench.versions()))


def ready(
    ledger: Ledger, folder: Path, inputs: Inputs, files: Mapping[str, Mapping[str, Any]], key: str
) -> PilotReport | None:
    """The report of a pilot that ran to its end, if nothing has changed since."""
    stored = ledger.state(f"pilot.finished.{key}")
    found = stored_card(folder, inputs.spec, files) if stored else None
    if not stored or found is None:
        return None
    runs = {r.id: r for r in ledger.runs()}
    if not set(stored["runs"]) <= set(runs):
        return None
    skipped = tuple(Skipped(Cell.of(cell), reason) for cell, reason in stored["skipped"])
    ids = tuple(stored["runs"])
    mine = {c.id for c in inputs.candidates}
    dropped = {k: v for k, v in (ledger.state("dropped") or {}).items() if k in mine}
    return PilotReport(found, tuple(runs[i] for i in ids), (), ids, problems(dropped), skipped, 0.0, Plan())


def problems(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Problem]:
    """Stored entries of "dropped" as problems."""
    return {name: Problem(entry["code"], **entry["values"]) for name, entry in entries.items()}
