"""Recipes: how long and how fast to train, by method and number of labels.

Chosen once, with MiniLM on 400 held-out pool rows of the clothing reviews (never on a test set), one seed, standard
error .02. At 400 labels: head .81; lora from a blank head, 100 steps, .82; from the head that logistic regression
found, .84 after 100 steps and after 50; full .84 after 50. A candidate's own recipe overrides single values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from groundsill.lab.training import settings
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem

BATCH_ROWS = 16
LEAST_STEPS = 50  # few labels mean many epochs; starting from a fitted head, 100 steps brought no more than 50
WARM_UP = 0.1


@dataclass(frozen=True)
class Recipe:
    """rate: highest learning rate of the body; head_rate: of the head; epochs: passes over the training rows;
    rank: size of the tuning method (0: its usual one); layer_decay: learning rate of a block over that of the block above it
    (Howard and Ruder 2018, arXiv 1801.06146); longest: tokens kept of a text (0: by their lengths); strength: C of the logistic
    regression (0: chosen)."""

    rate: float
    head_rate: float
    epochs: int
    rank: int = 0
    layer_decay: float = 1.0
    longest: int = 0
    strength: float = 0.0
    batch_rows: int = BATCH_ROWS
    decay: float = 0.01


RATES: Mapping[str, tuple[float, float]] = {
    "full": (1e-4, 1e-2),
    "partial": (1e-4, 1e-2),
    "prompt_tuning": (1e-2, 1e-2),
}
RATES_WRITING: Mapping[str, tuple[float, float]] = {"full": (5e-5, 0.0), "partial": (5e-5, 0.0), "head": (5e-5, 0.0)}
"""Of nets that write: all of what they can say is in the weights, and large steps lose it."""
RATES_FEW_WEIGHTS = (1e-3, 1e-2)  # methods that train a small part take larger steps (Hu et al. 2022, appendix D)
FEWEST_EPOCHS = 2


def recipe_of(candidate: Candidate, labels: int, form: str = "class") -> Recipe:
    """The recipe of a candidate for this many training rows of this form (`lab.data.FORMS`). Lines of the candidate's recipe
    that are settings of the loop (`settings.Settings`) are left aside. Raises Problem `lab.unknown_recipe`,
    `lab.bad_setting`."""
    epochs = max(FEWEST_EPOCHS, -(-LEAST_STEPS * BATCH_ROWS // max(labels, 1)))
    known = {**RATES, **RATES_WRITING} if form == "target" else RATES
    rate, head_rate = known.get(candidate.method, RATES_FEW_WEIGHTS)
    usual = Recipe(rate, head_rate, min(epochs, LEAST_STEPS))
    for key, value in settings.split(dict(candidate.recipe))[1].items():
        if key not in vars(usual) or not isinstance(value, (int, float)) or value < 0:
            raise Problem("lab.unknown_recipe", at=candidate.id, got=f"{key} = {value}", limit=", ".join(vars(usual)))
        usual = replace(usual, **{key: type(vars(usual)[key])(value)})
    return usual


def rows_seen(candidate: Candidate, labels: int) -> int:
    """Rows that pass through the body while training (rows x epochs); the head and words see each row once."""
    by_gradient = candidate.route == "tune" and candidate.method != "head"
    return labels * recipe_of(candidate, labels).epochs if by_gradient else labels
