"""Choosing a prompt by labelled rows: wording, number of examples, answers, calibration. Needs no torch: `Ask` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from groundsill.lab.data import Split, majority, subset
from groundsill.lab.metrics.classification import Measured
from groundsill.lab.prompting import calibrate, examples
from groundsill.lab.prompting.setting import CHOSEN, Setting
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

RUNGS = (0, 1, 2, 4, 8, 16)  # examples that are tried, as far as they fit; each doubles the reading
LOOK_BACK = (
    0.3  # of the time of a row, for each example before it (a 135M decoder on a processor: .23 s at 0, .75 at 8)
)
UNLABELLED_ROWS = 100  # texts that batch calibration looks at where there are no labelled rows
FEWEST_HELD_OUT = 20  # below, the standard error of a share is above .1 and every choice would be chance


class Ask(Protocol):
    """Scores `(texts, answers)` of every answer behind every text. shown: the examples of all texts (one split), or of each
    text (as many as texts). words: what the classes are called; () for their names."""

    def __call__(
        self, texts: Sequence[str], shown: Sequence[Split], template: str, words: tuple[str, ...]
    ) -> Array: ...

    def templates(self) -> tuple[str, ...]:
        """Names of the wordings."""
        ...

    def words(self, rows: Split) -> tuple[str, ...] | None:
        """What the model itself writes behind rows of each class; None where no word tells the classes apart."""
        ...


@dataclass(frozen=True)
class Tried:
    """One point of the curve: metric on the held-out rows with this many examples and this calibration."""

    template: str
    words: tuple[str, ...]
    shots: int
    calibration: str
    value: float
    stderr: float


@dataclass(frozen=True, eq=False)
class Fitted:
    """setting: with nothing open; correction: of the scores. store: labelled rows that examples come from. labels: labelled
    rows that were used in all. tried: what was compared, on `held_out` rows; chance: share of their largest class."""

    setting: Setting
    words: tuple[str, ...]
    correction: calibrate.Correction
    store: Split
    seed: int
    labels: int
    held_out: int
    tried: tuple[Tried, ...]
    chance: float = 0.0

    def record(self, classes: Sequence[str]) -> dict[str, Any]:
        """As plain data for JSON: all that is needed to ask the same way again."""
        rows = _rows(self.store, self.setting, self.seed)
        shown = self.store if self.setting.choice == "nearest" else self.store.take(rows)
        return {
            "setting": asdict(self.setting),
            "classes": list(classes),
            "words": list(self.words or classes),
            "factor": self.correction.factor,
            "bias": self.correction.bias.tolist(),
            "examples": [[t, classes[int(y)]] for t, y in zip(shown.texts, shown.labels, strict=True)],
            "labels": self.labels,
            "held_out": self.held_out,
            "tried": [asdict(t) for t in self.tried],
        }


def _rows(store: Split, setting: Setting, seed: int) -> Any:
    n = setting.shots or 0
    if setting.choice == "balanced":
        return examples.balanced(store.labels, n, seed)
    return subset(len(store), n, seed)


def score(ask: Ask, texts: Sequence[str], store: Split, setting: Setting, words: tuple[str, ...], seed: int) -> Array:
    """Scores `(texts, answers)` before calibration; over several orders the mean of the probabilities, as logarithms."""
    n = setting.shots or 0
    found = []
    if n and setting.choice == "nearest":
        near = examples.nearest(store.texts, texts, n)
        for order in examples.orders(n, setting.orders, seed):
            found.append(ask(texts, [store.take(row[order]) for row in near], setting.template, words))
    else:
        rows = _rows(store, setting, seed)
        for order in examples.orders(n, setting.orders if n else 1, seed):
            found.append(ask(texts, [store.take(rows[order])], setting.template, words))
    if len(found) == 1:
        return found[0]
    return np.asarray(np.log(np.mean([np.exp(calibrate.normalised(one)) for one in found], axis=0)))


def _empty(ask: Ask, store: Split, setting: Setting, words: tuple[str, ...], seed: int) -> Array | None:
    """What the prompt gives for texts without content; None where the examples depend on the text."""
    if setting.shots and setting.choice == "nearest":
        return None
    return score(ask, calibrate.EMPTY, store, setting, words, seed)


def fit(ask: Ask, pool: Split, classes: Sequence[str], metric: str, setting: Setting, seed: int, own: Split) -> Fitted:
    """Settle what `setting` leaves open.

    pool: rows that are not test rows. own: the labelled rows that may be used. Half of them are held out to choose by, the
    others may be examples; where nothing is open and no calibration needs labels, all of them may. Template and answers are chosen without examples, then
    the number of examples by its curve: the smallest within one standard error of the best (Breiman et al. 1984), each
    with the calibration that is best there. Its correction is fitted to all held-out rows; `batch` and `contextual` need
    no labels. Raises Problem `prompting.too_few_labels`.
    """
    words = setting.given_words(classes)
    if not setting.open and setting.calibration not in calibrate.SUPERVISED:
        store = own if setting.labels else pool
        texts = pool.take(subset(len(pool), len(pool), seed)[::-1][:UNLABELLED_ROWS]).texts
        found = _unlabelled(ask, texts, store, setting, words, seed)
        return Fitted(setting, words, found, store, seed, len(own) if setting.labels else setting.shots or 0, 0, ())
    half = len(own) // 2
    if half < FEWEST_HELD_OUT:
        raise Problem("prompting.too_few_labels", got=len(own), limit=2 * FEWEST_HELD_OUT)
    held, store = own.take(np.arange(half)), own.take(np.arange(half, len(own)))
    chooser = _Chooser(ask, held, store, tuple(classes), metric, seed)
    plain = replace(setting, shots=0)
    if setting.words == CHOSEN:
        words = chooser.words(plain)
    if setting.template == CHOSEN:
        names = ask.templates()
        setting = replace(
            setting, template=max(names, key=lambda n: chooser.best(replace(plain, template=n), words).value)
        )
    rungs = [k for k in RUNGS if k <= len(store)] if setting.shots is None else [setting.shots]
    setting = chooser.curve(setting, rungs, words)
    empty = _empty(ask, store, setting, words, seed) if setting.calibration == "contextual" else None
    found = calibrate.correction(setting.calibration, chooser.scores(setting, words), held.labels, empty)
    return Fitted(setting, words, found, store, seed, len(own), half, tuple(chooser.tried), majority(held.labels))


def rows_to_settle(setting: Setting) -> float:
    """About how many rows' time it takes to settle a prompt: 0 where nothing is calibrated or chosen."""
    usual = setting.shots or 0
    if not setting.open and setting.calibration not in calibrate.SUPERVISED:
        asked = UNLABELLED_ROWS if setting.calibration == "batch" else 0
        return asked * (1 + LOOK_BACK * usual) * setting.orders
    held = setting.labels // 2
    rungs = [k for k in RUNGS if k <= held] if setting.shots is None else [usual]
    first = (3 if setting.template == CHOSEN else 0) + (3 if setting.words == CHOSEN else 0)
    return held * (first + sum((1 + LOOK_BACK * k) * (setting.orders if k else 1) for k in rungs))


