"""First steps: a project file for a table, and what the machine lacks."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from groundsill.terms.problem import Problem

LAB_PACKAGES = ("torch", "transformers", "peft", "sklearn", "safetensors", "gguf", "accelerate", "pyarrow")
TIGHT_MEMORY_BYTES = 4e9  # MiniLM tunes within 2 GB; a 135M decoder needs about 1.5 GB more
TIGHT_DISK_BYTES = 3e9  # torch and the example models fill about 2.5 GB


@dataclass(frozen=True)
class Made:
    """A project file that was written."""

    path: Path
    text: tuple[str, ...]
    label: str
    classes: int
    rows: int


@dataclass(frozen=True)
class Finding:
    """One line of `doctor`. state: `ok`, `note` (works, but) or `missing`."""

    code: str
    state: Literal["ok", "note", "missing"]
    values: Mapping[str, Any] = field(default_factory=dict)


def init(data: Path, out: Path, *, text: tuple[str, ...] = (), label: str | None = None, language: str = "en") -> Made:
    """Look at a table and write a project file for it.

    Raises Problem `api.exists` rather than overwrite a file, and what `lab.data` says of a table it cannot use.
    """
    from groundsill.lab.data import DataSpec, read, sniff
    from groundsill.project.template import template

    if out.exists():
        raise Problem("api.exists", at=str(out))
    guess = None if text and label else sniff(data)
    columns = text or ((guess.text,) if guess else ())
    chosen = label or (guess.label if guess else "")
    found = read(DataSpec(path=str(data.resolve()), text=columns, label=chosen), out.resolve().parent).card
    inside = data.resolve().is_relative_to(out.resolve().parent)
    where = data.resolve().relative_to(out.resolve().parent) if inside else data.resolve()
    content = template(
        name=data.stem, data=where.as_posix(), text=columns, label=chosen, rows=found.rows, classes=len(found.classes), language=language
    )  # fmt: skip
    out.write_text(content, encoding="utf-8")
    return Made(out, columns, chosen, len(found.classes), found.rows)


def doctor(project: Path | None = None) -> list[Finding]:
    """What this machine has and lacks; with a project, also its models and data. Never raises for a lack."""
    found = [_python(), *_packages(), _accelerator(), _memory(), _disk(project)]
    return found + (_named(project) if project else [])


def _python() -> Finding:
    version = ".".join(str(n) for n in sys.version_info[:3])
    return Finding("api.python", "ok" if sys.version_info >= (3, 11) else "missing", {"version": version})


def _packages() -> list[Finding]:
    found = []
    for name in LAB_PACKAGES:
        if importlib.util.find_spec(name) is None:
            found.append(Finding("api.package_missing", "missing", {"name": name}))
        else:
            distribution = {"sklearn": "scikit-learn"}.get(name, name)
            found.append(
                Finding("api.package", "ok", {"name": distribution, "version": metadata.version(distribution)})
            )
    return found


def _accelerator() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("api.no_accelerator", "note", {"cores": _cores()})
    import torch

    if torch.cuda.is_available():
        return Finding("api.accelerator", "ok", {"name": torch.cuda.get_device_name(0)})
    return Finding("api.no_accelerator", "note", {"cores": _cores()})


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available
    return Finding("api.memory", "ok" if free >= TIGHT_MEMORY_BYTES else "note", {"free": f"{free / 1e9:.1f}"})


def _disk(project: Path | None) -> Finding:
    folder = project.resolve().parent if project else Path.cwd()
    free = shutil.disk_usage(folder if folder.is_dir() else Path.cwd()).free
    return Finding(
        "api.disk", "ok" if free >= TIGHT_DISK_BYTES else "note", {"free": f"{free / 1e9:.1f}", "folder": folder}
    )


def _named(path: Path) -> list[Finding]:
    """The packages that hold the project's data and models."""
    from groundsill.catalogue.load import Catalogue
    from groundsill.project import file

    try:
        project, catalogue = file.read(path), Catalogue()
        wanted = {p.split(":", 1)[1].split("/")[0]: "" for p in project.data_paths() if p.startswith("package:")}
        for candidate in project.candidates:
            if candidate.model and not candidate.model.startswith("hosted/"):
                where = catalogue.model(candidate.model).where
                if "package" in where:
                    wanted[where["package"]] = (
                        f"{where.get('distribution', where['package'])}=={where.get('version', '')}"
                    )
    except Problem as problem:
        return [Finding(problem.code, "missing", problem.values())]
    found = []
    for package, distribution in sorted(wanted.items()):
        here = importlib.util.find_spec(package) is not None
        code = "api.source" if here else "api.source_missing"
        found.append(
            Finding(code, "ok" if here else "missing", {"name": package, "distribution": distribution or package})
        )
    return found
