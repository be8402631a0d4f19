"""When to stop measuring a candidate: when it can no longer win, or no longer be the cheapest way to the target.

The rule is freeze-thaw halving (Swersky et al. 2014; Mohr and van Rijn 2022): a candidate goes when the chance that it
beats a cheaper one at the label limit is under 5 %. With three rungs both come from fitted curves. With fewer there is
no curve, and the rule only acts where even the steepest plausible climb would not be enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np

from groundsill.pilot.inputs import Inputs
from groundsill.pilot.ladder import WINDOW_RUNGS, kind
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Exactly
from groundsill.terms.run import Run
from groundsill.terms.source import Source

LEAST_CHANCE = 0.05  # under this a candidate is dropped
SURE = 0.95  # from this on a rival is said to reach the target
DRAWS = 2000
STEEPEST = 0.5  # exponent of the error in labels: Hestness et al. 2017 saw .07 to .35, theory allows .5 to a model
FAR = 32.0  # times the largest rung: beyond it no curve was back-tested
CHANCE_ERRORS = 2.0  # a rung within so many standard errors of chance says nothing about the slope


@dataclass(frozen=True)
class Dropped:
    """A candidate that is not measured any further, and why, as a code with its values."""

    candidate: Candidate
    code: str
    values: Mapping[str, Any]


@dataclass
class Judge:
    """Holds the curves that were fitted, so that the same runs are not fitted twice."""

    inputs: Inputs
    card: Card
    _curves: dict[tuple[object, ...], Array | None] = field(default_factory=dict)

    def verdict(self, candidate: Candidate, runs: Mapping[Candidate, Sequence[Run]], first_rung: int) -> Dropped | None:
        """Whether to drop `candidate`, given all runs so far. first_rung: the lowest on its ladder."""
        mine = self.inputs.rank(candidate)
        for rival in sorted(runs, key=self.inputs.rank):
            if rival == candidate or self.inputs.rank(rival) >= mine or not runs[rival]:
                continue
            found = self._cannot_win(candidate, rival, runs)
            if found is None and candidate.method == "full":
                found = self._not_cheapest(candidate, rival, runs, first_rung)
            if found is not None:
                return found
        return None

    def _cannot_win(
        self, candidate: Candidate, rival: Candidate, runs: Mapping[Candidate, Sequence[Run]]
    ) -> Dropped | None:
        own, others = _rungs(runs.get(candidate, ())), _rungs(runs[rival])
        if not own or not others:
            return None
        labels = min(self.inputs.label_limit, FAR * max(own))
        mine = self._at(candidate, runs[candidate], labels, hopeful=True)
        theirs = self._at(rival, runs[rival], labels, hopeful=False)
        if mine is None or theirs is None:
            return None
        chance = float((mine > theirs).mean())
        if chance >= LEAST_CHANCE:
            return None
        return self._dropped("pilot.dropped_cannot_win", candidate, rival, chance, labels)

    def _not_cheapest(
        self, candidate: Candidate, rival: Candidate, runs: Mapping[Candidate, Sequence[Run]], first_rung: int
    ) -> Dropped | None:
        """A rival that is cheaper to run reaches the target, and with no more labels."""
        rungs = _rungs(runs[rival])
        for labels in sorted(rungs):
            theirs = self._rung_draws(rival, runs[rival], labels)
            if theirs is None or float((theirs >= self.inputs.target).mean()) < SURE:
                continue
            if kind(rival) == "prompt" or labels <= first_rung:
                return self._dropped("pilot.dropped_not_cheapest", candidate, rival, 0.0, labels)
            if not runs.get(candidate) or max(_rungs(runs[candidate])) > labels:
                return None
            mine = self._at(candidate, runs[candidate], float(labels), hopeful=True)
            chance = 1.0 if mine is None else float((mine > theirs).mean())
            if chance < LEAST_CHANCE:
                return self._dropped("pilot.dropped_not_cheapest", candidate, rival, chance, labels)
            return None
        return None

    def _dropped(self, code: str, candidate: Candidate, rival: Candidate, chance: float, labels: float) -> Dropped:
        values = {
            "candidate": candidate.id,
            "rival": rival.id,
            "got": round(chance, 4),
            "limit": LEAST_CHANCE,
            "labels": round(labels),
            "target": self.inputs.target,
        }
        return Dropped(candidate, code, values)

    def _at(self, candidate: Candidate, runs: Sequence[Run], labels: float, *, hopeful: bool) -> Array | None:
        """Draws (DRAWS,) of the quality at `labels`: by the curve, else a bound, upper if `hopeful`, else lower.

        None where the runs cannot tell.
        """
        if kind(candidate) == "prompt":
            return self._rung_draws(candidate, runs, max(_rungs(runs)))
        rungs = _rungs(runs)
        if len(rungs) >= WINDOW_RUNGS:
            curve = self._curve(candidate, runs, labels)
            if curve is not None:
                return curve
        top = max(rungs)
        last = self._rung_draws(candidate, runs, top)
        if last is None or not hopeful or labels <= top:
            return last
        if float(np.median(last)) < self.card.chance + CHANCE_ERRORS * float(
            np.subtract(*np.quantile(last, (0.84, 0.5)))
        ):
            return None
        return np.asarray(1.0 - np.clip(1.0 - last, 0.0, None) * (top / labels) ** STEEPEST, dtype=np.float64)

    def _curve(self, candidate: Candidate, runs: Sequence[Run], labels: float) -> Array | None:
        key = (candidate, labels, *sorted((r.at["labels"], r.seed or 0) for r in runs))  # a cell is measured once
        if key not in self._curves:
            try:
                self._curves[key] = _forecast(runs, anchor_of(self.inputs, self.card), labels, self._rng(candidate))
            except Problem:  # at chance, no slope, too far: the bounds decide
                self._curves[key] = None
        return self._curves[key]

    def _rung_draws(self, candidate: Candidate, runs: Sequence[Run], labels: int) -> Array | None:
        """Draws (DRAWS,) of the mean at one rung: Student's t on the spread between seeds (pooled over rungs, which
        overstates it at the higher ones), and the error of the finite test set. None where no spread can be seen."""
        rungs = _rungs(runs)
        here = [r for r in rungs[labels] if r.value is not None]
        mean = float(np.mean([r.value for r in here if r.value is not None]))
        rng = self._rng(candidate)
        draws = mean + max((r.stderr or 0.0) for r in here) * rng.standard_normal(DRAWS)
        if kind(candidate) == "prompt":
            return draws
        squares, freedom = 0.0, 0
        for some in rungs.values():
            values = np.array([r.value for r in some], dtype=np.float64)
            squares += float(((values - values.mean()) ** 2).sum())
            freedom += len(values) - 1
        if freedom == 0:
            return None
        spread = (squares / freedom / len(here)) ** 0.5
        return np.asarray(draws + spread * rng.standard_t(freedom, DRAWS), dtype=np.float64)

    def _rng(self, candidate: Candidate) -> np.random.Generator:
        return np.random.default_rng([self.inputs.seeds[0], crc32(candidate.id.encode())])


def anchor_of(inputs: Inputs, card: Card) -> Anchor:
    """What is known of the metric before any run: chance, from the data card."""
    source = Source(id=f"data:{card.data_hash[:12]}", kind="measured", title=card.path)
    chance = Fact("pilot.chance", Exactly(card.chance), "1", source, "measured", "majority rate of the test set")
    return Anchor(inputs.metric, chance=chance)


def _forecast(runs: Sequence[Run], anchor: Anchor, labels: float, rng: np.random.Generator) -> Array:
    """Draws (DRAWS,) of the quality at `labels` by the fitted curve. Raises Problem `scaling.*`."""
    from groundsill.scaling.fit import fit_labels  # loads scipy: only a pilot that gets so far pays for it

    return np.asarray(fit_labels(tuple(runs), anchor, n=DRAWS, rng=rng).at({"labels": labels}), dtype=np.float64)


def _rungs(runs: Sequence[Run]) -> dict[int, list[Run]]:
    """Runs with a quality by their label count."""
    found: dict[int, list[Run]] = {}
    for run in runs:
        if run.value is not None:
            found.setdefault(int(run.at.get("labels", 0)), []).append(run)
    return found
