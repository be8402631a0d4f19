"""What is asked of the machines: one training step, and how it is spread over accelerators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from groundsill.terms.quantity import Quantity
from groundsill.terms.shape import Shape

Method = Literal["full", "lora", "head"]
"""Which gradients are computed. `full`: all. `lora`: through all frozen weights into a few new ones (every small tuning
method that changes blocks inside the model). `head`: none inside the model, which only encodes."""

Recompute = Literal["none", "selective", "full"]
RECOMPUTE: tuple[Recompute, ...] = ("none", "selective", "full")  # a plan holds the index
Optimiser = Literal["adamw", "adamw-8bit", "adafactor", "muon", "sgd", "none"]


@dataclass(frozen=True)
class Job:
    """One optimiser step of a training, whatever it runs on.

    sequence: tokens of one sequence. batch: sequences of a step (global batch). precision: of the matrix products
    (`bf16`, `fp16`, `fp8`, `fp32`, ...). method, trainable: as in `flops`; trainable counts new weights. weight_bits: of
    frozen weights as they are held (4 for NF4, 8, 16, 32). optimiser: see Optimiser. master: whether a 4-byte copy of
    the trained weights is kept. flash: attention keeps no matrix of scores. chunked_logits: logits are never all there at
    once. stack: the software, for efficiencies (`megatron`, `fsdp`, `hf`, ...); year: of the measurement or the plan.
    sample_bytes: stored size of one sequence or picture; read_bytes_per_s: what storage gives to all accelerators together;
    0 where they are not known, and then reading is not counted.
    """

    shape: Shape
    sequence: int
    batch: int = 1
    precision: str = "bf16"
    method: Method = "full"
    trainable: float = 0.0
    weight_bits: float = 16.0
    optimiser: Optimiser = "adamw"
    master: bool = True
    flash: bool = True
    chunked_logits: bool = False
    stack: str = ""
    year: float = 0.0
    sample_bytes: float = 0.0
    read_bytes_per_s: float = 0.0


@dataclass(frozen=True)
class Plan:
    """How a step is spread. Each field is one number or an array (plans,), so that one call judges all plans.

    accelerators = tensor x pipeline x context x data. expert: ranks that share the experts, a divisor of data x context
    (of data x tensor where experts are not cut). chunks: interleaved pieces of each pipeline stage. micro_batch:
    sequences in one pass. shard: ZeRO stage 0 to 3 over data x context (3: FSDP). recompute: index into RECOMPUTE.
    sequence_parallel: norms and their inputs are split over `tensor`. offload: states of the optimiser in the host's memory.
    """

    accelerators: Quantity = 1
    tensor: Quantity = 1
    pipeline: Quantity = 1
    context: Quantity = 1
    expert: Quantity = 1
    chunks: Quantity = 1
    micro_batch: Quantity = 1
    shard: Quantity = 0
    recompute: Quantity = 0
    sequence_parallel: Any = False
    offload: Any = False

    @property
    def data(self) -> Quantity:
        """Copies of the model that see different sequences."""
        copies = np.asarray(self.accelerators) / (np.asarray(self.tensor) * self.pipeline * self.context)
        return copies if copies.ndim else float(copies)

    def micro_batches(self, batch: int) -> Quantity:
        """Passes of one copy in a step of `batch` sequences."""
        return np.asarray(batch) / (np.asarray(self.data) * self.micro_batch)
