"""Searching for a recipe: Optuna proposes, poor ones are stopped early, and a search that was killed goes on.

Optuna is an extra (`groundsill[search]`, MIT, 25 MB with what it needs): its sampler and its store are better kept than ours
would be (docs/decisions/0004.md).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem

Value = float | int | str
STARTUP = 5  # trials that come to their end before any is stopped: a median of fewer says nothing


@dataclass(frozen=True)
class Range:
    """Numbers from low to high; log: tried evenly over orders of magnitude; whole: integers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


Space = Mapping[str, Range | tuple[Value, ...]]


class Dropped(Exception):
    """Raised inside a trial that is doing worse than the median of those before it."""


@dataclass(frozen=True)
class Trial:
    """One set of values. tell(step, value): how good it is so far, higher is better; raises Dropped when it is not worth
    going on."""

    number: int
    values: Mapping[str, Value]
    tell: Callable[[int, float], None]


@dataclass(frozen=True)
class Found:
    """The best values, how good they were, and how many trials came to their end or were dropped."""

    values: Mapping[str, Value]
    value: float
    finished: int
    dropped: int


def search(
    space: Space,
    measure: Callable[[Trial], float],
    *,
    name: str,
    store: Path,
    trials: int,
    seed: int,
    emit: Emit = silent,
) -> Found:
    """Try `trials` sets of values in all, those of earlier sessions included; higher is better.

    space: a Range or a choice for each value. store: an SQLite file; name: of the search in it. A trial that a crash cut
    short is tried again with the same values. Sampler: tree-structured Parzen estimator (Bergstra et al. 2011) with a seed
    that moves on with the trials done; dropped: below the median at the same step (Golovin et al. 2017).
    Raises Problem `lab.missing_library`, `lab.no_search_result` where no trial came to its end, and those of `measure`.
    """
    optuna = _library()
    store.parent.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{store.resolve()}"
    before = optuna.create_study(study_name=name, storage=url, direction="maximize", load_if_exists=True)
    done = _take_up(optuna, before)
    sampler = optuna.samplers.TPESampler(seed=seed + done)  # the same seed again would propose the first trials again
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP)
    study = optuna.load_study(study_name=name, storage=url, sampler=sampler, pruner=pruner)
    for _ in range(trials - done):
        one = study.ask()
        trial = Trial(one.number, {key: _value(one, key, place) for key, place in space.items()}, _teller(one))
        try:
            value = measure(trial)
        except Dropped:
            study.tell(one, state=optuna.trial.TrialState.PRUNED)
            emit(Event("lab.trial_dropped", {"number": one.number}))
            continue
        except Problem:
            study.tell(one, state=optuna.trial.TrialState.FAIL)
            raise
        study.tell(one, value)
        emit(Event("lab.trial", {"number": one.number, "value": value, "best": study.best_value}))
    ended = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    if not ended:
        raise Problem("lab.no_search_result", at=name, got=len(study.trials), exit=Exit.INVALID)
    pruned = sum(t.state == optuna.trial.TrialState.PRUNED for t in study.trials)
    return Found(dict(study.best_params), float(study.best_value), len(ended), pruned)


def _take_up(optuna: Any, study: Any) -> int:
    """Put trials that a crash left running at the head of the queue; how many are done."""
    states = optuna.trial.TrialState
    waiting = [t.params for t in study.trials if t.state == states.WAITING]
    for one in study.trials:
        if one.state == states.RUNNING:
            study.tell(one.number, state=states.FAIL)
            if one.params and one.params not in waiting:
                study.enqueue_trial(one.params)
    return sum(t.state in (states.COMPLETE, states.PRUNED) for t in study.trials)


def _value(one: Any, key: str, place: Range | tuple[Value, ...]) -> Value:
    if isinstance(place, tuple):
        chosen: Value = one.suggest_categorical(key, list(place))
        return chosen
    if place.whole:
        return int(one.suggest_int(key, int(place.low), int(place.high), log=place.log))
    return float(one.suggest_float(key, place.low, place.high, log=place.log))


def _teller(one: Any) -> Callable[[int, float], None]:
    def tell(step: int, value: float) -> None:
        one.report(value, step)
        if one.should_prune():
            raise Dropped

    return tell


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            optuna: Any = import_module("optuna")
    except ImportError as e:
        raise Problem("lab.missing_library", got="optuna") from e
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
