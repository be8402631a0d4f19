"""A case: the project with every name replaced by a fact. What routes, finance and assess read; no file behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from groundsill.project.dependence import Correlation
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.fact import Fact
from groundsill.terms.forecast import Choice
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape
from groundsill.terms.source import Source


@dataclass(frozen=True)
class Entrant:
    """One candidate as the case knows it.

    choices: the decisions open to it, `({"labels": 200}, ...)` or `({"accelerators": 256}, ...)`; `({},)` if none.
    names: its settings that are names, e.g. {"accelerator": "h100-sxm-80gb"}. Its uncertain numbers are facts of the
    case called `candidate.<id>.<key>`. runs: every run that is evidence on this candidate (own, shipped, imported,
    published). shape: of its base model, None if it has none. closed: the gate that shuts it (licence, data may not
    leave), None if open. dropped: what the pilot said when it stopped measuring it.
    """

    candidate: Candidate
    choices: tuple[Choice, ...]
    anchor: Anchor
    runs: tuple[Run, ...] = ()
    shape: Shape | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    closed: Problem | None = None
    dropped: Problem | None = None

    def fact(self, key: str) -> str:
        """Name of this candidate's own fact `key` in `Case.facts` and in the draws."""
        return f"candidate.{self.candidate.id}.{key}"


@dataclass(frozen=True)
class Edit:
    """One change of a lever: the key as written, what stood there ("" if nothing did) and what stands there instead, as
    text; fact: name of the fact that it becomes in the case of the step, "" for a setting that is a name."""

    key: str
    before: str
    after: str
    fact: str


@dataclass(frozen=True)
class Step:
    """The project with a lever pulled. edits: all that is changed; case: bound again with them."""

    edits: tuple[Edit, ...]
    case: Case


@dataclass(frozen=True)
class Lever:
    """What could be otherwise. steps: one, or one for every size of an open model; source: who says that it can be done."""

    name: str
    kind: str
    source: Source
    place: str
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Case:
    """Everything the analysis needs, each number a Fact.

    facts: by name. The user's own lines keep their dotted key (`use.requests_per_month`); prices are `price.<item>`
    (currency of the project per unit of the item, as quoted; `draw` makes them SI); accelerator data are
    `accelerator.<id>.<key>`; judged work is `effort.<route>.build`, `effort.<route>.month`.
    published: published runs of the catalogue that surfaces and efficiencies are fitted to. warnings: prices past
    their shelf life and the like. correlations: of facts that are drawn together. levers: what could be otherwise, each
    with the case that it leads to; values: name of what is weighed beside money -> who says so. own: every run of the
    user that tells time or memory, calibrations and runs of other tasks included; year: of the assessment, 0 if unknown.
    """

    name: str
    language: str
    currency: str
    task: str
    metric: str
    target: float
    confidence: float
    months: int
    entrants: tuple[Entrant, ...]
    facts: Mapping[str, Fact]
    card: Card | None = None
    published: tuple[Run, ...] = ()
    warnings: tuple[Problem, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    correlations: tuple[Correlation, ...] = ()
    levers: tuple[Lever, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    own: tuple[Run, ...] = ()
    year: float = 0.0

    def has(self, name: str) -> bool:
        """Whether a fact of this name is bound."""
        return name in self.facts
