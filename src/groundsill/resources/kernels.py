"""What one accelerator computes in a training step: FLOP and bytes by kind of kernel, as seconds at its ideal speed.

A matrix product is limited by arithmetic; norms, activations, residuals and the weights that a small micro-batch reads
again and again by memory (roofline: Williams, Waterman, Patterson 2009, Communications of the ACM 52(4)). Bytes of the
element-wise kernels follow the tensors of a block that Korthikanti et al. 2022 (arXiv 2205.05198, section 4.1) list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from groundsill.resources.flops import attention_flops_per_token
from groundsill.resources.job import Job, Plan
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Quantity
from groundsill.terms.shape import Shape

LOW = ("fp8", "fp4", "int8")  # precisions that only the matrix products of the blocks use
FULL = ("fp32", "tf32")  # what is not a matrix product moves 4 bytes
KERNELS = 10.0  # launches of one block's forward pass, about: 6 products, attention, 2 norms, activation
LOGIT_BYTES = 28.0
"""Moved for each logit: 2 written by the product, 6 to widen it, 8 for its log-softmax, 8 for the gradient of that, 4 to narrow and to use
that. A loss in one kernel moves less, and is still the exception."""
STATE_BYTES = 30.0  # that Adam in mixed precision reads and writes for each weight: gradient, two moments, copy, weight
TILE = 128.0
"""Steps along the inner side of a product that starting and ending a tile of its result costs, about: pipelines fill, results are
written. A product m x k x n then takes the time of m x (k + TILE) x n; what it really is, is fitted (`step`)."""
PLAIN_ATTENTION = ("fsdp", "pytorch", "deepspeed", "megatron", "hf")
PLAIN_SHARE = 0.62 / 0.35
"""Stacks whose fused attention was written for A100: FlashAttention-2 reaches 50 to 73 % of the peak there (Dao 2023, arXiv
2307.08691), 35 % on H100 (Shah et al. 2024, arXiv 2407.08608), where kernels of the vendor and FlashAttention-3 keep the share."""
GRAPHS = ("mlperf",)  # software that starts recorded graphs of kernels, not each kernel
SINCE_HOPPER = ("hopper", "blackwell")
OPTIMISER = {"adamw": 1.0, "adamw-8bit": 0.6, "adafactor": 0.5, "muon": 0.8, "sgd": 0.5, "none": 0.0}


@dataclass(frozen=True)
class Kernels:
    """Seconds at ideal speed of a whole step on the busiest accelerator, each (plans,) or a number.

    matrix: products of the blocks at the job's precision; thin: what their tiles cost beside; attention: scores and sums, output: logits, both at 16 bits;
    memory: element-wise kernels; scores: those on the scores of attention where it is not fused; weights: reading the weights
    anew for every micro-batch; optimiser: its states.
    launches: kernels started one after another; routes: those that sort tokens to experts, each waiting for the last.
    """

    matrix: Quantity
    thin: Quantity
    attention: Quantity
    output: Quantity
    memory: Quantity
    scores: Quantity
    weights: Quantity
    optimiser: Quantity
    launches: Quantity
    routes: Quantity


def block_matrices(shape: Shape) -> float:
    """Weights of the blocks' matrices that one token passes: experts count as often as they are active."""
    experts = shape.experts
    dense = shape.attention_matrices + shape.cross_matrices + shape.ffn_matrices
    mixed = shape.attention_matrices + shape.cross_matrices + shape.always_matrices
    mixed += (experts.active if experts else 0) * shape.expert_matrices
    encoder = shape.attention_matrices + shape.ffn_matrices
    made = shape.modulation * shape.width**2 * shape.layers
    return float(shape.dense_blocks * dense + shape.expert_blocks * mixed + shape.encoder_layers * encoder + made)


