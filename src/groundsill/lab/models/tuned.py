"""What tuning made, kept apart from its base model: a small file for each task, and one base in memory for all of them."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from groundsill import tuning
from groundsill.lab.models.locate import model_hash
from groundsill.lab.models.net import Classifier, load_body
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.shelf import shelf
from groundsill.terms.whole_file import write_whole

WEIGHTS, ABOUT = "adapter.safetensors", "adapter.json"


@dataclass(frozen=True)
class About:
    """method, rank: of the tuning; base: hash of the base model's files; classes: names in the order of the head."""

    method: str
    rank: int
    base: str
    classes: tuple[str, ...]


def save(net: Classifier, about: About, folder: Path) -> Path:
    """Write the weights that trained, and what they are, into `folder`. Whole or not at all, weights first.

    Raises OSError where nothing can be written; an older file is then untouched.
    """
    from safetensors.torch import save as packed

    trained = {name: p.detach().cpu().contiguous() for name, p in net.named_parameters() if p.requires_grad}
    write_whole(folder / WEIGHTS, packed(trained))
    write_whole(folder / ABOUT, json.dumps(asdict(about), ensure_ascii=False, indent=1).encode())
    return folder


class Base:
    """A base model that is in memory once, for any number of tuned parts."""

    def __init__(self, folder: Path) -> None:
        """folder: of a checked base model. Raises the Problems of loading it."""
        self.folder, self.body = folder, load_body(folder)
        self.hash = model_hash(folder)

    def net(self, folder: Path) -> tuple[Classifier, About]:
        """The classifier of one task. All nets of this base share its weights: one more costs what was tuned alone.

        Weights that the method trained inside the body are the task's own. For use, not for further training: freezing
        is a mark on the shared weights. Raises Problem `lab.other_base`, `lab.not_a_tuned_part`.
        """
        about, weights = _read(folder)
        if about.base != self.hash:
            raise Problem("lab.other_base", at=str(folder), got=about.base, limit=self.hash, exit=Exit.INTEGRITY)
        shared: dict[int, Any] = {id(p): p for p in (*self.body.parameters(), *self.body.buffers())}
        net = Classifier(copy.deepcopy(self.body, shared), weights["head.weight"].shape[1], len(about.classes))
        shelf(tuning)[about.method].attach(net, rank=about.rank)
        trained = {name for name, p in net.named_parameters() if p.requires_grad}
        if trained != set(weights):
            odd = sorted(trained ^ set(weights))[0]
            raise Problem("lab.not_a_tuned_part", at=str(folder), got=odd, exit=Exit.INTEGRITY)
        where = next(self.body.parameters()).device
        for name, tensor in weights.items():
            parent, _, last = name.rpartition(".")
            setattr(net.get_submodule(parent), last, nn.Parameter(tensor.to(where), requires_grad=False))
        return net.eval(), about


def _read(folder: Path) -> tuple[About, dict[str, torch.Tensor]]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        raw = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        about = About(str(raw["method"]), int(raw["rank"]), str(raw["base"]), tuple(map(str, raw["classes"])))
        weights = load_file(folder / WEIGHTS)
        if about.method not in shelf(tuning) or weights["head.weight"].shape[0] != len(about.classes):
            raise ValueError(about.method)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as e:
        raise Problem("lab.not_a_tuned_part", at=str(folder), got=str(e)[:200], exit=Exit.INTEGRITY) from e
    return about, weights
