"""The energy counter of a GPU: read by the GPU's own name, and absent where it cannot be read."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from groundsill.lab.evaluation import meter


class NvmlError(Exception):
    """As pynvml raises it."""


def nvml(fails: bool = False) -> SimpleNamespace:
    """Two GPUs; torch was shown only the second one."""

    def energy(handle: str) -> int:
        if fails:
            raise NvmlError
        return {"GPU-a": 1_000, "GPU-b": 5_000}[handle]

    return SimpleNamespace(
        NVMLError=NvmlError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: uuid,
        nvmlDeviceGetHandleByIndex=lambda index: ("GPU-a", "GPU-b")[index],
        nvmlDeviceGetTotalEnergyConsumption=energy,
    )


def torch(uuid: str | None) -> SimpleNamespace:
    properties = SimpleNamespace(uuid=uuid) if uuid else SimpleNamespace()
    return SimpleNamespace(
        cuda=SimpleNamespace(
            is_available=lambda: True, current_device=lambda: 0, get_device_properties=lambda index: properties
        )
    )


def test_energy_is_read_from_the_gpu_that_torch_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml())  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "torch", torch("b"))  # type: ignore[arg-type]
    assert meter._gpu_joules() == 5.0
    monkeypatch.setitem(sys.modules, "torch", torch(None))  # type: ignore[arg-type]
    assert meter._gpu_joules() == 1.0


def test_an_unknown_energy_is_absent_and_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch("b"))  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "pynvml", nvml(fails=True))  # type: ignore[arg-type]
    assert meter._gpu_joules() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)  # type: ignore[arg-type]
    assert meter._gpu_joules() is None