def element_values(shape: Shape) -> float:
    """Numbers that the element-wise kernels of all blocks read and write for each token of a forward pass.

    A block: two norms (in, out), two residual sums (two in, one out), the input of each product, q, k, v and the answer
    of attention (in, out), the inner layer of the feed-forward part (4 times; 6 gated).
    """
    experts, gate = shape.experts, 6 if shape.gated else 4
    inner = 12 * shape.width + 4 * (shape.score_width + shape.value_width)
    wide = (
        experts.active * experts.width + experts.shared_width + 4 * shape.width * experts.active / gate
        if experts
        else 0
    )
    blocks = shape.layers + shape.encoder_layers
    plain = shape.dense_blocks + shape.encoder_layers
    return float(blocks * inner + gate * (plain * shape.ffn_width + shape.expert_blocks * wide))


def thin_values(shape: Shape, tensor: Quantity) -> Quantity:
    """Outer sides of all products that one token passes, of the forward and the backward pass together: FLOP of a product
    over twice its inner side. Cut over tensor ranks, the inner side of half of them shrinks, so they weigh more."""
    experts, gate = shape.experts, 3 if shape.gated else 2
    across = shape.attention_matrices / shape.width + 2.0 * shape.width * tensor
    plain = gate * shape.ffn_width + 2.0 * shape.width * tensor
    mixed: Quantity = 0.0
    if experts:
        mixed = experts.active * (gate * experts.width + 2.0 * shape.width)
        mixed = mixed + (gate * experts.shared_width + 2.0 * shape.width * tensor if experts.shared_width else 0.0)
    blocks = shape.layers + shape.encoder_layers + (shape.layers if shape.encoder_layers else 0)
    return blocks * across + (shape.dense_blocks + shape.encoder_layers) * plain + shape.expert_blocks * mixed


def slow_attention(job: Job, accelerator: Accelerator) -> float:
    """How much longer attention takes in software whose kernels were written for an older accelerator."""
    return PLAIN_SHARE if job.stack in PLAIN_ATTENTION and accelerator.family in SINCE_HOPPER else 1.0


def half_peak(accelerator: Accelerator, precision: str) -> float:
    """FLOP/s of what is not computed in a precision below 16 bits; fp32 and tf32 stand for themselves."""
    if precision in FULL:
        return accelerator.peak(precision)
    try:
        return accelerator.peak("bf16")
    except Problem:
        return accelerator.peak(precision)


