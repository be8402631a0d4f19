"""One tuning: what it needs, and what every kind of rows tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundsill import tuning
from groundsill.lab.data import Split
from groundsill.lab.evaluation.count import forward_flops
from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.models.words import PAIR_PARTS
from groundsill.lab.training.recipe import Recipe
from groundsill.lab.training.settings import Settings
from groundsill.terms.event import Emit, Event
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape
from groundsill.terms.shelf import shelf

INSIDE = ("full", "partial", "bitfit", "head")  # what they train is part of the model; the others add to it
WEIGHT_BYTES = 4  # fp32
UNKNOWN_SHARE = 0.2  # of the tokens: beyond it the model hardly reads these texts
LOOK_TEXTS, LOOK_CHARACTERS = 200, 400


@dataclass(frozen=True, eq=False)
class Job:
    """What one tuning needs: base model folder and shape, rows, recipe, where to keep features. classes: of the head, 0
    where a text is to be written. task: its kind, for the prompt of a text to be written."""

    method: str
    folder: Path
    shape: Shape
    train: Split
    test: Split
    classes: int
    recipe: Recipe
    longest: int
    seed: int
    work: Path
    emit: Emit
    settings: Settings = field(default_factory=Settings)
    task: str = "text-classification"

    @property
    def module(self) -> Any:
        """The tuning method."""
        return methods()[self.method]

    @property
    def rank(self) -> int:
        """Size of the method: the recipe's, else its usual one."""
        return self.recipe.rank or int(self.module.RANK)

    @property
    def kind(self) -> machine.Precision:
        """Precision of the matrix products: the setting's, else what is faster here."""
        asked = self.settings.precision
        return "bf16" if asked == "bf16" else "fp32" if asked == "fp32" else machine.precision(self.work)

    @property
    def parts(self) -> int:
        """Vectors of the body's width that the head reads."""
        return PAIR_PARTS if self.train.form == "pair" else 1


def methods() -> dict[str, Any]:
    """The tuning methods on the shelf, by name."""
    return shelf(tuning)


def virtual_tokens(method: str, recipe: Recipe) -> int:
    """Tokens of the model's context that the method takes for itself."""
    module = methods().get(method)
    return (recipe.rank or int(module.RANK)) if module is not None and getattr(module, "VIRTUAL", False) else 0


def measures(job: Job, test_tokens: float, score_seconds: float, encode_seconds: float) -> dict[str, float]:
    """What every tuning tells: of scoring, of weights, of the pass whose features the head was fitted on."""
    rows, counted = len(job.test), {"classes": job.classes, "parts": job.parts}
    added = job.module.trainable(job.shape, **counted, rank=job.rank)
    body = methods()["full"].trainable(job.shape, **counted)
    kept = body + (0 if job.method in INSIDE else added)
    return {
        "encode_seconds": encode_seconds,
        "score_seconds": score_seconds,
        "score_seconds_per_row": score_seconds / rows,
        "score_flops_per_row": forward_flops(job.shape, float(test_tokens), rows) / rows,
        "trainable_weights": added,
        "model_bytes": WEIGHT_BYTES * kept,
    }


def check_tokens(job: Job, ids: tokens.Ids) -> None:
    """Raises Problem `lab.tokenizer_mismatch` for a number beyond the model's vocabulary."""
    most = max((max(row) for row in ids if row), default=0)
    if job.shape.vocabulary and most >= job.shape.vocabulary:
        raise Problem("lab.tokenizer_mismatch", at=str(job.folder), got=most, limit=job.shape.vocabulary)


def tell_unknown(folder: Path, texts: Sequence[str], emit: Emit) -> None:
    """Event `lab.unknown_tokens` where the tokenizer does not know much of these texts (a model of another language)."""
    tokenizer = tokens.coder(folder).tokenizer
    some, unknown = [text[:LOOK_CHARACTERS] for text in texts[:LOOK_TEXTS]], tokenizer.unk_token_id
    if unknown is None or not some:
        return
    ids = [i for row in tokenizer(some, add_special_tokens=False)["input_ids"] for i in row]
    share = ids.count(unknown) / max(1, len(ids))
    if share > UNKNOWN_SHARE:
        emit(Event("lab.unknown_tokens", {"share": share, "model": folder.name}))
