"""How long a cell will take: a short probe of each candidate, corrected by what its cells really took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot.inputs import Bench, Inputs, Speed, Table
from groundsill.pilot.ladder import LEAST_PROMPT_ROWS, PROMPT_ROWS_SHARE, Cell, Kind, kind
from groundsill.pilot.table import stamp
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event
from groundsill.terms.problem import Problem


def speeds(
    candidates: Sequence[Candidate],
    table: Table,
    inputs: Inputs,
    *,
    ledger: Ledger,
    bench: Bench,
    work: Path,
    emit: Emit,
    failed: Callable[[Candidate, Problem], None],
) -> dict[Candidate, Speed]:
    """Speed of each candidate, probed once for this data, hardware and versions and then kept in the ledger.

    A candidate whose probe raises a Problem is reported to `failed` and left out.
    """
    found: dict[Candidate, Speed] = {}
    mark = stamp(table.card.data_hash, inputs.hardware, dict(bench.versions()))
    for number, candidate in enumerate(candidates):
        key = f"pilot.speed.{candidate.id}"
        stored = ledger.state(key)
        if stored and stored["stamp"] == mark:
            found[candidate] = Speed(**stored["speed"])
            continue
        emit(Event("pilot.probing", {"candidate": candidate.id, "done": number, "total": len(candidates)}))
        try:
            found[candidate] = bench.speed(candidate, table, inputs, work, emit)
        except Problem as problem:
            failed(candidate, problem)
            continue
        ledger.set_state(key, {"stamp": mark, "speed": asdict(found[candidate])})
    return found


def prompt_rows(speed: Speed, inputs: Inputs, budget_seconds: float | None, test_rows: int) -> int:
    """Test rows of a prompt: as many as its share of the budget holds, at least 100, at most what the project asks."""
    most = min(inputs.prompt_rows, test_rows)
    if budget_seconds is None:
        return most
    room = (PROMPT_ROWS_SHARE * budget_seconds - speed.start_seconds) / max(speed.score_seconds_per_row, 1e-9)
    return min(most, max(LEAST_PROMPT_ROWS, int(room)))


@dataclass
class Pace:
    """Predicted seconds of cells, and how they turn out.

    speeds: of each candidate. ladders: its rungs, rising. rows: test rows of each prompt. first_seed: the cell of the
    lowest rung with this seed pays for encoding the test set, where features are kept. rows_seen: training rows that
    pass through a candidate at so many labels, all epochs together.
    """

    speeds: Mapping[Candidate, Speed]
    ladders: Mapping[Candidate, Sequence[int]]
    rows: Mapping[Candidate, int]
    test_rows: int
    first_seed: int
    rows_seen: Callable[[Candidate, int], float]
    _seen: dict[Candidate, dict[int, list[tuple[float, float]]]] = field(default_factory=dict)

    def probed(self, cell: Cell) -> float:
        """Seconds of a cell by the probe alone."""
        speed = self.speeds[cell.candidate]
        if kind(cell.candidate) == "prompt":
            return speed.start_seconds + speed.score_seconds_per_row * self.rows[cell.candidate]
        training = speed.train_seconds_per_row * self.rows_seen(cell.candidate, cell.labels)
        if kind(cell.candidate) == "trained" or speed.encode_seconds_per_row == 0:
            return speed.start_seconds + training + speed.score_seconds_per_row * self.test_rows
        below = [r for r in self.ladders[cell.candidate] if r < cell.labels]
        new_rows = cell.labels - (below[-1] if below else 0)  # rungs are nested: the rows below are encoded already
        first = not below and cell.seed == self.first_seed
        # features are kept: the model is loaded and the test rows are read once, scoring them again costs next to nothing
        once = speed.start_seconds + speed.encode_seconds_per_row * self.test_rows if first else 0.0
        return once + training + speed.encode_seconds_per_row * new_rows

    def seconds(self, cell: Cell) -> float:
        """Seconds of a cell, corrected by the ratio of measured to probed seconds."""
        return self.probed(cell) * self.ratio(cell.candidate)

    def note(self, cell: Cell, seconds: float) -> None:
        """A cell took so long."""
        rungs = self._seen.setdefault(cell.candidate, {})
        rungs.setdefault(cell.labels, []).append((seconds, self.probed(cell)))

    def ratio(self, candidate: Candidate) -> float:
        """Measured over probed: of the candidate's highest measured rung, where fixed costs weigh least; before its
        first cell the median over candidates of its kind; else 1."""
        if candidate in self._seen:
            rungs = self._seen[candidate]
            return _ratio(rungs[max(rungs)])
        alike: Kind = kind(candidate)
        return median([self.ratio(c) for c in self._seen if kind(c) == alike] or [1.0])


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    probed = sum(p for _, p in pairs)
    return sum(m for m, _ in pairs) / probed if probed > 0 else 1.0
