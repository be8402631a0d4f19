"""A bench for tests: synthetic learning curves and speeds, on a virtual clock or a real one."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from groundsill.pilot.inputs import Inputs, Speed
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.source import Source

CLASSICAL = Candidate("classical", "tfidf-logistic")
HEAD = Candidate("tune", "head", "mini")
LORA = Candidate("tune", "lora", "mini")
FULL = Candidate("tune", "full", "mini")
ZERO = Candidate("prompt", "zero-shot", "smol")
FEW = Candidate("prompt", "few-shot", "smol")
NONE = Candidate("none")
ALL = (NONE, CLASSICAL, HEAD, LORA, FULL, ZERO, FEW)

# Seconds as measured on two slow cores: MiniLM trains 31 rows a second with lora, 20 in full, scores 108.
EPOCHS = 3.0
SPEEDS: dict[Candidate, Speed] = {
    CLASSICAL: Speed(0.2, 0.0005, 0.0, 0.0001),
    HEAD: Speed(0.3, 0.0003, 1 / 108, 0.0001),
    LORA: Speed(1.0, 1 / 31, 0.0, 1 / 108),
    FULL: Speed(1.0, 1 / 20, 0.0, 1 / 108),
    ZERO: Speed(1.0, 0.0, 0.0, 0.15),
    FEW: Speed(1.0, 0.0, 0.0, 0.4),
}
# error(n) = floor + scale n^-exponent
CURVES: dict[Candidate, tuple[float, float, float]] = {
    CLASSICAL: (0.14, 2.2, 0.45),
    HEAD: (0.16, 1.2, 0.40),
    LORA: (0.10, 3.0, 0.45),
    FULL: (0.10, 3.2, 0.45),
    ZERO: (0.75, 0.0, 1.0),
    FEW: (0.55, 0.0, 1.0),
}


def three_epochs(candidate: Candidate, labels: int) -> float:
    """Rows times epochs."""
    return labels * (EPOCHS if candidate in (LORA, FULL) else 1.0)


class Clock:
    """A clock that only moves when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class FakeBench:
    """sleep: passes the time of a cell; slower: true seconds over probed, by candidate; jitter: log-sd of a cell."""

    sleep: Callable[[float], None] = time.sleep
    slower: Mapping[Candidate, float] = field(default_factory=dict)
    jitter: float = 0.0
    curves: Mapping[Candidate, tuple[float, float, float]] = field(default_factory=lambda: CURVES)
    speeds: Mapping[Candidate, Speed] = field(default_factory=lambda: SPEEDS)
    pool_rows: int = 20_000
    test_rows: int = 1000
    noise: float = 0.004
    fails: Mapping[Candidate, Problem] = field(default_factory=dict)
    version: str = "1"
    measured: list[tuple[Candidate, int, int, int]] = field(default_factory=list)
    probed: list[Candidate] = field(default_factory=list)
    reads: int = 0
    on_measure: Callable[[Candidate, int, int], None] = lambda candidate, labels, seed: None

    def versions(self) -> Mapping[str, str]:
        return {"fake": self.version}

    def files(self, spec: Any, base: Path) -> tuple[Path, ...]:
        return (base / str(spec),)

    def read(self, spec: Any, base: Path, emit: object) -> Any:
        self.reads += 1
        data = hashlib.sha256((base / str(spec)).read_bytes()).hexdigest()
        return SimpleNamespace(
            card=Card(
                path=str(spec), file_hash=data, data_hash=data, rows=self.pool_rows + self.test_rows,
                pool_rows=self.pool_rows, test_rows=self.test_rows, test_id=data[:16], test_kind="random", chance=0.44,
                classes={"a": 2, "b": 2}, test_classes={"a": 1, "b": 1},
            )
        )  # fmt: skip

    def speed(self, candidate: Candidate, table: Any, inputs: Inputs, work: Path, emit: object) -> Speed:
        self.probed.append(candidate)
        if candidate in self.fails and self.fails[candidate].at == "probe":
            raise self.fails[candidate]
        self.sleep(0.5)
        return self.speeds[candidate]

    def rows_seen(self, candidate: Candidate, labels: int) -> float:
        return three_epochs(candidate, labels)

    def measure(
        self,
        candidate: Candidate,
        table: Any,
        inputs: Inputs,
        *,
        labels: int,
        seed: int,
        rows: int,
        work: Path,
        emit: object,
    ) -> Run:
        self.on_measure(candidate, labels, seed)
        if candidate in self.fails:
            raise self.fails[candidate]
        rng = np.random.default_rng([crc32(candidate.id.encode()), labels, seed])
        first = not any(c == candidate for c, *_ in self.measured)
        self.sleep(self._seconds(candidate, labels, rows, first) * float(np.exp(self.jitter * rng.standard_normal())))
        self.measured.append((candidate, labels, seed, rows))
        floor, scale, exponent = self.curves[candidate]
        tested = rows or self.test_rows
        value = 1.0 - floor - scale * max(labels, 1) ** -exponent
        return Run(
            candidate=candidate,
            task=inputs.task,
            metric=inputs.metric,
            at={"labels": labels},
            source=Source(id="pilot", kind="measured"),
            value=max(float(value + self.noise * rng.standard_normal()), 0.44 if candidate.route != "prompt" else 0.0),
            stderr=(value * (1 - value) / tested) ** 0.5,
            seed=seed,
            chance=0.44,
            test_id=table.card.test_id if not rows else f"first-{rows}",
            test_rows=tested,
            data_hash=table.card.data_hash,
        )

    def _seconds(self, candidate: Candidate, labels: int, rows: int, first: bool) -> float:
        """The truth, written apart from the pilot's own forecast: an encoder sees each new row once."""
        speed, slower = self.speeds[candidate], self.slower.get(candidate, 1.0)
        if candidate.route == "prompt":
            return slower * (speed.start_seconds + speed.score_seconds_per_row * rows)
        new_rows = labels if labels <= 200 else labels / 2
        seconds = speed.start_seconds + speed.encode_seconds_per_row * new_rows
        seconds += speed.train_seconds_per_row * labels * (EPOCHS if candidate in (LORA, FULL) else 1.0)
        if first:
            seconds += speed.encode_seconds_per_row * self.test_rows
        return slower * (seconds + speed.score_seconds_per_row * self.test_rows)


def make_inputs(base: Path, **changes: Any) -> Inputs:
    """Inputs of a project with one small file."""
    data = base / "data.csv"
    if not data.exists():
        data.write_text("text,label\nx,a\ny,b\n")
    given: dict[str, Any] = {
        "candidates": ALL, "rungs": (200, 400, 800, 1600, 3200), "seeds": (0, 1, 2), "target": 0.99,
        "metric": "accuracy", "task": "text-classification", "spec": "data.csv", "base": base, "models": {},
        "hardware": "cpu-2-core", "label_limit": 10_000.0,
    }  # fmt: skip
    return Inputs(**(given | changes))


def true_curve(runs: Sequence[Run], anchor: object, labels: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draws around the truth, in the place of the fitted curve."""
    floor, scale, exponent = CURVES[runs[0].candidate]
    return np.asarray(1.0 - floor - scale * labels**-exponent + 0.02 * rng.standard_normal(2000), dtype=np.float64)


def refused(*_: object) -> None:
    """In the place of a fit: there is no curve."""
    raise Problem("scaling.at_chance")
