"""What the pilot needs to know, taken from the project and the catalogue by whoever calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.event import Emit
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape

# Cheapest first, where the caller gives no order of its own: a linear model, a head on a frozen encoder, a prompt,
# a few trained weights, all weights. This is the order of what they cost to build and to serve on one machine.
_METHOD_RANK = {"head": 10, "bitfit": 40, "ia3": 40, "lora": 50, "adapter": 50, "full": 90}
_ROUTE_RANK = {"none": 0, "classical": 1, "tune": 60, "prompt": 30, "continue": 95, "pretrain": 99}


class ModelAt(Protocol):
    """A base model as the catalogue knows it: where its files are, and its shape."""

    @property
    def where(self) -> Mapping[str, str]: ...

    @property
    def shape(self) -> Shape | None: ...


class Table(Protocol):
    """The user's data, read: the pilot looks at the card only, the bench at the rest."""

    @property
    def card(self) -> Card: ...


@dataclass(frozen=True)
class Speed:
    """How long a cell of one candidate takes: start + train x rows seen + encode x new rows + score x test rows.

    start_seconds: once a cell. train_seconds_per_row: one pass over one training row. encode_seconds_per_row: the
    frozen encoder's pass over a row, paid once a row because the features are kept; 0 where nothing is kept.
    score_seconds_per_row: per test row.
    """

    start_seconds: float
    train_seconds_per_row: float
    encode_seconds_per_row: float
    score_seconds_per_row: float


@dataclass(frozen=True)
class Inputs:
    """One pilot.

    rungs: label counts, rising; seeds: paired over all candidates. target, metric, task: of the project. spec, base:
    what the bench reads the table with (a `lab.data.DataSpec` and the project's folder). models: base models by
    catalogue id. label_limit: most labels that can be had (the median if uncertain). cost_rank: candidate id -> place
    in the order of cost, cheapest first. prompt_rows: test rows of a prompt if there is time. evidence: the file that
    a full pilot writes its runs to, None for none.
    """

    candidates: tuple[Candidate, ...]
    rungs: tuple[int, ...]
    seeds: tuple[int, ...]
    target: float
    metric: str
    task: str
    spec: Any
    base: Path
    models: Mapping[str, ModelAt]
    hardware: str
    label_limit: float
    cost_rank: Mapping[str, int] = field(default_factory=dict)
    prompt_rows: int = 400
    shots: int = 6
    evidence: Path | None = None

    def rank(self, candidate: Candidate) -> float:
        """Place of a candidate in the order of cost, cheapest first."""
        if candidate.id in self.cost_rank:
            return float(self.cost_rank[candidate.id])
        return float(_METHOD_RANK.get(candidate.method, _ROUTE_RANK.get(candidate.route, 99)))

    def shots_of(self, candidate: Candidate) -> int:
        """Examples in the prompt: none for `zero-shot`, the recipe's `shots` or the project's for `few-shot`."""
        if candidate.method == "zero-shot":
            return 0
        return int(dict(candidate.recipe).get("shots", self.shots))


class Bench(Protocol):
    """What measures. The real one is the lab's (`pilot.bench`); tests use a quick one."""

    def versions(self) -> Mapping[str, str]:
        """Versions of all that a measurement depends on. Quick: it must not import them."""
        ...

    def files(self, spec: Any, base: Path) -> tuple[Path, ...]:
        """The files that the table comes from. Raises Problem `data.file_missing`, ..."""
        ...

    def read(self, spec: Any, base: Path, emit: Emit) -> Table:
        """Read and split the table. Raises Problem `data.*`."""
        ...

    def speed(self, candidate: Candidate, table: Table, inputs: Inputs, work: Path, emit: Emit) -> Speed:
        """Probe the speed of a candidate in a few seconds. Raises Problem if it cannot run here."""
        ...

    def rows_seen(self, candidate: Candidate, labels: int) -> float:
        """Training rows that pass through the candidate, all epochs together, when it has `labels` labels."""
        ...

    def measure(
        self,
        candidate: Candidate,
        table: Table,
        inputs: Inputs,
        *,
        labels: int,
        seed: int,
        rows: int,
        work: Path,
        emit: Emit,
    ) -> Run:
        """Build the candidate with `labels` labels and score it. rows: test rows, for prompts only."""
        ...
