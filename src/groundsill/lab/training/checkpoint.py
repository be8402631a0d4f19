"""Checkpoints: a folder that is there whole or not at all, and from which training goes on bit for bit.

`step-0000120/`: `weights.safetensors` (what trains), `state.safetensors` (the optimiser's moments, averages, the best
weights, the state of chance), `state.json` (place in the order, losses), `manifest.json` (SHA-256 of each). Written aside,
synced, renamed; the last two are kept. Nothing is unpickled.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from groundsill.lab.models import manifest
from groundsill.lab.models.locate import PICKLES
from groundsill.terms.event import Emit, Event
from groundsill.terms.problem import Exit, Problem

Tensors = dict[str, torch.Tensor]
KEEP = 2
NAME = re.compile(r"step-(\d{7,})")
WEIGHTS, STATE, ABOUT = "weights.safetensors", "state.safetensors", "state.json"
MOST_SHARE = 0.02  # of the time may go into checkpoints: a slow disk makes them rarer


@dataclass(frozen=True)
class Saving:
    """Where and how often. every_seconds: time that a crash may cost (more if writing would take over 2 % of the time);
    every_steps: at these steps instead (0: by time). mark: what the run is of, beyond what training sees itself."""

    folder: Path
    every_seconds: float = 60.0
    every_steps: int = 0
    mark: str = ""


@dataclass(frozen=True, eq=False)
class State:
    """A training after `step` steps. weights: by name; tensors: all else that is a tensor; about: plain numbers."""

    step: int
    weights: Tensors
    tensors: Tensors
    about: Mapping[str, Any]


@dataclass(eq=False)
class Keeper:
    """Writes checkpoints when they are due and finds the newest sound one. key: of this very training."""

    saving: Saving
    key: str
    emit: Emit
    _last: float = field(default_factory=lambda: time.monotonic())
    _took: float = 0.0

    def due(self, step: int) -> bool:
        """Whether to save after so many steps."""
        if self.saving.every_steps:
            return step % self.saving.every_steps == 0
        return time.monotonic() - self._last >= max(self.saving.every_seconds, self._took / MOST_SHARE)

    def save(self, state: State) -> None:
        """Raises Problem `lab.checkpoint_no_room`; the checkpoint before is then as it was."""
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        begin = time.monotonic()
        target = self.saving.folder / f"step-{state.step:07d}"

        def make(aside: Path) -> None:
            about = {"key": self.key, "step": state.step, **state.about}
            try:
                save_file({k: t.contiguous() for k, t in state.weights.items()}, aside / WEIGHTS)
                save_file({k: t.contiguous() for k, t in state.tensors.items()}, aside / STATE)
            except SafetensorError as e:  # a full disk comes as this
                raise OSError(0, str(e)) from e
            (aside / ABOUT).write_text(json.dumps(about), encoding="utf-8")

        try:
            _drop(target)  # a damaged one that was passed over
            manifest.build(target, None, make)
        except Problem as e:
            need = sum(t.numel() * t.element_size() for part in (state.weights, state.tensors) for t in part.values())
            free = shutil.disk_usage(_there(self.saving.folder)).free
            raise Problem(
                "lab.checkpoint_no_room", at=str(target), got=free / 1e6, limit=need / 1e6, step=state.step,
                why=e.got, exit=Exit.NO_ROOM,
            ) from e  # fmt: skip
        for old in self._all()[KEEP:]:
            _drop(old)
        self._last = time.monotonic()
        self._took = self._last - begin

    def newest(self) -> State | None:
        """The newest sound checkpoint; None where there is none. A damaged one is told of and passed over.

        Raises Problem `lab.checkpoint_corrupt` where all are damaged, `lab.pickle_refused`, `lab.other_checkpoint` for
        one of another training.
        """
        for litter in self.saving.folder.glob("step-*.tmp"):
            shutil.rmtree(litter, ignore_errors=True)
        found = self._all()
        for folder in found:
            pickles = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLES)
            if pickles:
                raise Problem("lab.pickle_refused", at=str(folder), got=", ".join(pickles), exit=Exit.INTEGRITY)
            try:
                return self._read(folder)
            except Problem as e:
                if e.code != "lab.model_corrupt":
                    raise
                self.emit(Event("lab.checkpoint_passed", {"folder": folder.name, "got": e.got}))
        if found:
            raise Problem("lab.checkpoint_corrupt", at=str(self.saving.folder), got=len(found), exit=Exit.INTEGRITY)
        return None

    def clear(self) -> None:
        """Delete all checkpoints: the training is over, and its result is kept elsewhere."""
        for folder in (*self._all(), *self.saving.folder.glob("step-*.tmp")):
            shutil.rmtree(folder, ignore_errors=True)

    def _all(self) -> list[Path]:
        """Newest first."""
        folders = [p for p in self.saving.folder.glob("step-*") if NAME.fullmatch(p.name)]
        return sorted(folders, key=lambda p: int(p.name[5:]), reverse=True)

    def _read(self, folder: Path) -> State:
        from safetensors.torch import load_file

        manifest.check(folder)
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if about["key"] != self.key:
            at = str(self.saving.folder)
            raise Problem("lab.other_checkpoint", at=at, got=about["key"], limit=self.key, exit=Exit.INTEGRITY)
        return State(int(about["step"]), load_file(folder / WEIGHTS), load_file(folder / STATE), about)


def _drop(folder: Path) -> None:
    """Delete a checkpoint; it loses its name at once, so that no half-deleted one is ever taken for one."""
    gone = folder.with_name(f"{folder.name}.gone.tmp")
    shutil.rmtree(gone, ignore_errors=True)
    if folder.exists():
        folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def _there(folder: Path) -> Path:
    return next(p for p in (folder, *folder.parents) if p.exists())


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> Tensors:
    """The optimiser's state as named tensors: `3.exp_avg` is that of its fourth weight."""
    state = optimiser.state_dict()["state"]
    return {f"{i}.{k}": v for i, part in state.items() for k, v in part.items() if isinstance(v, torch.Tensor)}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Put a state back that `optimiser_tensors` gave."""
    state: dict[int, Tensors] = {}
    for name, tensor in tensors.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def part_of(tensors: Tensors, prefix: str) -> Tensors:
    """The tensors whose name starts with `prefix.`, without it."""
    return {name[len(prefix) + 1 :]: t for name, t in tensors.items() if name.startswith(f"{prefix}.")}
