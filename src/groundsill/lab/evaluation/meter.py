"""Watching the machine while something runs: time, memory, other work, energy where the machine tells it."""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

SAMPLE_SECONDS = 0.1
RAPL = Path("/sys/class/powercap")


class Meter:
    """A context: `with Meter() as meter: ...`, then `meter.measures()`.

    peak_bytes: highest resident memory of this process seen (all of it, what was loaded before included), or torch's
    highest allocation on a GPU. load: mean number of tasks that wanted a core, less our own. joules: RAPL packages of
    the whole machine or the GPU's own counter; absent where neither can be read.
    """

    def __init__(self, seconds_between: float = SAMPLE_SECONDS) -> None:
        self._between = seconds_between
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._loads: list[float] = []
        self._peak_bytes = 0
        self._joules: float | None = None
        self.seconds = 0.0

    def __enter__(self) -> Meter:
        self._energy = joules()
        _reset_gpu_peak()
        self._begin = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._begin
        self._stop.set()
        self._thread.join()
        after = joules()
        if self._energy is not None and after is not None and after >= self._energy:
            self._joules = after - self._energy

    def _watch(self) -> None:
        import psutil

        me = psutil.Process()
        while True:
            self._peak_bytes = max(self._peak_bytes, me.memory_info().rss)
            self._loads.append(other_work())
            if self._stop.wait(self._between):
                return

    def measures(self) -> dict[str, float]:
        """`peak_bytes`, `load` and, where known, `joules`."""
        out = {
            "peak_bytes": float(_gpu_peak() or self._peak_bytes),
            "load": sum(self._loads) / len(self._loads),
        }
        if self._joules is not None:
            out["joules"] = self._joules
        return out


def other_work() -> float:
    """Tasks on this machine that want a core at this instant, less our own threads that do; never below 0.

    Linux tells the instant; elsewhere the mean of the last minute less one busy process is all there is.
    """
    try:
        wanting = int(Path("/proc/loadavg").read_text().split()[3].split("/")[0])
        ours = sum(_runs(task) for task in Path("/proc/self/task").iterdir())
        return float(max(0, wanting - ours))
    except (OSError, ValueError, IndexError):
        return max(0.0, os.getloadavg()[0] - 1.0) if hasattr(os, "getloadavg") else 0.0


def _runs(task: Path) -> bool:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0] == "R"
    except (OSError, IndexError):
        return False  # a thread that has just ended


def joules() -> float | None:
    """The machine's energy counter now, J (only differences mean something); None where none can be read."""
    gpu = _gpu_joules()
    if gpu is not None:
        return gpu
    try:
        zones = [z for z in RAPL.glob("intel-rapl:*") if z.name.count(":") == 1]  # packages, not their parts
        return sum(int((z / "energy_uj").read_text()) for z in zones) / 1e6 if zones else None
    except (OSError, ValueError):
        return None


def _gpu_joules() -> float | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    try:
        nvml = import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(_handle(nvml, torch))) / 1e3  # it counts in mJ
    except nvml.NVMLError:  # older cards have no such counter
        return None


def _handle(nvml: Any, torch: Any) -> Any:
    """The GPU that torch uses. NVML counts all GPUs of the machine, torch those that it was shown: the UUID is the same."""
    index = torch.cuda.current_device()
    uuid = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    return nvml.nvmlDeviceGetHandleByIndex(index) if uuid is None else nvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")


def _reset_gpu_peak() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _gpu_peak() -> float | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return float(torch.cuda.max_memory_allocated()) or None
