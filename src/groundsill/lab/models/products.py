"""What a device can do at best: dense matrix products and moving memory, on random numbers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from groundsill.lab.models.clock import Series, repeat, room
from groundsill.terms.problem import Problem

if TYPE_CHECKING:
    import torch

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
ELEMENT_BYTES = 4  # of the moved arrays: fp32


def precisions(where: torch.device) -> tuple[str, ...]:
    """The precisions worth timing here: on a CPU fp32 and bf16, on a CUDA GPU those that its generation has."""
    import torch

    if where.type != "cuda":
        return ("fp32", "bf16")
    major, _ = torch.cuda.get_device_capability(where)
    return PRECISIONS if major >= 8 else ("fp32", "fp16")  # tf32 and bf16 came with compute capability 8.0


def product(
    m: int, n: int, k: int, precision: str, where: torch.device, *, seconds: float, seed: int
) -> tuple[Series, float]:
    """Time (m, k) x (k, n); returns the times and the FLOP of one product (2 m n k).

    fp32 on a GPU means true fp32, tf32 the rounded one. Raises Problem `lab.no_memory`, `lab.no_precision`.
    """
    import torch

    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    rng = torch.Generator(device=where).manual_seed(seed)
    with room(), torch.inference_mode(), rounded(precision == "tf32"):
        a = torch.randn(m, k, generator=rng, device=where).to(dtype)
        b = torch.randn(k, n, generator=rng, device=where).to(dtype)
        out = torch.empty(m, n, device=where, dtype=dtype)
        try:
            torch.matmul(a, b, out=out)
        except RuntimeError as e:
            if "not implemented" in str(e) or "not support" in str(e):
                raise Problem("lab.no_precision", at=str(where), got=precision) from e
            raise
        return repeat(lambda: torch.matmul(a, b, out=out), where, seconds=seconds), 2.0 * m * n * k


def triad(size_bytes: int, where: torch.device, *, seconds: float) -> tuple[Series, float]:
    """Time a = b + 3 c over three fp32 arrays of `size_bytes` each; returns the times and the bytes moved.

    Counted as in STREAM (McCalpin 1995): two arrays read, one written, whatever the cache fetches besides. The arrays
    must be several times the last cache. Raises Problem `lab.no_memory`.
    """
    import torch

    count = max(1, size_bytes // ELEMENT_BYTES)
    with room(), torch.inference_mode():
        b, c = torch.ones(count, device=where), torch.ones(count, device=where)
        a = torch.empty(count, device=where)
        return repeat(lambda: torch.add(b, c, alpha=3.0, out=a), where, seconds=seconds), 3.0 * count * ELEMENT_BYTES


def copy(size_bytes: int, where: torch.device, *, seconds: float) -> tuple[Series, float]:
    """Time a = b over two fp32 arrays; returns the times and the bytes moved (one read, one written). Raises as `triad`."""
    import torch

    count = max(1, size_bytes // ELEMENT_BYTES)
    with room(), torch.inference_mode():
        b, a = torch.ones(count, device=where), torch.empty(count, device=where)
        return repeat(lambda: a.copy_(b), where, seconds=seconds), 2.0 * count * ELEMENT_BYTES


@contextlib.contextmanager
def rounded(on: bool) -> Iterator[None]:
    """fp32 products in tf32 (on) or in true fp32 (off) while inside; what was set before is put back."""
    import torch

    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if on else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
