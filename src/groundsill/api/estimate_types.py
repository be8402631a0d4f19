"""What `estimate_*` return: frozen values that a command prints, a notebook reads, and `record()` turns into JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Quantity


def quantiles(draws: Quantity, shares: Sequence[float]) -> list[float]:
    """Quantiles of draws, () or (draws,), joined by straight lines as numpy's are. Not numpy's own: that loads masked
    arrays, a tenth of the time of an estimate."""
    values = np.sort(np.atleast_1d(np.asarray(draws, dtype=np.float64)))
    return [float(v) for v in np.interp(np.asarray(shares) * (len(values) - 1), np.arange(len(values)), values)]


@dataclass(frozen=True)
class Spread:
    """An uncertain number: its median, 80 % interval and 90 % interval."""

    median: float
    low80: float
    high80: float
    low90: float
    high90: float

    @classmethod
    def of(cls, draws: Quantity) -> Spread:
        """Summary of draws, () or (draws,)."""
        return cls(*quantiles(draws, (0.5, 0.1, 0.9, 0.05, 0.95)))

    def times(self, factor: float) -> Spread:
        """In another unit."""
        return Spread(*(getattr(self, f.name) * factor for f in fields(self)))


@dataclass(frozen=True)
class Memory:
    """Peak bytes on the fullest accelerator. parts: bytes by part (weights, gradients, ...); limit: what there is;
    chance_fits: probability that the peak is within it."""

    parts: Mapping[str, float]
    peak: Spread
    limit: float
    chance_fits: float


@dataclass(frozen=True)
class Baseline:
    """The dumb forecast beside ours: 6N and attention at an MFU of 0.40, nothing lost. hours: accelerator-hours."""

    mfu: float
    step_seconds: float
    hours: float
    days: float


@dataclass(frozen=True)
class Near:
    """A published run that is like this one. kind: of model; weights, accelerator, count, precision: of that run; alike: 0
    to 1, how far their errors go together; error: forecast over truth, minus 1, when its suite was kept out."""

    kind: str
    weights: float
    accelerator: str
    count: int
    precision: str
    suite: str
    alike: float
    error: float


@dataclass(frozen=True)
class Training:
    """What a training takes. kind: train or tune. method: full, lora, qlora, head. tokens, sequence, batch: of the whole
    training, of a sequence, sequences of a step. plan: fields of `resources.job.Plan`; plans: how many were searched (1:
    the user's own). flops: `model` and `hardware` of a step; parts: seconds of a step by part, medians. hours:
    accelerator-hours, goodput and practice included; practice: what whole runs took over what
    their tuned steps add up to (`resources.whole`); days: calendar. energy and cost are
    None where no power or price is known. facts: what was looked up."""

    kind: str
    model: str
    parameters: float
    method: str
    trainable: float
    accelerator: str
    count: int
    precision: str
    tokens: Spread
    sequence: int
    batch: int
    plan: Mapping[str, int]
    plans: int
    flops: Mapping[str, float]
    parts: Mapping[str, float]
    step_seconds: Spread
    tokens_per_s: Spread
    mfu: Spread
    goodput: Spread
    practice: Spread
    hours: Spread
    days: Spread
    energy_kwh: Spread | None
    co2_kg: Spread | None
    cost: Spread | None
    currency: str
    memory: Memory
    baseline: Baseline
    near: tuple[Near, ...]
    notes: tuple[Problem, ...]
    facts: tuple[Fact, ...]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return record(self)


@dataclass(frozen=True)
class Choice:
    """One plan of the frontier or of the best: medians. memory_bytes: peak; hours, cost: of the whole training."""

    plan: Mapping[str, int]
    step_seconds: float
    memory_bytes: float
    hours: float
    days: float
    cost: float | None


@dataclass(frozen=True)
class Planning:
    """What a search of all plans found. frontier: no other plan is better in time, cost and memory at once; best: the
    fastest layouts, each carried through all draws; enumerated, judged, timed: as in `resources.search.Frontier`."""

    model: str
    accelerator: str
    counts: tuple[int, ...]
    enumerated: int
    judged: int
    timed: int
    seconds: float
    frontier: tuple[Choice, ...]
    best: tuple[Training, ...]
    notes: tuple[Problem, ...]
    currency: str

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return record(self)


@dataclass(frozen=True)
class Serving:
    """What serving a model takes. count: accelerators of one copy; batch: requests at the same time; batch_limit: how many
    the cache has room for; utilisation: of what a copy can answer. ttft, tpot: seconds to the first token and for each
    later one, by `mean` (or percentile). tokens_per_s: written by one copy; seconds_per_request: of accelerators, those
    that wait included. cost_per_million_tokens: of written ones."""

    kind: str
    model: str
    parameters: float
    accelerator: str
    count: int
    precision: str
    engine: str
    weight_bits: float
    tokens_in: Spread
    tokens_out: Spread
    batch: float
    batch_limit: int
    rate_per_s: float | None
    copies: int
    utilisation: Spread
    ttft: Mapping[str, Spread]
    tpot: Mapping[str, Spread]
    tokens_per_s: Spread
    seconds_per_request: Spread
    energy_j_per_token: Spread | None
    co2_kg_per_million_tokens: Spread | None
    cost_per_million_tokens: Spread | None
    cost_per_request: Spread | None
    currency: str
    memory: Memory
    near: tuple[Near, ...]
    notes: tuple[Problem, ...]
    facts: tuple[Fact, ...]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return record(self)


def record(value: Any) -> dict[str, Any]:
    """A dataclass of this file as a dict."""
    return {f.name: plain(getattr(value, f.name)) for f in fields(value)}


def plain(value: Any) -> Any:
    """A value of this file as dicts, lists, numbers and texts. A fact is told by name, value, unit, date, source, grade;
    a problem by code and values. Numbers that are not finite become None: JSON has none."""
    if isinstance(value, Fact):
        shown = value.value if isinstance(value.value, str) else value.value.median
        title = ", ".join(t for t in (value.source.title, value.source.author) if t)
        return {
            "name": value.name, "value": shown, "unit": value.unit, "date": value.date, "source": title,
            "grade": value.grade,
        }  # fmt: skip
    if isinstance(value, Problem):
        return {"code": value.code, **{k: str(v) for k, v in value.values().items() if v != ""}}
    if is_dataclass(value) and not isinstance(value, type):
        return record(value)
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
