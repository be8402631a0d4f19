"""Settings: everything about a training beyond its recipe's rates and epochs. The usual values train as plainly as can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from groundsill.terms.problem import Problem

CHOICES: Mapping[str, tuple[str, ...]] = {
    "optimiser": ("adamw", "sgd"),
    "schedule": ("linear", "cosine", "constant"),
    "average": ("none", "ema", "swa"),
    "precision": ("auto", "fp32", "bf16"),
}
SHARES = ("warm_up", "momentum", "smoothing", "average_decay")  # at least 0, below 1


@dataclass(frozen=True)
class Settings:
    """optimiser, schedule: see CHOICES; warm_up: share of the steps over which the rate rises; momentum: of SGD
    (Sutskever et al. 2013). clip: largest norm of the gradient (0: uncut). accumulate: batches a step. l1, l2: penalties
    on all trained matrices, added to the loss (weight decay of the recipe is apart from the gradient, Loshchilov and
    Hutter 2019). dropout: in the place of the model's own (below 0: its own).
    smoothing: share of the truth given to all classes (Szegedy et al. 2016); balanced: classes weigh alike in the loss,
    however rare; both are done by the objective. batch_tokens: padded tokens a batch in the place of the recipe's rows
    (0: rows). packed: several texts a row, none sees another. recompute: blocks are computed again in the backward
    pass (Chen et al. 2016): less memory, a third more work.
    adversarial: size of the disturbance of the embedded texts over their own size (FGM, Miyato et al. 2017; 0: none).
    average: the weights at the end are a mean over steps: `ema` with average_decay, `swa` the last quarter's equal
    mean (Izmailov et al. 2018). patience: looks at the metric without a better one before training stops, and the best
    weights are kept (0: train to the end, keep the last); look_steps: steps between two looks (0: once an epoch).
    precision: `auto` measures whether bf16 is faster here.
    """

    optimiser: str = "adamw"
    schedule: str = "linear"
    warm_up: float = 0.1
    momentum: float = 0.9
    clip: float = 1.0
    accumulate: int = 1
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = -1.0
    smoothing: float = 0.0
    balanced: bool = False
    batch_tokens: int = 0
    packed: bool = False
    recompute: bool = False
    adversarial: float = 0.0
    average: str = "none"
    average_decay: float = 0.999
    patience: int = 0
    look_steps: int = 0
    precision: str = "auto"

    def __post_init__(self) -> None:
        """Raises Problem `lab.bad_setting`, and `lab.no_half` for fp16."""
        if self.precision in ("fp16", "half", "float16"):
            raise Problem("lab.no_half", got=self.precision, limit=", ".join(CHOICES["precision"]))
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise Problem("lab.bad_setting", got=f"{name} = {getattr(self, name)}", limit=", ".join(allowed))
        for name in SHARES:
            if not 0 <= getattr(self, name) < 1:
                raise Problem("lab.bad_setting", got=f"{name} = {getattr(self, name)}", limit="0 <= x < 1")
        for name in ("clip", "l1", "l2", "batch_tokens", "adversarial", "patience", "look_steps"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise Problem("lab.bad_setting", got=f"{name} = {getattr(self, name)}", limit="x >= 0")
        if self.accumulate < 1:
            raise Problem("lab.bad_setting", got=f"accumulate = {self.accumulate}", limit="x >= 1")
        if self.dropout >= 1:
            raise Problem("lab.bad_setting", got=f"dropout = {self.dropout}", limit="x < 1")
        if self.packed and not self.batch_tokens:
            raise Problem("lab.bad_setting", got="packed, batch_tokens = 0", limit="batch_tokens > 0")


KINDS: Mapping[str, type[Any]] = {f.name: type(f.default) for f in fields(Settings)}


def split(recipe: Mapping[str, Any]) -> tuple[Settings, dict[str, Any]]:
    """The settings among the lines of a candidate's recipe, and the lines that are none.

    Raises Problem `lab.bad_setting` for a value of the wrong kind or out of range, `lab.no_half`.
    """
    given: dict[str, Any] = {}
    for name, value in recipe.items():
        if name not in KINDS:
            continue
        kind = KINDS[name]
        fits = isinstance(value, str) if kind is str else isinstance(value, (bool, int, float))
        if not fits or (kind is not float and kind(value) != value):
            raise Problem("lab.bad_setting", got=f"{name} = {value}", limit=kind.__name__)
        given[name] = kind(value)
    return Settings(**given), {name: value for name, value in recipe.items() if name not in KINDS}
