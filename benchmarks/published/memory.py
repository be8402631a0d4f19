"""The memory model against published rows: training memory, small tuning methods, and out-of-memory verdicts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from groundsill.catalogue.load import Catalogue
from groundsill.resources.memory import Memory, peak
from groundsill.resources.memory_odds import MemoryFactors, fits_probability, interval, read_factors
from groundsill.terms.quantity import Z90

from .memory_rows import Case, case_of, machine_of
from .memory_served import served_bytes
from .rows import Row, Scored, Tables, counts, number

FILES = ("megatron_throughput", "finetune_runs", "inference_runs")
MEMORY = {"megatron_throughput": "mem_per_gpu_gb", "finetune_runs": "peak_mem_gb"}
UNSCORED = ("llama-factory-estimates",)  # a rule of thumb, not a measurement
NONE = MemoryFactors(fragmentation=0.0, context_bytes=0.0, communicator_bytes=0.0)
PRIOR = MemoryFactors()
PRIOR_SUITES = 2.0  # how many suites the prior coefficients count as
FEWEST_ROWS = 4


def fit(tables: Tables) -> dict[str, Any]:
    """Coefficients from scored rows. fragmentation: the median share of each suite whose figure counts more than
    tensors, shrunk to the prior; level_sd, noise_sd: between and within suites."""
    cases = _cases(tables)
    share = _fragmentation(cases)
    factors = MemoryFactors(fragmentation=share)
    errors: dict[str, list[float]] = defaultdict(list)
    for (suite, _), rows in _by_group(cases).items():
        errors[suite].append(float(np.median([_error(m, c, t, factors) for m, c, t in rows])))
    level, noise = _spread(errors)
    source = {
        "suites": sorted(errors),
        "licences": "facts of public tables: torchtitan, torchtune BSD-3; LitGPT, peft Apache-2; BigScience not checked",
        "rows": len(cases),
        "fragmentation": "held by the allocator beyond tensors, as a share of them; prior 0.055, the middle of 3 to 8 %",
        "context_bytes": "driver and kernels: judged, the middle of 0.5 to 1 GiB",
        "communicator_bytes": "one group's buffers: 0.35 to 0.4 GiB (aiconfigurator-core 0.12, Apache-2)",
        "level_sd": "log error between suites", "noise_sd": "log error of the groups of one suite",
        "shift": "0: only own runs shift the level",
    }  # fmt: skip
    return {
        "fragmentation": share,
        "context_bytes": PRIOR.context_bytes,
        "communicator_bytes": PRIOR.communicator_bytes,
        "level_sd": level,
        "noise_sd": noise,
        "shift": 0.0,
        "_source": source,
    }


def score(tables: Tables, factors: Mapping[str, Any] | None, catalogue: Any) -> list[Scored]:
    """Training memory (full), memory of small tuning methods, and verdicts (predicted: probability that it fits)."""
    known, found = read_factors(factors), []
    for file, column in MEMORY.items():
        for row in tables.get(file, []):
            truth = number(row, column)
            if not counts(row) or not truth or row["suite"] in UNSCORED:
                continue
            case = case_of(row, catalogue, file)
            if case is None:
                continue
            predicted = float(_peak(case, known).of(case.kind)) / case.unit
            low, high = (float(v) for v in interval(predicted, 0.8, known))
            quantity = "train_memory" if case.job.method == "full" else "peft_memory"
            note = f"{row['model']} {row.get('method') or ''} {row['row_id']}"
            found.append(Scored(quantity, row["suite"], row["group_key"], predicted, truth, low, high, note))
    return found + verdicts(tables, known, catalogue)


def verdicts(tables: Tables, factors: MemoryFactors, catalogue: Any) -> list[Scored]:
    """Rows that ran out of memory (but those of low confidence) and, of the same suites, rows that ran and count."""
    found = []
    for file, rows in tables.items():
        suites = {row["suite"] for row in rows if row["status"] == "oom"}
        for row in rows:
            out = row["status"] == "oom" and row["confidence"] != "low"
            if row["suite"] not in suites or not (out or counts(row)):
                continue
            limit = machine_of(row, catalogue)
            if limit is None:
                continue
            needed = _needed(row, file, factors, catalogue)
            if needed is None:
                continue
            chance = float(fits_probability(needed, limit * USABLE, factors))
            note = f"{row['model']} {needed / 1e9:.1f} of {limit / 1e9:.0f} GB {row['row_id']}"
            truth = float(row["status"] == "ok")
            found.append(Scored("oom_verdict", row["suite"], row["group_key"], chance, truth, note=note))
    return found


USABLE = 0.985
"""Share of an accelerator's memory that a program gets: the driver keeps the rest. Judged."""


