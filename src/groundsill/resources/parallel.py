"""What the accelerators of a plan tell each other in a training step, and how long a pipeline stands idle.

Sources: Narayanan et al. 2021 (arXiv 2104.04473), sections 2.2 and 3 (bubble of interleaved schedules, tensor traffic);
Korthikanti et al. 2022 (arXiv 2205.05198), section 4.2 (sequence parallelism moves as much); Rajbhandari et al. 2020
(ZeRO, arXiv 1910.02054), section 7, for gathers of sharded weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from groundsill.resources.collectives import Talk, all_gather, all_reduce, all_to_all, group
from groundsill.resources.job import Job, Plan
from groundsill.resources.kernels import FULL, held_weights
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.quantity import Quantity


@dataclass(frozen=True)
class Traffic:
    """Seconds at ideal bandwidth in a whole step, (plans,) each.

    tensor: sums inside the blocks; expert: tokens to their experts and back; context: keys and values round the ring;
    stage: activations between stages; data: gradients, and weights where they are sharded; hops: steps that each cost a
    latency. bubble: idle time of a pipeline over its busy time.
    """

    tensor: Quantity
    expert: Quantity
    context: Quantity
    stage: Quantity
    data: Quantity
    hops: Quantity
    bubble: Quantity


def traffic(job: Job, plan: Plan, accelerator: Accelerator) -> Traffic:
    """Raises Problem `resources.no_bandwidth` for a link or network that is needed and unknown."""
    micro_batches = np.asarray(plan.micro_batches(job.batch), dtype=np.float64)
    tensor, pipeline, context = (np.asarray(v, dtype=np.float64) for v in (plan.tensor, plan.pipeline, plan.context))
    value = 4.0 if job.precision in FULL else 2.0
    back = {"full": 1.0, "lora": 1.0, "head": 0.0}[job.method]
    data, data_hops = _data(job, plan, accelerator, value)
    if isinstance(job.shape, Network):
        none = np.zeros_like(np.asarray(data, dtype=np.float64))
        return Traffic(none, none, none, none, data, data_hops, none)
    shape = job.shape
    passes = 1.0 + back + (np.asarray(plan.recompute) == 2)
    layers = (shape.layers + shape.encoder_layers) / pipeline
    tokens = np.asarray(plan.micro_batch) * job.sequence / context
    whole = value * shape.width * tokens  # bytes of one layer's input
    times = layers * micro_batches
    sums = all_reduce(accelerator, group(accelerator, tensor), whole)
    ring = group(accelerator, context, tensor)
    keys = all_gather(accelerator, ring, value * 2.0 * shape.kv_heads * shape.head_width * tokens * context / tensor)
    mixed = 0.0
    if shape.experts:
        ranks = group(accelerator, np.asarray(plan.expert, dtype=np.float64), tensor)
        sent = all_to_all(accelerator, ranks, whole / tensor * shape.experts.active)
        mixed = 2.0 * passes * shape.expert_blocks / pipeline * micro_batches * sent.seconds
    speed = np.where(
        tensor * context * plan.data < accelerator.node_size,
        accelerator.link_bytes_per_s,
        accelerator.network_bytes_per_s,
    )
    pieces = np.maximum(np.asarray(plan.chunks, dtype=np.float64), 1.0)
    between = np.where(pipeline > 1, 2.0 * whole / tensor * pieces * micro_batches / np.maximum(speed, 1.0), 0.0)
    bubble = (pipeline - 1.0) / (pieces * micro_batches)
    hops = data_hops + 2.0 * passes * times * sums.hops * (tensor > 1)
    return Traffic(
        2.0 * passes * times * sums.seconds, mixed, passes * times * keys.seconds, between, data, hops, bubble
    )  # fmt: skip


def _data(job: Job, plan: Plan, accelerator: Accelerator, value: float) -> tuple[Quantity, Quantity]:
    """Gradients, once a step (2 bytes; the sum leaves and comes back); sharded weights are gathered for every pass of
    every micro-batch (ZeRO-3), and their gradients scattered."""
    inside = np.asarray(plan.tensor, dtype=np.float64)
    ranks = np.asarray(plan.data, dtype=np.float64) * plan.context
    where = group(accelerator, np.maximum(ranks, 1.0), inside)
    cut = inside * plan.pipeline
    weights = job.shape.weights if isinstance(job.shape, Network) else held_weights(job.shape, plan)
    trained = weights if job.method == "full" else job.trainable / cut
    shard, micro_batches = np.asarray(plan.shard), np.asarray(plan.micro_batches(job.batch), dtype=np.float64)
    scatter: Talk = all_gather(accelerator, where, value * trained)
    once = all_gather(accelerator, where, value * weights)
    gathers = np.where(shard == 3, 2.0 * micro_batches, np.where(shard >= 1, 1.0, 0.0))
    scatters = np.where(shard == 3, micro_batches, np.where(shard >= 1, 1.0, 2.0))
    if job.method != "full":
        gathers = np.where(shard == 3, gathers, 0.0)
    blocks = (
        1.0
        if isinstance(job.shape, Network)
        else (job.shape.layers + job.shape.encoder_layers) / np.asarray(plan.pipeline)
    )
    times = np.where(shard == 3, blocks * (gathers + scatters), 2.0)
    return gathers * once.seconds + scatters * scatter.seconds, np.asarray(once.hops) * times * (ranks > 1)
