"""Small models of time and memory for the tests of the search: plain arithmetic that moves with every field of a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from groundsill.resources.job import Job, Plan
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.shape import Experts, Shape

GPU = Accelerator("gpu", "ampere", {"bf16": 312e12, "fp32": 19.5e12}, 80e9, 2039e9, 400.0, 8, 300e9, 25e9, 31e9)


@dataclass(frozen=True)
class Seconds:
    seconds: Any


@dataclass(frozen=True)
class Bytes:
    bytes: Any


def step(job: Job, p: Plan, accelerator: Accelerator) -> Seconds:
    """Work over peak, a bubble, and a cost for each way of spreading."""
    work = 6e9 * job.batch * job.sequence / (p.accelerators * accelerator.peak("bf16"))
    work = work * (1.0 + np.asarray([0.0, 0.05, 1 / 3])[np.asarray(p.recompute)]) * (1.0 + 0.5 / p.micro_batch)
    bubble = 1.0 + (np.asarray(p.pipeline) - 1) / (p.micro_batches(job.batch) * p.chunks)
    extra = 0.01 * np.log2(p.tensor) * np.where(p.sequence_parallel, 0.9, 1.0) + 0.003 * p.shard + 0.1 * p.offload
    return Seconds(work * bubble + 1e-3 * (extra + 0.002 * p.chunks + 0.004 * p.context + 0.001 * p.expert))


def peak(job: Job, p: Plan) -> Bytes:
    """States divided as they are sharded, and activations."""
    ranks = p.data * np.asarray(p.context)
    weights = 1e9 / (p.tensor * p.pipeline * np.asarray(p.expert) ** 0.5)
    shard = np.asarray(p.shard)
    states = 2 / np.where(shard > 2, ranks, 1) + 2 / np.where(shard > 1, ranks, 1)
    states = states + np.where(p.offload, 0.5, 12) / np.where(shard > 0, ranks, 1)
    kept = np.asarray([74, 34, 2])[np.asarray(p.recompute)] / np.where(
        p.sequence_parallel, p.tensor, 1 + 0.5 * (p.tensor - 1)
    )
    tokens = p.micro_batch * job.sequence / p.context
    return Bytes(weights * states + tokens * 1e4 * kept * (1 + 0.1 * np.log2(p.chunks)))


def shape(layers: int, heads: int, kv_heads: int, experts: int = 0) -> Shape:
    """A small decoder."""
    mix = Experts(experts, 1, 48) if experts else None
    return Shape(
        "decoder", layers, 48, heads, kv_heads, 8, 96, 100, 64, gated=False, biases=False, tied=True, experts=mix
    )  # fmt: skip
