"""A run: one measured or published training or inference. Pilots, real trainings and papers share this type."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.source import Source

MEASURES: dict[str, str] = {
    "train_seconds": "s",  # wall time of building this model, the encoding pass not included
    "encode_seconds": "s",  # wall time of encoding the rows that this run needed, at the measured speed (cached or not)
    "score_seconds": "s",  # wall time of scoring the test rows, encoding included
    "score_seconds_per_row": "s/row",
    "train_rows_seen": "row",  # rows x epochs
    "train_tokens": "token",
    "train_flops": "FLOP",
    "score_flops_per_row": "FLOP/row",
    "peak_bytes": "B",
    "model_bytes": "B",
    "joules": "J",
    "trainable_weights": "weight",
    "accelerators": "accelerator",
    "accelerator_seconds": "s",  # accelerators x wall time, as published or measured
    "missing_classes": "1",  # classes of the test set that the training rows lack
    "flops_per_s": "FLOP/s",  # of a dense matrix product
    "bytes_per_s": "B/s",  # of reading and writing memory
    "step_seconds": "s",  # one optimiser step: median of the repeats
    "prefill_seconds": "s",  # reading the prompts of a batch
    "token_seconds": "s",  # writing one token of each request of a batch
    "memory_bytes": "B",  # of the accelerator or machine
    "reserved_bytes": "B",  # that the allocator took from the GPU, what it did not use included
    "power_w": "W",  # mean draw while this ran
    "spread": "1",  # standard deviation of the log of one repeat
    "repeats": "1",
    "load": "1",  # other work on the machine while this ran: mean run queue less our own threads
}

CALIBRATION = "calibration"  # the task of runs that time a machine: they say nothing about quality


@dataclass(frozen=True)
class Run:
    """One run.

    task: task kind, or the name of a score average. at: the point where it stands, `{"labels": 400}` or
    `{"parameters": 7e9, "tokens": 2e12}`; the same mapping that `Curve.at` takes. metric, value, stderr: quality and
    its standard error from the finite test set alone (seed noise shows between runs); value None where only time was
    measured. scores: the other metrics of the same run. measures: see MEASURES, all SI. chance: majority rate of that
    test set. test_id: which rows were the test set. started: ISO 8601, UTC.
    """

    candidate: Candidate
    task: str
    metric: str
    at: Mapping[str, float]
    source: Source
    value: float | None = None
    stderr: float | None = None
    seed: int | None = None
    chance: float | None = None
    test_id: str = ""
    test_rows: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)
    hardware: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    data_hash: str = ""
    started: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        unknown = set(self.measures) - set(MEASURES)
        if unknown:
            raise Problem("run.unknown_measure", got=", ".join(sorted(unknown)), limit=", ".join(MEASURES))

    def record(self) -> dict[str, Any]:
        """As plain data for JSON; `Run.of` reads it back."""
        data = asdict(self)
        data["candidate"]["recipe"] = [list(p) for p in self.candidate.recipe]
        return {k: v for k, v in data.items() if v not in (None, "", {})}

    def canonical(self) -> bytes:
        """The same bytes for the same run: sorted keys, no spaces."""
        return json.dumps(self.record(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @cached_property
    def id(self) -> str:
        """First 16 hex digits of the SHA-256 of the record; a run never changes."""
        return hashlib.sha256(self.canonical()).hexdigest()[:16]

    @classmethod
    def of(cls, data: Mapping[str, Any], at: str = "") -> Run:
        """Read a record. Raises Problem `run.bad_record` (integrity) naming the fault; `at` says where it stood."""
        try:
            given = dict(data)
            c = given.pop("candidate")
            recipe = tuple((str(k), v) for k, v in c.get("recipe", ()))
            candidate = Candidate(c["route"], c.get("method", ""), c.get("model", ""), recipe)
            return cls(candidate=candidate, source=Source(**given.pop("source")), **{"metric": "", "at": {}, **given})
        except (KeyError, TypeError, AttributeError, ValueError) as e:
            raise Problem("run.bad_record", at=at, got=str(e), exit=Exit.INTEGRITY) from e
