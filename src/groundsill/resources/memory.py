"""How many bytes a training or a served model holds at its peak, and whether they fit.

`peak` is the model with all its terms (`memory_saved`: activations, `memory_states`: weights and optimiser, `memory_peak`:
instants, `memory_odds`: its doubt); the other functions are short forms for one accelerator that need no plan. Sources:
Korthikanti et al. 2022 (arXiv 2205.05198), section 4, for activations: 34 s b h in each layer, without the attention
matrix, which flash attention (Dao et al. 2022, arXiv 2205.14135) does not keep; Rajbhandari et al. 2020 (ZeRO, arXiv
1910.02054), section 3.1, for weights, gradients and Adam.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from groundsill.resources.job import Job, Method, Plan
from groundsill.resources.memory_habits import Adapter, Habits
from groundsill.resources.memory_odds import MemoryFactors, fits_probability, interval, read_factors
from groundsill.resources.memory_peak import Parts, parts
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.quantity import Quantity
from groundsill.terms.shape import Shape

__all__ = [
    "Adapter",
    "Habits",
    "Memory",
    "MemoryFactors",
    "Parts",
    "activation_bytes_per_token",
    "cache_bytes_per_token",
    "checkpoint_bytes",
    "fits",
    "fits_probability",
    "interval",
    "peak",
    "persistent_bytes",
    "serving_bytes",
    "training_bytes",
]

Precision = Literal["mixed", "fp32"]


@dataclass(frozen=True)
class _Bytes:
    weight: int
    gradient: int
    optimiser: int
    value: int


_BYTES: dict[str, _Bytes] = {
    # Mixed: 2-byte weights, gradients and activations; Adam keeps a 4-byte copy and two moments (ZeRO, section 3.1).
    "mixed": _Bytes(weight=2, gradient=2, optimiser=12, value=2),
    "fp32": _Bytes(weight=4, gradient=4, optimiser=8, value=4),
}


def persistent_bytes(shape: Shape, *, method: Method, trainable: Quantity, precision: Precision = "mixed") -> Quantity:
    """Weights, gradients and Adam's state. `trainable`: weights that are trained; for `lora` and `head` they come on top
    of the shape's own, which stay frozen."""
    size = _BYTES[precision]
    added = 0.0 if method == "full" else trainable
    return size.weight * (shape.weights + added) + (size.gradient + size.optimiser) * trainable


def checkpoint_bytes(weights: Quantity, precision: Precision = "mixed") -> Quantity:
    """A checkpoint from which training can go on: weights and Adam's state, no gradients."""
    size = _BYTES[precision]
    return (size.weight + size.optimiser) * weights


def activation_bytes_per_token(shape: Shape, precision: Precision = "mixed") -> float:
    """Bytes that one block keeps for each token until its backward pass, with flash attention.

    Inputs of both norms and of the two groups of matrices behind them, q, k, v, the output of attention, the hidden
    layer before and after its activation (four tensors when gated: gate, its activation, up, product), two dropout
    masks of a byte. Plain block, ffn = 4 widths, 2 bytes: 34 x width, as in Korthikanti et al. 2022, eq. 2.
    """
    attention_width, kv_width = shape.heads * shape.head_width, shape.kv_heads * shape.head_width
    values = 4 * shape.width + 2 * attention_width + 2 * kv_width + (4 if shape.gated else 2) * shape.ffn_width
    return float(_BYTES[precision].value * values + 2 * shape.width)


def training_bytes(
    shape: Shape,
    *,
    method: Method,
    trainable: Quantity,
    batch_tokens: Quantity,
    precision: Precision = "mixed",
    shards: Quantity = 1.0,
) -> Quantity:
    """Peak bytes on one accelerator: states, activations of `batch_tokens` tokens (sequences x length of one micro-batch
    on this accelerator), logits of a decoder.

    head: nothing is kept for a backward pass, so one block at a time. Logits: the value itself, and 4 bytes each for its
    softmax and gradient. shards: accelerators over which states are split evenly (ZeRO-3, FSDP). Left out: what the
    allocator wastes, and the driver's own gigabyte.
    """
    kept = 1 if method == "head" else shape.layers
    activations = kept * activation_bytes_per_token(shape, precision) * batch_tokens
    logits: Quantity = 0.0
    if shape.kind == "decoder" and method != "head":
        logits = (_BYTES[precision].value + 8.0) * shape.vocabulary * batch_tokens
    states = persistent_bytes(shape, method=method, trainable=trainable, precision=precision)
    return states / shards + activations + logits


def cache_bytes_per_token(shape: Shape, value_bytes: float = 2.0) -> float:
    """Keys and values that a decoder keeps for each token of a running request; 0 for an encoder."""
    return float(shape.layers * shape.cached_values * value_bytes) if shape.kind != "encoder" else 0.0


def serving_bytes(shape: Shape, context: Quantity, batch: Quantity, *, weight_bytes: float = 2.0) -> Quantity:
    """Weights and the cache of keys and values for `batch` requests of `context` tokens at a time."""
    return weight_bytes * shape.weights + cache_bytes_per_token(shape) * context * batch


@dataclass(frozen=True)
class Memory:
    """Bytes on the fullest accelerator, each () or (plans,).

    parts: tensors at the fullest instant. allocator: what the caching allocator holds beyond them. context: the driver,
    kernels, and buffers of the communicators. sd: of the log error of `bytes`.
    """

    parts: Parts
    allocator: Quantity
    context: Quantity
    sd: float

    @property
    def allocated(self) -> Quantity:
        """Tensors alone, as a framework's count of allocated memory says."""
        return self.parts.allocated

    @property
    def reserved(self) -> Quantity:
        """Tensors and what the allocator holds beyond them."""
        return self.allocated + self.allocator

    @property
    def bytes(self) -> Quantity:
        """All memory of the device that is taken: what must fit."""
        return self.reserved + self.context

    def of(self, kind: str) -> Quantity:
        """One of `allocated`, `reserved`, `total`."""
        return {"allocated": self.allocated, "reserved": self.reserved}.get(kind, self.bytes)


def peak(
    job: Job,
    plan: Plan,
    factors: Mapping[str, Any] | MemoryFactors | None = None,
    accelerator: Accelerator | None = None,
    *,
    habits: Habits | None = None,
    adapter: Adapter | None = None,
) -> Memory:
    """Peak memory of one training step, for one plan or all plans of arrays at once.

    factors: coefficients of the allocator, the context and the doubt, by default the shipped ones. habits: how the
    software holds tensors, by default those of `job.stack`. adapter: what `lora` adds. accelerator: a processor without
    its own memory has no context.
    """
    known = read_factors(factors)
    at_peak = parts(job, plan, habits, adapter)
    own_memory = accelerator is None or accelerator.family != "cpu"
    count = sum(np.asarray(np.asarray(width) > 1, dtype=np.float64) for width in _groups(plan))
    context = (known.context_bytes + known.communicator_bytes * count) * float(own_memory)
    allocator = known.fragmentation * at_peak.allocated
    # Only an array says something about each plan; one plan stays a number.
    one = np.ndim(context) == 0
    return Memory(at_peak, allocator, float(context) if one else context, known.sd)


def _groups(plan: Plan) -> tuple[Any, ...]:
    """Widths of the groups of accelerators that talk to each other."""
    return plan.tensor, plan.pipeline, plan.context, plan.expert, np.asarray(plan.data)


def fits(needed_bytes: Quantity, memory_bytes: Quantity) -> np.bool_ | npt.NDArray[np.bool_]:
    """Whether the need is within the memory: () or (draws,)."""
    return np.less_equal(needed_bytes, memory_bytes)