def _unlabelled(
    ask: Ask, texts: Sequence[str], store: Split, setting: Setting, words: tuple[str, ...], seed: int
) -> calibrate.Correction:
    """The correction of a method that needs no labels."""
    if setting.calibration == "none":
        return calibrate.Correction(1.0, np.zeros(1))
    if setting.calibration == "contextual":
        empty = _empty(ask, store, setting, words, seed)
        if empty is None:
            raise Problem(
                "prompting.bad_recipe", got="calibration = contextual, choice = nearest", limit="batch, shares"
            )
        return calibrate.correction("contextual", empty, None, empty)
    return calibrate.correction(setting.calibration, score(ask, texts, store, setting, words, seed), None, None)


def apply(ask: Ask, fitted: Fitted, texts: Sequence[str]) -> Array:
    """Scores `(texts, classes)` of a settled prompt; total log-likelihoods where nothing is calibrated."""
    found = score(ask, texts, fitted.store, fitted.setting, fitted.words, fitted.seed)
    if fitted.setting.calibration == "none":
        return found
    return fitted.correction.apply(found)


class _Chooser:
    """Compares settings on the held-out rows; what was scored once is kept."""

    def __init__(self, ask: Ask, held: Split, store: Split, classes: tuple[str, ...], metric: str, seed: int) -> None:
        self.ask, self.held, self.store, self.classes, self.metric, self.seed = ask, held, store, classes, metric, seed
        self.tried: list[Tried] = []
        self._kept: dict[tuple[Any, ...], Array] = {}
        self._best: dict[tuple[Any, ...], Tried] = {}

    def scores(self, setting: Setting, words: tuple[str, ...]) -> Array:
        """Scores of the held-out rows."""
        key = (setting.template, setting.shots, setting.choice, setting.orders, words)
        if key not in self._kept:
            self._kept[key] = score(self.ask, self.held.texts, self.store, setting, words, self.seed)
        return self._kept[key]

    def best(self, setting: Setting, words: tuple[str, ...]) -> Tried:
        """The setting with its best calibration."""
        key = (setting.template, setting.shots, setting.calibration, words)
        if key in self._best:
            return self._best[key]
        scores = self.scores(setting, words)
        methods = calibrate.METHODS if setting.calibration == CHOSEN else (setting.calibration,)
        empty = _empty(self.ask, self.store, setting, words, self.seed) if "contextual" in methods else None
        found = calibrate.compare(methods, scores, self.held.labels, empty, self.metric, self.classes)
        shots = setting.shots or 0
        points = [Tried(setting.template, words, shots, how, m.value, m.stderr) for how, m in found.items()]
        self.tried += points
        self._best[key] = max(points, key=lambda p: p.value)
        return self._best[key]

    def words(self, setting: Setting) -> tuple[str, ...]:
        """The model's own words if they do better than the names of the classes, else ()."""
        template = setting.template if setting.template != CHOSEN else self.ask.templates()[0]
        setting = replace(setting, template=template)
        own = self.ask.words(self.store)
        if own is None or self.best(setting, own).value <= self.best(setting, ()).value:
            return ()
        return own

    def curve(self, setting: Setting, rungs: Sequence[int], words: tuple[str, ...]) -> Setting:
        """The setting with number of examples and calibration."""
        points: list[Tried] = []
        for k in rungs:
            try:
                points.append(self.best(replace(setting, shots=k), words))
            except Problem as e:
                if e.code != "lab.prompt_too_long" or not points:
                    raise
                break  # more examples will not fit either
        chosen = smallest_good(points)
        return replace(setting, shots=chosen.shots, calibration=chosen.calibration)


def smallest_good(points: Sequence[Tried]) -> Tried:
    """The fewest examples within one standard error of the best."""
    top = max(points, key=lambda p: p.value)
    return min((p for p in points if p.value >= top.value - top.stderr), key=lambda p: p.shots)


__all__ = ["Ask", "Fitted", "Measured", "Tried", "apply", "fit", "score", "smallest_good"]
