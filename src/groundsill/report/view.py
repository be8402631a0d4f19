"""What every part of the page needs at hand: the assessment, its language, its names and its colours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from groundsill.assess.assessment import Assessment, CurveView, Result, ValueView
from groundsill.report.names import Names
from groundsill.report.tongue import Tongue
from groundsill.terms.candidate import Candidate

COLOURS = 7  # of candidates; 0 is kept for doing nothing


@dataclass(frozen=True)
class View:
    """One assessment seen in one language."""

    assessment: Assessment
    tongue: Tongue
    names: Names

    @classmethod
    def of(cls, assessment: Assessment, language: str) -> View:
        """Raises nothing: a language without words falls back to English sentence by sentence."""
        tongue = Tongue(language, assessment.currency)
        return cls(assessment, tongue, Names.of(tongue, (r.candidate for r in assessment.results)))

    def colour(self, candidate: Candidate | str) -> int:
        """Colour 1 to 7 of a candidate, the same in every chart; 0 for `none` and for one that is not known."""
        name = candidate if isinstance(candidate, str) else candidate.id
        ids = [r.candidate.id for r in self.assessment.results if r.candidate.route != "none"]
        return ids.index(name) % COLOURS + 1 if name in ids else 0

    def valued(self) -> Iterator[tuple[Result, ValueView]]:
        """Candidates that were assessed, doing nothing left out, with what they are worth."""
        for result in self.assessment.results:
            if result.value is not None and result.candidate.route != "none":
                yield result, result.value

    def curved(self) -> Iterator[tuple[Result, CurveView]]:
        """Candidates with a curve."""
        for result in self.assessment.results:
            if result.curve is not None:
                yield result, result.curve

    def focus(self) -> tuple[Result, ValueView] | None:
        """The candidate that the key figures are about: the verdict's, else the one worth most on average."""
        named = self.assessment.verdict.candidate
        valued = list(self.valued())
        for result, value in valued:
            if named is not None and result.candidate == named:
                return result, value
        return max(valued, key=lambda pair: pair[1].npv.mean, default=None)