def kernels(job: Job, plan: Plan, accelerator: Accelerator) -> Kernels:
    """The work of one accelerator. Raises Problem `accelerator.no_precision`."""
    count = np.asarray(plan.accelerators, dtype=np.float64)
    micro_batches = plan.micro_batches(job.batch)
    if isinstance(job.shape, Network):
        return _network(job, job.shape, accelerator, count, micro_batches, np.asarray(plan.offload, dtype=np.float64))
    shape, recompute = job.shape, np.asarray(plan.recompute)
    tokens = job.batch * job.sequence / count
    back = {"full": 2.0, "lora": 1.0, "head": 0.0}[job.method]
    passes = 1.0 + back + (recompute == 2)
    peak, half = accelerator.peak(job.precision), half_peak(accelerator, job.precision)
    blocks = block_matrices(shape)
    matrix = (2.0 * blocks * passes + (6.0 * job.trainable if job.method == "lora" else 0.0)) * tokens / peak
    # the backward pass of attention computes the scores again: 2.5 forward passes (Dao 2023, arXiv 2307.08691, section 4)
    again = (1.0 + (2.5 if back else 0.0) + (recompute == 2) + ((recompute == 1) & (not job.flash))) * tokens
    attention = attention_flops_per_token(shape, job.sequence) * again / half * slow_attention(job, accelerator)
    edges = thin_values(shape, np.asarray(plan.tensor, dtype=np.float64))
    thin = TILE * edges * (1.0 + min(back, 1.0) + (recompute == 2)) * tokens / peak
    head = shape.vocabulary * shape.width if shape.kind != "encoder" else 0.0
    output = 2.0 * head * (1.0 + min(back, 2.0)) * tokens / half
    value = 4.0 if job.precision in FULL else 2.0
    rate = accelerator.memory_bytes_per_s
    # below 16 bits, what goes into a product is read and written once more, with its transpose
    cast = 4.0 * thin_values(shape, 1.0) if job.precision in LOW else 0.0
    moved = (value * element_values(shape) * passes + cast) * tokens / rate
    # softmax and dropout write and read the scores of all heads: 8 times without fused attention
    met = 0.0 if job.flash else 8.0 * value * shape.heads * job.sequence * (shape.layers + shape.encoder_layers)
    again_scores = 1.0 + back + (recompute >= 1)
    scores = met * again_scores * tokens / rate
    held = held_weights(shape, plan)
    logits = LOGIT_BYTES * shape.vocabulary * tokens * (head > 0) / rate
    trained = job.trainable if job.method != "full" else held
    shards = np.where(np.asarray(plan.shard) >= 1, np.asarray(plan.data) * plan.context, 1.0)
    states = STATE_BYTES * OPTIMISER[job.optimiser] * trained / shards / rate
    states = states * (1.0 - np.asarray(plan.offload, dtype=np.float64))  # else the host's work (`host`)
    # each pass reads them, a full backward pass also adds to their gradients (4 bytes, read and written)
    read = (
        held * (passes * min(job.weight_bits, 8.0 * value) / 8.0 + (8.0 if back == 2.0 else 0.0)) * micro_batches / rate
    )
    times = passes / np.asarray(plan.pipeline) * micro_batches
    starts = 0.0 * times if job.stack in GRAPHS else KERNELS * (shape.layers + shape.encoder_layers) * times
    routes = _expert_launches(shape, plan) * times
    return Kernels(matrix, thin, attention, output, moved + logits, scores, read, states, starts, routes)


def held_weights(shape: Shape, plan: Plan) -> Quantity:
    """Weights that one accelerator computes with: experts are also spread over `expert` ranks."""
    experts = shape.experts.count * shape.expert_blocks * shape.expert_matrices if shape.experts else 0.0
    cut = np.asarray(plan.tensor, dtype=np.float64) * plan.pipeline
    return (shape.weights - experts) / cut + experts / (cut * np.asarray(plan.expert, dtype=np.float64))


def _expert_launches(shape: Shape, plan: Plan) -> Quantity:
    """Products of each expert that lives here, and as many kernels again as a block has to route tokens and back."""
    if not shape.experts:
        return 0.0
    here = shape.experts.count / np.asarray(plan.expert, dtype=np.float64)
    return shape.expert_blocks * (KERNELS + (3.0 if shape.gated else 2.0) * here)


def _network(
    job: Job, network: Network, accelerator: Accelerator, count: Any, micro_batches: Quantity, away: Any
) -> Kernels:
    """Copies of a network: every kept value is written once, read for the next layer and again on the way back."""
    samples = job.batch / count
    back = {"full": 2.0, "lora": 1.0, "head": 0.0}[job.method]
    value = 4.0 if job.precision in FULL else 2.0
    rate = accelerator.memory_bytes_per_s
    matrix = network.matrix_flops * (1.0 + back) * samples / accelerator.peak(job.precision)
    moved = network.saved_values * value * 2.0 * (1.0 + back) * samples / rate
    states = STATE_BYTES * OPTIMISER[job.optimiser] * network.weights / rate * (1.0 - away)
    starts = 2.0 * (1.0 + back) * sum(layer.count for layer in network.layers) * micro_batches
    starts = 0.0 * micro_batches if job.stack in GRAPHS else starts
    read = network.weights * (1.0 + back) * value * micro_batches / rate
    none = 0.0 * samples
    return Kernels(matrix, none, none, none, moved, none, read, states + none, starts, none)
