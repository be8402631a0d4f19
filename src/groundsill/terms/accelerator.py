"""An accelerator: what resources count with. Its numbers are facts of the catalogue, here in SI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from groundsill.terms.problem import Problem

HALF = ("bf16", "fp16")  # the same speed wherever both exist


@dataclass(frozen=True)
class Accelerator:
    """One accelerator (GPU, TPU chip, NPU, or the processor of a machine).

    family: its architecture (`ampere`, `hopper`, `tpu-v4`, `cpu`, ...), the level at which efficiencies are shared.
    peak_flops_per_s: dense matrix peak by precision (fp32, tf32, fp16, bf16, fp8, fp4, int8). memory_bytes,
    memory_bytes_per_s: its own memory. power_w: thermal design power. node_size: accelerators that share the fast links;
    link_bytes_per_s: to the others of the node, one direction; network_bytes_per_s: out of the node, one direction, for
    each accelerator; host_bytes_per_s: to the memory of its host, one direction. Unknown bandwidths are 0, and what needs them
    is refused.
    """

    id: str
    family: str
    peak_flops_per_s: Mapping[str, float]
    memory_bytes: float
    memory_bytes_per_s: float
    power_w: float
    node_size: int = 1
    link_bytes_per_s: float = 0.0
    network_bytes_per_s: float = 0.0
    host_bytes_per_s: float = 0.0

    def peak(self, precision: str) -> float:
        """FLOP/s at `precision`; bf16 and fp16 stand for each other. Raises Problem `accelerator.no_precision`."""
        names = (precision, *(p for p in HALF if p != precision)) if precision in HALF else (precision,)
        for name in names:
            if name in self.peak_flops_per_s:
                return self.peak_flops_per_s[name]
        raise Problem("accelerator.no_precision", at=self.id, got=precision, limit=", ".join(self.peak_flops_per_s))
