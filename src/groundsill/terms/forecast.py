"""A forecast: what a candidate delivers and demands at each choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from groundsill.terms.candidate import Candidate
from groundsill.terms.needs import Needs
from groundsill.terms.quantity import Array

Choice = Mapping[str, float]


@dataclass(frozen=True)
class Outcome:
    """What one choice leads to. quality: draws (n,) of the metric, None when unknown. baseline: the dumb forecast
    that stands beside it, as name -> value (SI)."""

    choice: Choice
    quality: Array | None
    needs: Needs
    baseline: Mapping[str, float]
    problem: Exception | None = None


@dataclass(frozen=True)
class Forecast:
    """All choices of one candidate. No money in it."""

    candidate: Candidate
    outcomes: tuple[Outcome, ...]

    def at(self, choice: Choice) -> Outcome:
        """The outcome of exactly this choice. Raises KeyError."""
        for outcome in self.outcomes:
            if dict(outcome.choice) == dict(choice):
                return outcome
        raise KeyError(str(choice))
