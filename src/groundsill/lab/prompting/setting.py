"""Settings of a prompt, and the recipe that a candidate gives for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from groundsill.lab.prompting.calibrate import METHODS as CALIBRATIONS
from groundsill.lab.prompting.calibrate import SUPERVISED
from groundsill.lab.prompting.examples import CHOICES
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem

CHOSEN = "chosen"
WORDS = ("names", CHOSEN)
BETWEEN = "|"  # between words that are given


@dataclass(frozen=True)
class Setting:
    """template: name of the wording, or `chosen`; shots: worked examples, None: by curve; choice of examples; orders: how
    many orders of the examples are averaged; calibration of label priors, or `chosen`; words: `names` of the classes as
    answers, words `chosen` from the model's own, or words given in the order of the classes, with | between.

    labels: labelled rows that the prompt may use in all, for examples and to choose by; 0: only the examples.
    """

    template: str = "list"
    shots: int | None = 0
    choice: str = "random"
    orders: int = 1
    calibration: str = "none"
    words: str = "names"
    labels: int = 0

    @property
    def open(self) -> bool:
        """Whether anything is left to be chosen by labelled rows."""
        return self.shots is None or CHOSEN in (self.template, self.calibration, self.words)

    def given_words(self, classes: Sequence[str]) -> tuple[str, ...]:
        """The words given for the classes, () if none are. Raises Problem `prompting.bad_recipe` for another number."""
        if BETWEEN not in self.words:
            return ()
        words = tuple(word.strip() for word in self.words.split(BETWEEN))
        if len(words) != len(classes) or len(set(words)) < len(words) or not all(words):
            raise Problem("prompting.bad_recipe", got=f"words = {self.words}", limit=BETWEEN.join(classes))
        return words

    def text(self) -> str:
        """One line for the note of a run."""
        parts = [f"template {self.template}", f"{self.shots} examples", f"{self.calibration} calibration"]
        if self.shots:
            parts[1] += f" ({self.choice}, {self.orders} orders)" if self.orders > 1 else f" ({self.choice})"
        return ", ".join(parts)


KINDS: Mapping[str, tuple[str, ...] | type] = {
    "template": str,
    "choice": CHOICES,
    "calibration": (*CALIBRATIONS, CHOSEN),
    "words": str,
    "shots": int,
    "orders": int,
    "labels": int,
}


def setting_of(candidate: Candidate, shots: int) -> Setting:
    """The settings of a candidate: its recipe over the usual ones. shots: examples where the recipe tells none.

    With `labels` in the recipe what the recipe leaves open is chosen by those rows (number of examples, calibration), and
    examples are balanced. Raises Problem `prompting.bad_recipe`, `prompting.needs_labels`.
    """
    given = dict(candidate.recipe)
    for key, value in given.items():
        known = KINDS.get(key)
        whole = isinstance(value, (int, float)) and float(value).is_integer() and value >= (key != "shots")
        fits = known is not None and (
            (known is int and whole) or (known is str and isinstance(value, str)) or (isinstance(known, tuple) and value in known)
        )  # fmt: skip
        if not fits or (key == "words" and value not in WORDS and BETWEEN not in str(value)):
            allowed = ", ".join(known) if isinstance(known, tuple) else ", ".join(KINDS)
            raise Problem("prompting.bad_recipe", at=candidate.id, got=f"{key} = {value}", limit=allowed)
    usual = Setting(shots=shots)
    if "labels" in given:
        fixed = 0 if candidate.method == "zero-shot" else None
        usual = Setting(shots=fixed, choice="balanced", calibration=CHOSEN)
    made = replace(usual, **{k: int(v) if KINDS[k] is int else v for k, v in given.items()})  # type: ignore[arg-type]
    if not made.labels and (made.open or made.calibration in SUPERVISED or made.choice == "nearest"):
        raise Problem("prompting.needs_labels", at=candidate.id, got=str(given))
    return made
