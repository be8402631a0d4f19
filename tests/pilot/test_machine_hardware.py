"""Names of machines: the catalogue's, where exactly one fits, else a name of the machine's own."""

from __future__ import annotations

import pytest

from groundsill.pilot.hardware import Device, hardware_id

GIB = 2.0**30
KNOWN = {
    "h100-sxm-80gb": 80e9, "h100-pcie-80gb": 80e9, "h100-nvl-94gb": 94e9, "h200-sxm": 141e9, "a100-sxm-40gb": 40 * GIB,
    "a100-sxm-80gb": 80 * GIB, "a100-pcie-80gb": 80 * GIB, "rtx-4090": 24 * GIB, "rtx-3080-ti": 12 * GIB, "rtx-3080": 10 * GIB,
    "l4": 24e9, "l40s": 48e9, "t4": 16 * GIB, "v100-sxm-32gb": 32 * GIB, "rtx-6000-ada": 48 * GIB, "rtx-a6000": 48 * GIB,
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "gib", "id"),
    [
        ("NVIDIA H100 80GB HBM3", 79.2, "h100-sxm-80gb"),
        ("NVIDIA H100 PCIe", 79.2, "h100-pcie-80gb"),
        ("NVIDIA H100 NVL", 93.1, "h100-nvl-94gb"),
        ("NVIDIA H200", 139.8, "h200-sxm"),
        ("NVIDIA A100-SXM4-40GB", 39.4, "a100-sxm-40gb"),
        ("NVIDIA A100-SXM4-80GB", 79.2, "a100-sxm-80gb"),
        ("NVIDIA A100 80GB PCIe", 79.2, "a100-pcie-80gb"),
        ("NVIDIA GeForce RTX 4090", 23.6, "rtx-4090"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", 15.7, "own/gpu-nvidia-geforce-rtx-4090-laptop-gpu"),
        ("NVIDIA GeForce RTX 3080 Ti", 11.8, "rtx-3080-ti"),
        ("NVIDIA GeForce RTX 3080", 9.8, "rtx-3080"),
        ("NVIDIA L4", 22.0, "l4"),
        ("NVIDIA L40S", 44.4, "l40s"),
        ("Tesla T4", 14.6, "t4"),
        ("Tesla V100-SXM2-32GB", 31.7, "v100-sxm-32gb"),
        ("NVIDIA RTX 6000 Ada Generation", 47.5, "rtx-6000-ada"),
        ("NVIDIA GeForce RTX 5090", 31.4, "own/gpu-nvidia-geforce-rtx-5090"),
    ],
)
def test_gpus(name: str, gib: float, id: str) -> None:
    assert hardware_id(Device("cuda", name, gib * GIB), KNOWN) == id


def test_a_processor_is_itself_and_its_threads() -> None:
    xeon = Device("cpu", "Intel(R) Xeon(R) Processor @ 2.10GHz", 24 * GIB, threads=2)
    assert hardware_id(xeon, {"intel-xeon": 24 * GIB}) == "own/cpu-intel-xeon-processor-2-threads"
    assert hardware_id(Device("cpu", "Apple M3", 1.0, 1), {}) == "own/cpu-apple-m3-1-thread"
