"""All plans judged: the frontier of time, cost and memory.

Branch and bound over `plans.space`. A layout (everything but micro-batch, chunks, recomputing and sequence parallelism)
is dropped whole when its least memory is beyond what there is; then each plan's memory is counted, and only those that
fit are timed. Numbers are medians: what comes out is a short list, and the doubt is carried through that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from groundsill.resources.job import RECOMPUTE, Job, Plan
from groundsill.resources.plans import FIELDS, Only, Space, Table, plan_of, space
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

StepOf = Callable[[Job, Plan, Accelerator], Any]  # -> anything with `seconds`, (plans,)
PeakOf = Callable[[Job, Plan], Any]  # -> anything with `bytes`, (plans,)


@dataclass(frozen=True)
class Judged:
    """Plans with what they take, fastest first. seconds: of a step; cost: accelerator-seconds of a step times the cost
    of one; bytes: peak on the fullest accelerator. Each (plans,)."""

    table: Table
    seconds: Array
    cost: Array
    bytes: Array

    def __len__(self) -> int:
        return len(self.table)

    @property
    def plans(self) -> Plan:
        """All of them as one Plan of arrays."""
        return plan_of(self.table)

    def plan(self, i: int) -> Plan:
        """One of them as a Plan of numbers."""
        row = dict(zip(FIELDS, self.table[i].tolist(), strict=True))
        row["offload"], row["sequence_parallel"] = bool(row["offload"]), bool(row["sequence_parallel"])
        return Plan(**row)

    def at(self, rows: Any) -> Judged:
        """Some of them."""
        return Judged(self.table[rows], self.seconds[rows], self.cost[rows], self.bytes[rows])


@dataclass(frozen=True)
class Frontier:
    """What a search found. points: the plans that no other plan beats in time, cost and memory at once; plans that are
    equal in all three stand once. fastest: a few layouts, each with its fastest plan. enumerated: all plans there are;
    judged: whose memory was counted one by one; timed: that fit."""

    points: Judged
    fastest: Judged
    enumerated: int
    judged: int
    timed: int


def search(
    job: Job,
    accelerator: Accelerator,
    count: int | Sequence[int],
    *,
    step: StepOf | None = None,
    peak: PeakOf | None = None,
    cost_per_unit: float = 1.0,
    only: Only | None = None,
    memory_bytes: float | None = None,
    best: int = 3,
) -> Frontier:
    """The frontier of all plans on `count` accelerators, or on each of several counts.

    step, peak: the models of time and memory (default: the shipped ones, at their medians). peak must not fall
    when chunks grow, and be least at the smallest or at the largest micro-batch; both take a Plan of arrays. cost_per_unit: of one accelerator-second. only: fields held
    to some values, `{"tensor": (8,)}`. memory_bytes: of one accelerator, if not all of it is to be used.
    Raises what `plans.space` raises, and Problem `resources.no_plan_fits` with the least memory that any plan needs.
    """
    time_of, memory_of = step or _shipped_step(), peak or _shipped_peak()
    limit = accelerator.memory_bytes if memory_bytes is None else memory_bytes
    everything = space(job, accelerator, count, only)
    enumerated = int(everything.sizes().sum())
    least = least_bytes(everything, memory_of)
    kept = Space(job, everything.layouts[least <= limit], everything.only)
    points = fastest = None
    judged = timed = 0
    smallest = float("inf")
    for table in kept.blocks():
        judged += len(table)
        bytes_ = _array(memory_of(job, plan_of(table)).bytes, len(table))
        smallest = min(smallest, float(bytes_.min()))
        fits = bytes_ <= limit
        if not fits.any():
            continue
        table, bytes_ = table[fits], bytes_[fits]
        timed += len(table)
        seconds = _array(time_of(job, plan_of(table), accelerator).seconds, len(table))
        found = Judged(table, seconds, seconds * table[:, 0] * cost_per_unit, bytes_)
        fastest = fastest_layouts(_join(fastest, found), best)
        points = frontier(_join(points, found.at(_candidates(found, points))))
    if points is None or fastest is None:
        needed = smallest if judged else float(least.min())
        raise Problem("resources.no_plan_fits", at=accelerator.id, got=needed / 1e9, limit=limit / 1e9)
    return Frontier(points, fastest, enumerated, judged, timed)


def least_bytes(everything: Space, peak: PeakOf) -> Array:
    """(layouts,): the least memory that any plan of a layout needs: no interleaving, the best way to recompute, and one
    sequence at a time or all of a step at once (then gradients need not be kept between passes)."""
    layouts, job = everything.layouts, everything.job
    least = np.full(len(layouts), np.inf)
    each = job.batch * layouts[:, 1] * layouts[:, 2] * layouts[:, 3] // layouts[:, 0]
    for micro, recompute, parallel in product((np.ones_like(each), each), range(len(RECOMPUTE)), (0, 1)):
        tail = np.stack([micro, *(np.full_like(each, v) for v in (1, recompute, parallel))], axis=1)
        tail[:, -1] *= layouts[:, 1] > 1
        table = np.hstack([layouts, tail])
        least = np.minimum(least, _array(peak(job, plan_of(table)).bytes, len(table)))
    return least


def frontier(found: Judged) -> Judged:
    """Those that no other beats, fastest first; of equals the first."""
    values = np.stack([found.seconds, found.cost, found.bytes], axis=1)
    order = np.lexsort((np.arange(len(found)), found.bytes, found.cost, found.seconds))
    values, keep = values[order], []
    while len(order):
        keep.append(int(order[0]))  # sorted: nothing that is left beats the first
        left = (values < values[0]).any(axis=1)
        order, values = order[left], values[left]
    return found.at(np.array(keep, dtype=np.int64))


def fastest_layouts(found: Judged, best: int) -> Judged:
    """The fastest plan of each of the `best` fastest layouts (counts of accelerators, and how model and sequences are
    cut), fastest first."""
    keep: list[int] = []
    seen: set[tuple[int, ...]] = set()
    for i in np.argsort(found.seconds, kind="stable"):
        layout = tuple(found.table[i, :5].tolist())
        if layout not in seen:
            seen.add(layout)
            keep.append(int(i))
        if len(keep) == best:
            break
    return found.at(np.array(keep, dtype=np.int64))


def _candidates(found: Judged, points: Judged | None) -> Any:
    """Which of the found the present frontier leaves in the race: a quick sieve before the exact comparison."""
    if points is None:
        return slice(None)
    left = np.ones(len(found), dtype=bool)
    for i in sorted(set(np.linspace(0, len(points) - 1, 16).astype(int).tolist())):  # a few beat nearly everything
        beaten = (
            (found.seconds >= points.seconds[i]) & (found.cost >= points.cost[i]) & (found.bytes >= points.bytes[i])
        )
        left &= ~beaten
    return left


def _join(first: Judged | None, second: Judged) -> Judged:
    if first is None:
        return second
    return Judged(
        np.concatenate([first.table, second.table]),
        np.concatenate([first.seconds, second.seconds]),
        np.concatenate([first.cost, second.cost]),
        np.concatenate([first.bytes, second.bytes]),
    )


def _array(values: Any, n: int) -> Array:
    return np.broadcast_to(np.asarray(values, dtype=np.float64), (n,))


def _shipped_step() -> StepOf:
    from groundsill.resources import step

    return step.step  # type: ignore[attr-defined, no-any-return, unused-ignore]


def _shipped_peak() -> PeakOf:
    from groundsill.resources import memory

    return memory.peak  # type: ignore[attr-defined, no-any-return, unused-ignore]
