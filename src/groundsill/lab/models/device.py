"""The machine: which device, which precision, which noise to silence. The one place that chooses."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from groundsill.terms.problem import Exit, Problem
from groundsill.terms.whole_file import write_whole

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16"]
WORTH_IT = 1.15  # bf16 must be this much faster; below, timing noise would flip the choice from run to run


def need_torch() -> None:
    """Raises Problem `lab.no_torch`, with the pip command as its fix, where torch or transformers is missing.

    Threads that wait for each other shall sleep, not spin: on a machine with other work, spinning made an encoding pass
    2.5 times slower here. The variable is read when torch is first loaded, and a user's own value stands.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as e:
        raise Problem("lab.no_torch", got=e.name or "torch", exit=Exit.INVALID) from e


@cache
def device() -> torch.device:
    """The first CUDA GPU if torch sees one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast(precision: Precision) -> AbstractContextManager[Any]:
    """Run in bf16 where told to; fp16 is never used (no kernels on CPU, and bf16 needs no loss scaling)."""
    import torch

    return torch.autocast(device().type, torch.bfloat16) if precision == "bf16" else nullcontext()


def precision(work: Path | None = None) -> Precision:
    """Whether bf16 is faster on this machine: measured in about 2 s, remembered in `work` so that all runs of a
    project use the same one."""
    import torch

    if device().type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    key = f"{torch.__version__} {torch.get_num_threads()} {torch.backends.cpu.get_cpu_capability()}"
    file = work / "precision.json" if work else None
    if file and file.is_file():
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            known = {}
        if isinstance(known, dict) and known.get("machine") == key and known.get("precision") in ("fp32", "bf16"):
            return "bf16" if known["precision"] == "bf16" else "fp32"
    gain = bf16_gain()
    chosen: Precision = "bf16" if gain >= WORTH_IT else "fp32"
    if file:
        text = json.dumps({"machine": key, "precision": chosen, "gain": gain})
        try:
            write_whole(file, text.encode())
        except OSError as e:
            raise Problem("lab.no_room", at=str(file), got=e.strerror or str(e), exit=Exit.NO_ROOM) from e
    return chosen


@cache
def bf16_gain() -> float:
    """Time of a training step in fp32 over bf16: four feed-forward parts of width 384, 16 x 64 tokens, best of 3 taken in turn.
    Whoever asks may be scoring just now, without gradients: the step is trained all the same."""
    import torch

    with torch.inference_mode(False), torch.enable_grad():
        return _bf16_gain()


def _bf16_gain() -> float:
    import torch
    from torch import nn

    with seeded(0):
        block = nn.Sequential(*(m for _ in range(4) for m in (nn.Linear(384, 1536), nn.GELU(), nn.Linear(1536, 384))))
    x = torch.ones(16 * 64, 384)
    best = {"fp32": float("inf"), "bf16": float("inf")}
    started = time.perf_counter()
    for turn in range(4):
        for kind in best:
            with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
                begin = time.perf_counter()
                block(x).float().mean().backward()
            if turn:  # the first turn builds the kernels
                best[kind] = min(best[kind], time.perf_counter() - begin)
        if turn and time.perf_counter() - started > 2:
            break
    return best["fp32"] / best["bf16"]


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress bars and hints of transformers while it loads; its settings are put back."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Dropout draws from torch's global generator; give it this seed and put its state back afterwards."""
    import torch

    devices = [torch.cuda.current_device()] if device().type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield
