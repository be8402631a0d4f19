"""Tasks, one file each: what its data look like, its metric, what a guess reaches, its prompt.

A task's module is named as its kind (`text-classification` in `text_classification.py`) and has `KIND`, `FORM` (of its
rows, see `lab.data.FORMS`), `METRIC`, `NO_ANSWER`, `metrics(classes)`, `judge(metric, test, answers, classes)`,
`chance(metric, test, classes)`, and the right and no answers to a test set, `gold(test)` and `empty(test)`. Where a prompt can
do it, `prompt(...)` and `language_of(texts)`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
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


@cache
def wordings(kind: str, language: str) -> Mapping[str, Mapping[str, str]]:
    """Template name -> its parts, of a task's prompts in `language`; the usual template first."""
    text = (resources.files(__name__) / "templates" / f"{language}.toml").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(text)[kind]
    return found


def wording(kind: str, language: str, template: str) -> Mapping[str, str]:
    """The parts of one template. Raises Problem `prompting.unknown_template`."""
    known = wordings(kind, language)
    if template not in known:
        raise Problem("prompting.unknown_template", got=template, limit=", ".join(known))
    return known[template]
