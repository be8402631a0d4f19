"""What this machine is called: the catalogue's id of its accelerator, or a name of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

OWN = "own"  # first part of a name that stands for a measured machine
FORMS = ("pcie", "nvl", "sxm", "max-q", "laptop", "super", "ti", "ada")  # kinds of one chip that differ in speed
LEAST, MOST = (
    0.88,
    1.08,
)  # memory that the driver shows over what the maker prints: some keep a part, some mean GiB by GB


@dataclass(frozen=True)
class Device:
    """kind: `cpu` or `cuda`. name: as driver or system tell it. memory_bytes: of the GPU, or of the machine. threads: that
    this process may use on a CPU."""

    kind: str
    name: str
    memory_bytes: float
    threads: int = 0


def own_id(device: Device) -> str:
    """`own/cpu-intel-xeon-processor-2-threads`, `own/gpu-nvidia-geforce-rtx-5090`: one id for one speed."""
    if device.kind == "cpu":
        return f"{OWN}/cpu-{_slug(device.name)}-{device.threads}-thread{'' if device.threads == 1 else 's'}"
    return f"{OWN}/gpu-{_slug(device.name)}"


def hardware_id(device: Device, memory_of: Mapping[str, float]) -> str:
    """The catalogue's id of a GPU, if exactly one fits its name, form and memory; else a name of its own.

    memory_of: catalogue id -> bytes. A CPU is always itself: what it reaches depends on its threads and its memory.
    """
    if device.kind == "cpu":
        return own_id(device)
    name = f"-{_slug(device.name)}-"
    found = [id for id, size in memory_of.items() if _fits(id, name, size, device.memory_bytes)]
    longest = max((len(_chip(id)) for id in found), default=0)
    found = [id for id in found if len(_chip(id)) == longest]  # `rtx-4090` is also a `4090`
    return found[0] if len(found) == 1 else own_id(device)


def _fits(id: str, name: str, size: float, memory_bytes: float) -> bool:
    if f"-{_chip(id)}-" not in name or not LEAST * size <= memory_bytes <= MOST * size:
        return False
    parts = id.split("-")
    for form in FORMS:
        if form in parts and form != "sxm" and f"-{form}" not in name:
            return False
        # a driver does not say SXM in the name of each such part, but always says what is something else
        if f"-{form}-" in name and form not in parts:
            return False
    return True


def _chip(id: str) -> str:
    """The id without form and memory: `h100-sxm-80gb` -> `h100`."""
    return "-".join(p for p in id.split("-") if p not in FORMS and not re.fullmatch(r"\d+gb", p))


def _slug(name: str) -> str:
    plain = re.sub(r"\((r|tm|c)\)|\bcpu\b|@.*", "", name.lower())
    plain = re.sub(r"sxm\d?", "sxm", plain)
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "unknown"
