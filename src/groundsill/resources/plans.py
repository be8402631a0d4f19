"""Which plans there are: every way to spread a training step over accelerators, and why a plan is impossible.

Rules, as frameworks that train in this way demand them (Narayanan et al. 2021, arXiv 2104.04473, sections 2 and 3, for
tensor and interleaved pipeline; Korthikanti et al. 2022, arXiv 2205.05198, for sequence parallelism; Rajbhandari et al.
2020, arXiv 1910.02054, for sharding): see `check`, one Problem a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.resources.job import RECOMPUTE, Job, Plan
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

FIELDS = (
    "accelerators", "tensor", "pipeline", "context", "expert", "shard", "offload", "micro_batch", "chunks", "recompute",
    "sequence_parallel",
)  # fmt: skip
FLAGS = ("offload", "sequence_parallel")
OUTER = 7  # fields of a layout; the others vary inside it, and with the first two of them memory only grows
Table = npt.NDArray[np.int64]
Only = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Bounds:
    """What the plan must divide. kv_heads is 1 where it does not matter, experts 1 where there are none."""

    heads: int
    kv_heads: int
    widths: tuple[int, ...]
    layers: int
    experts: int


def bounds(job: Job) -> Bounds:
    """The counts of a job's model that plans divide. Other networks than transformers are copied, never cut."""
    shape = job.shape
    if not isinstance(shape, Shape):
        return Bounds(1, 1, (1,), 1, 1)
    widths = (shape.ffn_width, *((shape.experts.width,) if shape.experts else ()))
    kv_heads = shape.heads if shape.latent else shape.kv_heads
    experts = shape.experts.count if shape.experts else 1
    return Bounds(shape.heads, kv_heads, tuple(w for w in widths if w), shape.layers + shape.encoder_layers, experts)


def check_job(job: Job, accelerator: Accelerator) -> None:
    """Raises Problem `resources.job_sizes` for sizes that are not positive, `accelerator.no_precision`."""
    for name, value in (("sequence", job.sequence), ("batch", job.batch)):
        if not value >= 1 or value != int(value):
            raise Problem("resources.job_sizes", at=name, got=value)
    accelerator.peak(job.precision)


