"""Tasks, one file each: what its data look like, its metric, what a guess reaches, its prompt.

A task's module is named as its kind (`text-classification` in `text_classification.py`) and has `METRIC`,
`metrics(classes)`, `chance(labels)`, `prompt(...)` and `NO_ANSWER`.
"""

from __future__ import annotations

from types import ModuleType

from groundsill.terms.problem import Problem
from groundsill.terms.shelf import shelf


def find(kind: str) -> ModuleType:
    """The module of a task kind. Raises Problem `lab.unknown_task`."""
    from groundsill.lab import tasks

    known = {name.replace("_", "-"): module for name, module in shelf(tasks).items()}
    if kind not in known:
        raise Problem("lab.unknown_task", got=kind, limit=", ".join(sorted(known)))
    return known[kind]
