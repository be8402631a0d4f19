"""Kits, one file for each form of rows: how they become a net to train, its objective, and answers.

A kit has `start(job) -> Started` (the net, its head fitted on frozen features where it has one, the method attached; and the
objective), `blank(job) -> Started` (the same with a head at zero, for a look at the speed), `answer(job, net) -> Answered`,
`longest(folder, rows, ...)`: where to cut, and, where the head alone can be fitted, `head(job) -> Report`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from groundsill.lab.objectives import Objective


@dataclass(frozen=True, eq=False)
class Started:
    """net, objective: to be trained. encode_seconds: of the frozen pass, also if it was earlier; head_seconds: of fitting
    the head; tokens: that went through that pass; places: where the output matrix learns in one epoch."""

    net: Any
    objective: Objective
    encode_seconds: float = 0.0
    head_seconds: float = 0.0
    tokens: float = 0.0
    places: float = 0.0


@dataclass(frozen=True, eq=False)
class Answered:
    """scores `(rows or words, classes)`, or the written texts. tokens: that went through the body; places: tokens at which
    the output matrix was used; seconds of it all."""

    scores: npt.NDArray[np.floating[Any]]
    tokens: float
    seconds: float
    written: tuple[str, ...] = ()
    places: float = 0.0
    note: str = ""


def kit_of(form: str) -> ModuleType:
    """The kit of a form of rows (`lab.data.FORMS`)."""
    from groundsill.lab.training.kits import classes, tags, targets

    return {"class": classes, "pair": classes, "words": tags, "target": targets}[form]