def check(job: Job, plan: Plan, accelerator: Accelerator) -> None:
    """Whether one plan (numbers, not arrays) can be run at all; memory is not looked at.

    Raises Problem `resources.job_sizes`, `accelerator.no_precision` and `resources.plan_*`, one code a rule.
    """
    check_job(job, accelerator)
    p = {name: _whole(name, getattr(plan, name)) for name in FIELDS}
    b = bounds(job)
    _check_cut(p, b, job.sequence)
    ranks = p["tensor"] * p["pipeline"] * p["context"]
    if p["accelerators"] % ranks:
        raise Problem("resources.plan_count", got=p["accelerators"], limit=ranks)
    data = p["accelerators"] // ranks
    if b.experts % p["expert"] or (data * p["context"]) % p["expert"]:
        raise Problem("resources.plan_experts", got=p["expert"], limit=b.experts, ranks=data * p["context"])
    if job.batch % data:
        raise Problem("resources.plan_batch", got=job.batch, limit=data)
    if (job.batch // data) % p["micro_batch"]:
        raise Problem("resources.plan_micro_batch", got=p["micro_batch"], limit=job.batch // data)
    passes = job.batch // data // p["micro_batch"]
    if p["chunks"] > 1 and (p["pipeline"] == 1 or b.layers % (p["pipeline"] * p["chunks"]) or passes % p["pipeline"]):
        raise Problem(
            "resources.plan_chunks", got=p["chunks"], limit=b.layers // p["pipeline"], passes=passes, stages=p["pipeline"]
        )  # fmt: skip


def _whole(name: str, value: object) -> int:
    """A field of a plan as a whole number. Raises Problem `resources.plan_sizes`."""
    number = float(np.asarray(value, dtype=np.float64))
    top = {"shard": 3, "recompute": len(RECOMPUTE) - 1, "offload": 1, "sequence_parallel": 1}.get(name)
    lowest = 1 if top is None else 0
    if number != number or number != round(number) or number < lowest or (top is not None and number > top):
        raise Problem("resources.plan_sizes", at=name, got=value, limit=f"{lowest}" if top is None else f"0 .. {top}")
    return int(number)


def _check_cut(p: Mapping[str, int], b: Bounds, sequence: int) -> None:
    """The rules on how the model and its sequences are cut."""
    tensor, stages, context = p["tensor"], p["pipeline"], p["context"]
    if b.heads % tensor:
        raise Problem("resources.plan_heads", got=tensor, limit=b.heads)
    if b.kv_heads % tensor:
        raise Problem("resources.plan_kv_heads", got=tensor, limit=b.kv_heads)
    for width in b.widths:
        if width % tensor:
            raise Problem("resources.plan_width", got=tensor, limit=width)
    if stages > b.layers:
        raise Problem("resources.plan_stages", got=stages, limit=b.layers)
    if b.layers % stages:
        raise Problem("resources.plan_layers", got=stages, limit=b.layers)
    if sequence % context:
        raise Problem("resources.plan_context", got=context, limit=sequence)
    if p["sequence_parallel"] and (tensor == 1 or (sequence // context) % tensor):
        raise Problem("resources.plan_sequence_parallel", got=tensor, limit=sequence // context)


@dataclass(frozen=True)
class Space:
    """All plans of a job on some counts of accelerators. layouts: (layouts, 7) in the order of FIELDS; each stands for
    the plans of `inner`. `only` holds fields to some of their values."""

    job: Job
    layouts: Table
    only: Only

    def inner(self, layout: Sequence[int]) -> Table:
        """(plans, 4): micro_batch, chunks, recompute, sequence_parallel."""
        count, tensor, stages, context = (int(v) for v in layout[:4])
        b = bounds(self.job)
        each = self.job.batch // (count // (tensor * stages * context))
        parallel = (tensor > 1 and (self.job.sequence // context) % tensor == 0,)
        only = tuple(tuple(self.only[name]) if name in self.only else None for name in FIELDS[OUTER:])
        return _inner(each, stages, b.layers // stages, parallel[0], only)

    def sizes(self) -> npt.NDArray[np.int64]:
        """(layouts,): plans of each."""
        return np.array([len(self.inner(row)) for row in self.layouts.tolist()], dtype=np.int64)

    def blocks(self, rows: int = 32_768) -> Iterator[Table]:
        """All plans as tables (about `rows`, 11) in the order of FIELDS."""
        waiting: list[Table] = []
        held = 0
        for layout in self.layouts:
            inner = self.inner(layout.tolist())
            waiting.append(np.hstack([np.broadcast_to(layout, (len(inner), OUTER)), inner]))
            held += len(inner)
            if held >= rows:
                yield np.concatenate(waiting)
                waiting, held = [], 0
        if held:
            yield np.concatenate(waiting)


def space(job: Job, accelerator: Accelerator, counts: int | Sequence[int], only: Only | None = None) -> Space:
    """All plans on each of `counts` accelerators. Values of `only` that no plan can have are passed over.

    Raises what `check_job` raises; where there is no plan at all what `check` says of the first values of `only`, else
    Problem `resources.no_plan`.
    """
    check_job(job, accelerator)
    wanted = dict(only or {})
    given = [counts] if isinstance(counts, int) else list(counts)
    found = [row for count in given for row in _layouts(job, _whole("accelerators", count), wanted)]
    table = np.array(found, dtype=np.int64).reshape(-1, OUTER)
    made = Space(job, table, wanted)
    filled = made.sizes() > 0
    if not filled.any():
        first = {name: values[0] for name, values in wanted.items() if len(values)}
        if first:
            check(job, Plan(accelerators=given[0], **first), accelerator)
        raise Problem("resources.no_plan", got=", ".join(map(str, given)), limit=job.batch)
    return Space(job, table[filled], wanted)


def plans(job: Job, accelerator: Accelerator, counts: int | Sequence[int], only: Only | None = None) -> Plan:
    """All plans as one Plan of arrays (plans,). Raises what `space` raises."""
    return plan_of(np.concatenate(list(space(job, accelerator, counts, only).blocks())))


def plan_of(table: Table) -> Plan:
    """Rows in the order of FIELDS as a Plan of arrays."""
    columns: dict[str, Any] = {name: np.ascontiguousarray(table[:, i]) for i, name in enumerate(FIELDS)}
    return Plan(**{name: column.astype(bool) if name in FLAGS else column for name, column in columns.items()})


def _layouts(job: Job, count: int, only: Only) -> Iterator[tuple[int, ...]]:
    """Layouts on `count` accelerators, in a fixed order."""
    b = bounds(job)

    def allowed(name: str, values: Sequence[int]) -> list[int]:
        return [v for v in values if name not in only or v in only[name]]

    cut = [d for d in divisors(count) if b.heads % d == 0 and b.kv_heads % d == 0 and not any(w % d for w in b.widths)]
    stages = [d for d in divisors(count) if b.layers % d == 0]
    parts = [d for d in divisors(count) if job.sequence % d == 0 and isinstance(job.shape, Shape)] or [1]
    for tensor, pipeline, context in product(
        allowed("tensor", cut), allowed("pipeline", stages), allowed("context", parts)
    ):
        data, rest = divmod(count, tensor * pipeline * context)
        if rest or job.batch % data:
            continue
        experts = [d for d in divisors(data * context) if b.experts % d == 0]
        shards = (0, 1, 2, 3) if data * context > 1 else (0,)
        away = (0, 1) if job.optimiser != "none" else (0,)
        for inside in product(allowed("expert", experts), allowed("shard", shards), allowed("offload", away)):
            yield (count, tensor, pipeline, context, *inside)


@cache
def _inner(each: int, stages: int, depth: int, parallel: bool, only: tuple[tuple[int, ...] | None, ...]) -> Table:
    """Inner part of a layout's plans. each: sequences of one copy in a step; depth: layers of a stage."""
    micro, chunk, recompute, sequence = only
    rows = [
        (m, c)
        for m in divisors(each)
        for c in (divisors(depth) if stages > 1 and (each // m) % stages == 0 else (1,))
        if (micro is None or m in micro) and (chunk is None or c in chunk)
    ]
    kinds = [
        (r, s)
        for r in range(len(RECOMPUTE))
        for s in ((0, 1) if parallel else (0,))
        if (recompute is None or r in recompute) and (sequence is None or s in sequence)
    ]
    pairs = np.array(rows, dtype=np.int64).reshape(-1, 2)
    tail = np.array(kinds, dtype=np.int64).reshape(-1, 2)
    return np.hstack([np.repeat(pairs, len(tail), axis=0), np.tile(tail, (len(pairs), 1))])


@cache
def divisors(n: int) -> tuple[int, ...]:
    """All divisors of n, smallest first."""
    small = [d for d in range(1, isqrt(n) + 1) if n % d == 0]
    return tuple(small + [n // d for d in reversed(small) if d * d != n])
