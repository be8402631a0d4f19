"""Weights, gradients and states of the optimiser on one accelerator.

Bytes for each weight: Rajbhandari et al. 2020 (ZeRO, arXiv 1910.02054), section 3.1, for Adam in mixed precision, 2 + 2 + 12,
or 2 + 4 + 12 where gradients are summed in 4 bytes (Megatron's distributed optimiser); Dettmers et al. 2022 (arXiv
2110.02861) for 8-bit moments; Shazeer and Stern 2018 (arXiv 1804.04235) for Adafactor, whose factored moments are small
beside the weights; Jordan et al. 2024 (Muon): one moment. Dettmers et al. 2023 (QLoRA, arXiv 2305.14314), section 3: 4-bit
weights in blocks of 64 with a 4-byte scale each (0.5 bit a weight), or 0.127 bit where scales are quantised again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from groundsill.resources.job import Job, Plan
from groundsill.resources.memory_habits import Adapter, Habits
from groundsill.terms.network import Network
from groundsill.terms.shape import Shape

_MOMENTS = {"adamw": 2.0, "muon": 1.0, "sgd": 1.0, "adafactor": 0.0, "none": 0.0}  # sgd with momentum
_MOMENTS_8BIT = 2.0 + 2 * 4.0 / 256  # bytes: two moments of a byte, a 4-byte scale for each block of 256 values
NF4_BITS = 4.5
NF4_DOUBLE_BITS = 4.0 + 8 / 64 + 32 / (64 * 256)


def value_bytes(precision: str) -> float:
    """Bytes of an activation: 4 in fp32 and tf32, else 2 (fp8 and fp4 products keep 2-byte activations around them)."""
    return 4.0 if precision in ("fp32", "tf32") else 2.0


@dataclass(frozen=True)
class Rates:
    """Bytes for each trained weight. weight: as used in products; gradient; moments and copy: the optimiser's."""

    weight: float
    gradient: float
    optimiser: float
    moment: float


def rates(job: Job, habits: Habits) -> Rates:
    """Bytes for each trained weight of this job: of the model's own, or of an adapter's."""
    if job.method != "full":
        size, copy, weight = habits.adapter_weight_bytes, 0.0, habits.adapter_weight_bytes
        gradient = weight
    elif job.master and value_bytes(job.precision) < 4.0:
        size, copy, weight, gradient = 4.0, 4.0, habits.weight, habits.gradient
    else:
        size, copy, weight = value_bytes(job.precision), 0.0, value_bytes(job.precision)
        gradient = weight
    moments = _MOMENTS_8BIT if job.optimiser == "adamw-8bit" else _MOMENTS[job.optimiser] * size
    return Rates(weight, gradient, moments + copy, min(moments, size))


@dataclass(frozen=True)
class Held:
    """Weights (numbers) on one tensor rank of the first and of the last pipeline stage: of its blocks outside experts, of
    the experts, of what stands before and after the blocks. block: of one block. Each () or (plans,)."""

    blocks: Any
    experts: Any
    ends: tuple[Any, Any]
    block: Any


def held(shape: Shape, plan: Plan) -> Held:
    """Weights by stage: blocks are dealt out evenly, the fullest stage has ceil(layers / pipeline). A tied matrix is in
    the first and in the last stage."""
    tensor, pipeline = np.asarray(plan.tensor, dtype=np.float64), np.asarray(plan.pipeline, dtype=np.float64)
    total = shape.layers + shape.encoder_layers
    layers = np.ceil(total / pipeline)
    one = shape.expert_matrices * shape.experts.count if shape.experts else 0
    in_experts = one * shape.expert_blocks
    mean_block = (shape.stack_weights - in_experts) / total
    ranks = np.asarray(plan.expert, dtype=np.float64)
    blocks, experts = mean_block * layers / tensor, in_experts / total * layers / (tensor * ranks)
    before, after = shape.embedding_weights / tensor, shape.head_weights / tensor
    words = shape.vocabulary * shape.width / tensor if shape.tied and shape.kind != "encoder" else 0.0
    alone = pipeline == 1
    first = before + np.where(alone, after, 0.0)
    last = after + np.where(alone, before, words)
    return Held(blocks, experts, (first, last), (blocks + experts) / layers)


def frozen_bytes(shape: Shape, job: Job, habits: Habits, on_stage: Any, in_blocks: Any) -> Any:
    """Bytes of frozen weights: matrices of blocks in `weight_bits`, the rest as activations are.

    on_stage: all weights there; in_blocks: of these, in blocks. 4 bits: NF4 with plain scales; give 4.127 for double
    quantisation.
    """
    plain = value_bytes(job.precision) if job.weight_bits >= 16 else 2.0
    if job.weight_bits >= 16:
        return on_stage * job.weight_bits / 8.0
    bits = NF4_BITS if job.weight_bits == 4 else job.weight_bits
    ends = on_stage - in_blocks
    if habits.head_quantised and not shape.tied and shape.kind != "encoder":
        head = np.minimum(ends, shape.vocabulary * shape.width)
        in_blocks, ends = in_blocks + head, ends - head
    return in_blocks * bits / 8.0 + ends * plain


def trained_weights(job: Job, adapter: Adapter | None) -> float:
    """How many weights are trained: all, or the new ones as stated, else as many as the adapter has."""
    shape: Shape | Network = job.shape
    if job.method == "full":
        return float(shape.weights)
    if job.trainable or adapter is None or isinstance(shape, Network):
        return float(job.trainable)
    return adapter.weights(shape)