def score_oom(tables: Tables, factors: Mapping[str, Any] | None, catalogue: Any) -> dict[str, float]:
    """Balanced accuracy of the verdict at a probability of one half, and rows of each kind."""
    rows = verdicts(tables, read_factors(factors), catalogue)
    fit_rows = [s for s in rows if s.truth == 1.0]
    out_rows = [s for s in rows if s.truth == 0.0]
    if not fit_rows or not out_rows:
        return {"balanced_accuracy": float("nan"), "ran": len(fit_rows), "out_of_memory": len(out_rows)}
    right = np.mean([s.predicted >= 0.5 for s in fit_rows]), np.mean([s.predicted < 0.5 for s in out_rows])
    return {"balanced_accuracy": float(np.mean(right)), "ran": len(fit_rows), "out_of_memory": len(out_rows)}


def missed(tables: Tables, catalogue: Any) -> dict[str, int]:
    """Scored rows that cannot be forecast, by reason."""
    count = 0
    for file, column in MEMORY.items():
        scored = (row for row in tables.get(file, []) if counts(row) and number(row, column))
        count += sum(case_of(row, catalogue, file) is None for row in scored)
    return {"size of the model unknown": count} if count else {}


def _needed(row: Row, file: str, factors: MemoryFactors, catalogue: Any) -> float | None:
    if file == "inference_runs":
        return served_bytes(row, catalogue, factors)
    case = case_of(row, catalogue, file, adapt=False)
    return None if case is None else float(_peak(case, factors).bytes)


def _peak(case: Case, factors: MemoryFactors) -> Memory:
    return peak(case.job, case.plan, factors, habits=case.habits, adapter=case.adapter)


_Row = tuple[Memory, Case, float]


@cache
def _catalogue() -> Catalogue:
    return Catalogue()


_READ: dict[tuple[str, str, str], _Row | None] = {}  # crossing fits the same rows many times


def _read(row: Row, file: str, truth: float) -> _Row | None:
    key = (file, row["row_id"], str(sorted(row.items())))
    if key not in _READ:
        case = case_of(row, _catalogue(), file)
        _READ[key] = None if case is None else (_peak(case, NONE), case, truth * case.unit)
    return _READ[key]


def _cases(tables: Tables) -> list[tuple[Row, _Row]]:
    """Scored rows with their memory before allocator and context, and the truth in bytes."""
    found = []
    for file, column in MEMORY.items():
        for row in tables.get(file, []):
            truth = number(row, column)
            if counts(row) and truth and row["suite"] not in UNSCORED:
                one = _read(row, file, truth)
                if one is not None:
                    found.append((row, one))
    return found


def _by_group(cases: list[tuple[Row, _Row]]) -> dict[tuple[str, str], list[_Row]]:
    found: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row, one in cases:
        found[row["suite"], row["group_key"]].append(one)
    return found


def _error(bare: Memory, case: Case, truth: float, factors: MemoryFactors) -> float:
    """log(truth / forecast)."""
    return float(np.log(truth / float(_peak(case, factors).of(case.kind))))


def _fragmentation(cases: list[tuple[Row, _Row]]) -> float:
    """The share of tensors that suites with `reserved` or `total` figures show, shrunk to the prior."""
    each: dict[str, list[float]] = defaultdict(list)
    for row, (bare, case, truth) in cases:
        moving = float(bare.allocated)
        if case.kind == "allocated":
            continue
        fixed = float(_peak(case, MemoryFactors(fragmentation=0.0)).of(case.kind))
        each[row["suite"]].append((truth - fixed) / moving)
    shares = [float(np.clip(np.median(v), -0.1, 0.3)) for v in each.values() if len(v) >= FEWEST_ROWS]
    return max(0.0, (PRIOR_SUITES * PRIOR.fragmentation + sum(shares)) / (PRIOR_SUITES + len(shares)))


def _spread(errors: Mapping[str, list[float]]) -> tuple[float, float]:
    """(between, within) suites: standard deviations of log errors, shrunk to the prior. Within: from the 80 % quantile of
    all groups' distances to their suite's median, so that 80 % intervals hold although tails are heavy."""
    many = {s: np.array(v) for s, v in errors.items() if len(v) >= FEWEST_ROWS}
    if not many:
        return PRIOR.level_sd, PRIOR.noise_sd
    levels = [float(np.median(v)) for v in many.values()]
    level = (PRIOR_SUITES * PRIOR.level_sd**2 + sum(v**2 for v in levels)) / (PRIOR_SUITES + len(levels))
    far = np.concatenate([np.abs(v - np.median(v)) for v in many.values()])
    noise = max(PRIOR.noise_sd, float(np.quantile(far, 0.8)) / Z90)
    return float(level**0.5), noise
