"""What times the machine: a thin adapter to the lab, like `bench`. Torch loads late."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill import __version__
from groundsill.pilot.hardware import Device
from groundsill.resources.job import Job, Plan
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

if TYPE_CHECKING:
    import torch

LIBRARIES = ("groundsill", "torch", "transformers", "peft")


class LabMachine:
    """Measures with `groundsill.lab` on one device. where: `cpu` or `cuda`; "" takes the GPU if there is one.

    Raises Problem `lab.no_torch`, `pilot.no_gpu`.
    """

    def __init__(self, where: str = "", seed: int = 0) -> None:
        from groundsill.lab.models import need_torch

        need_torch()
        import torch

        if where == "cuda" and not torch.cuda.is_available():
            raise Problem("pilot.no_gpu", got=f"torch {torch.__version__}")
        self.where: torch.device = torch.device(where or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.seed = seed

    def device(self) -> Device:
        """The device as the system names it."""
        import psutil
        import torch

        if self.where.type == "cuda":
            seen = torch.cuda.get_device_properties(self.where)
            return Device("cuda", seen.name, float(seen.total_memory))
        return Device("cpu", _processor(), float(psutil.virtual_memory().total), torch.get_num_threads())

    def free_bytes(self) -> float:
        """Memory that can be taken now."""
        import psutil
        import torch

        if self.where.type == "cuda":
            return float(torch.cuda.mem_get_info(self.where)[0])
        return float(psutil.virtual_memory().available)

    def versions(self) -> Mapping[str, str]:
        """Versions that the speed depends on: libraries, and CUDA and the driver on a GPU."""
        import torch

        from groundsill.lab.evaluation.record import versions

        found = {**versions(LIBRARIES), "groundsill": __version__, "torch": torch.__version__}
        if self.where.type == "cuda":
            found |= {"cuda": str(torch.version.cuda), **_driver()}
        return found

    def now(self) -> str:
        """This instant, ISO 8601, UTC."""
        from groundsill.lab.evaluation.record import now

        return now()

    def precisions(self) -> tuple[str, ...]:
        """Precisions of matrix products worth timing."""
        from groundsill.lab.models import products

        return products.precisions(self.where)

    def training_precision(self) -> str:
        """The precision in which the lab trains on this device."""
        import torch

        from groundsill.lab.models import device as machine

        if self.where.type == "cuda":
            return "bf16" if torch.cuda.get_device_capability(self.where)[0] >= 8 else "fp32"
        return "bf16" if machine.bf16_gain() >= machine.WORTH_IT else "fp32"

    def product(self, m: int, n: int, k: int, precision: str, seconds: float) -> dict[str, float]:
        """Measures of one product of matrices. Raises Problem `lab.no_memory`, `lab.no_precision`."""
        from groundsill.lab.models import products

        series, flops = products.product(m, n, k, precision, self.where, seconds=seconds, seed=self.seed)
        return {**series.measures(), "flops_per_s": flops / series.median}

    def moving(self, kind: str, size_bytes: int, seconds: float) -> dict[str, float]:
        """Measures of `copy` or `triad` over arrays of this size. Raises Problem `lab.no_memory`."""
        from groundsill.lab.models import products

        call = products.copy if kind == "copy" else products.triad
        series, moved = call(size_bytes, self.where, seconds=seconds)
        return {**series.measures(), "bytes_per_s": moved / series.median}

    def step(self, job: Job, plan: Plan, seconds: float) -> dict[str, float]:
        """Measures of one training step. Raises Problem as `lab.training.steps.step`."""
        from groundsill.lab.training.steps import step

        made = step(job, plan, self.where, seconds=seconds, seed=self.seed)
        return {**made.measures, "trainable_weights": float(made.trainable)}

    def pace(self, shape: Shape, precision: str, batch: int, tokens: int, seconds: float) -> dict[str, float]:
        """Measures of reading and writing. Raises Problem as `lab.prompting.pace.pace`."""
        from groundsill.lab.prompting.pace import pace

        return pace(shape, self.where, precision=precision, batch=batch, tokens=tokens, seconds=seconds, seed=self.seed)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _driver() -> dict[str, str]:
    """The driver's version through NVML, where its Python package is installed."""
    try:
        nvml: Any = __import__("pynvml")
        nvml.nvmlInit()
        told = nvml.nvmlSystemGetDriverVersion()
        return {"driver": told.decode() if isinstance(told, bytes) else str(told)}
    except Exception:  # no package, no driver: the version is unknown, and that is all
        return {}
