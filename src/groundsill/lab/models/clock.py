"""Timing and memory of something that is repeated: warm-up, median, spread, peak; on the CPU and on a CUDA GPU."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundsill.terms.problem import Exit, Problem

if TYPE_CHECKING:
    import torch

FEWEST, MOST, WARM_UP = 3, 100, 2
NORMAL_PER_MAD = 1.4826  # standard deviation of a normal over its median absolute deviation


@dataclass(frozen=True)
class Series:
    """Seconds of each repeat, warm-up left out."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """Seconds of one repeat."""
        return float(np.median(self.seconds))

    @property
    def spread(self) -> float:
        """Standard deviation of the log of one repeat, from the median absolute deviation, so that a single
        interruption does not count."""
        logs = np.log(self.seconds)
        return float(NORMAL_PER_MAD * np.median(np.abs(logs - np.median(logs))))

    def measures(self) -> dict[str, float]:
        """`repeats` and, from three on, `spread`: fewer tell none."""
        known = {"spread": self.spread} if len(self.seconds) >= FEWEST else {}
        return {**known, "repeats": float(len(self.seconds))}


def repeat(call: Callable[[], Any], where: torch.device, *, seconds: float, warm: int = WARM_UP) -> Series:
    """Call until about `seconds` are spent, 3 times at least and 100 at most, after `warm` calls that are not counted
    (the first builds kernels). Where one call takes longer than all the time, it is warmed up and counted once.

    On a GPU each call is bracketed by events and the clock of the GPU counts. Raises Problem `lab.no_memory`.
    """
    begin = time.perf_counter()
    once = 0.0
    with room():
        for _ in range(max(1, warm)):
            started = time.perf_counter()
            call()
            synchronise(where)
            once = max(time.perf_counter() - started, 1e-9)
            if time.perf_counter() - begin > seconds:
                break
        left = seconds - (time.perf_counter() - begin)
        wanted = 1 if once > seconds else max(FEWEST, min(MOST, int(left / once)))
        timed = _on_gpu(call, wanted) if where.type == "cuda" else _on_cpu(call, wanted)
    return Series(timed)


def _on_cpu(call: Callable[[], Any], times: int) -> tuple[float, ...]:
    out = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        out.append(max(time.perf_counter() - begin, 1e-9))
    return tuple(out)


def _on_gpu(call: Callable[[], Any], times: int) -> tuple[float, ...]:
    import torch

    marks = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]
    marks[0].record()
    for mark in marks[1:]:
        call()
        mark.record()
    torch.cuda.synchronize()
    return tuple(max(a.elapsed_time(b) / 1e3, 1e-9) for a, b in pairwise(marks))


def synchronise(where: torch.device) -> None:
    """Wait until the GPU has done all it was told; nothing on the CPU."""
    if where.type == "cuda":
        import torch

        torch.cuda.synchronize(where)


@contextlib.contextmanager
def room() -> Iterator[None]:
    """Raises Problem `lab.no_memory` in the place of the errors that torch raises when memory is short."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as e:
        raise Problem("lab.no_memory", got=str(e).split("\n")[0][:200], exit=Exit.NO_ROOM) from e
    except RuntimeError as e:
        if "can't allocate memory" in str(e) or "not enough memory" in str(e):
            raise Problem("lab.no_memory", got=str(e).split("\n")[0][:200], exit=Exit.NO_ROOM) from e
        raise


class Peak:
    """A context: the most memory that was held at once inside it, beyond what was held before.

    GPU: torch's own count of allocated and of reserved bytes. CPU: the resident memory of this process above its size at
    the start, from the kernel's high-water mark on Linux, else sampled every 5 ms; memory that was free inside the
    process before hides some of it, so what is free is given back first.
    """

    def __init__(self, where: torch.device) -> None:
        self.where = where
        self.allocated_bytes = 0.0
        self.reserved_bytes: float | None = None

    def __enter__(self) -> Peak:
        gc.collect()
        if self.where.type == "cuda":
            import torch

            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.where)
            self._before = float(torch.cuda.memory_allocated(self.where))
        else:
            _give_back()
            self._mark = _reset_mark()
            self._before = _resident()
            if not self._mark:
                self._stop = threading.Event()
                self._highest = self._before
                self._thread = threading.Thread(target=self._watch, daemon=True)
                self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.where.type == "cuda":
            import torch

            self.allocated_bytes = float(torch.cuda.max_memory_allocated(self.where)) - self._before
            self.reserved_bytes = float(torch.cuda.max_memory_reserved(self.where))
            return
        if self._mark:
            highest = _high_water() or _resident()
        else:
            self._stop.set()
            self._thread.join()
            highest = max(self._highest, _resident())
        self.allocated_bytes = max(0.0, highest - self._before)

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self._highest = max(self._highest, _resident())

    def measures(self) -> dict[str, float]:
        """`peak_bytes` and, on a GPU, `reserved_bytes`."""
        out = {"peak_bytes": self.allocated_bytes} if self.allocated_bytes > 0 else {}
        return out if self.reserved_bytes is None else {**out, "reserved_bytes": self.reserved_bytes}


def _resident() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss)


def _give_back() -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)


def _reset_mark() -> bool:
    """Set the kernel's high-water mark to the present size; False where the system has none (proc(5), clear_refs)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return _high_water() is not None


def _high_water() -> float | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
        return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
