"""What is found beside the first question: levers pulled, values weighed, and the order in which to measure."""

from __future__ import annotations

from dataclasses import dataclass

from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Interval
from groundsill.terms.source import Source

Trail = tuple[str, ...]


@dataclass(frozen=True)
class Remedy:
    """What is done against a risk, or could be: the cash flow with it and without it, in the same draws. taken: whether the
    project does it. chance: that the event comes at all; expected: mean present value of what it costs; tail: mean net
    value of the worst 5 %. worth: net value with the remedy less without it, by draw, its cost counted; error: standard
    error of its mean."""

    taken: bool
    chance_with: float
    chance_without: float
    expected_with: float
    expected_without: float
    tail_with: float
    tail_without: float
    worth: Interval
    error: float


@dataclass(frozen=True)
class Move:
    """A threshold before and after a lever is pulled. kind, lever, unit, direction: see Threshold; None: no value in the
    searched range does it."""

    kind: str
    lever: str
    unit: str
    direction: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Bring:
    """A line of the entry ticket before and after. item: a field of Ticket, in SI."""

    item: str
    unit: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Effect:
    """What a lever does to one candidate; both sides at the choice that is best there, over the same draws.

    was: the candidate before, where another model or method stands in its place. gain: net value after less before, by
    draw; error: standard error of its mean; p_gain: share of draws in which it gains. None where a side has no value;
    problem: why the changed one has none.
    """

    candidate: Candidate
    was: Candidate
    problem: Problem | None
    quality_before: Interval | None
    quality_after: Interval | None
    npv_before: Interval | None
    npv_after: Interval | None
    p_pays_before: float | None
    p_pays_after: float | None
    p_target_before: float | None
    p_target_after: float | None
    gain: Interval | None
    error: float | None
    p_gain: float | None
    ticket: tuple[Bring, ...]
    moves: tuple[Move, ...]
    trail: Trail


@dataclass(frozen=True)
class Changed:
    """One line that a lever changes: what stood there and what stands there then, as written. fact_before, fact_after:
    names in the facts of the assessment, "" for a setting that is a name."""

    key: str
    before: str
    after: str
    fact_before: str
    fact_after: str


@dataclass(frozen=True)
class Pull:
    """A lever pulled once. size: weights of the base model where the lever tries several. best_before, best_after: id of
    the best option on average; gain, error: of the best option, as in Effect. effects: of the candidates that it moves."""

    name: str
    kind: str
    source: Source
    place: str
    changes: tuple[Changed, ...]
    size: float | None
    best_before: str
    best_after: str
    gain: Interval
    error: float
    effects: tuple[Effect, ...]
    trail: Trail


@dataclass(frozen=True)
class Share:
    """How one candidate stands when values are weighed beside money. money: mean net value as points; score: mean score
    by value, in the order of the weighing; wins: share of all weights under which it is the best on average; wins_drawn:
    share of worlds in which it is the best when weights, scores and money are all drawn."""

    candidate: str
    money: float
    scores: tuple[float, ...]
    wins: float
    wins_drawn: float


@dataclass(frozen=True)
class Turn:
    """Along the weight of one value, all others in the middle of their ranges: weights at which the winner changes,
    rising, and the winners, one more than edges. low, high: its range."""

    value: str
    low: float
    high: float
    edges: tuple[float, ...]
    winners: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Weighing:
    """What money cannot hold, beside money. scale: net value that counts as one point; told: whether the project gave it."""

    scale: float
    told: bool
    shares: tuple[Share, ...]
    turns: tuple[Turn, ...]
    trail: Trail


@dataclass(frozen=True)
class Box:
    """A measurement in Weitzman's order. kind, size: see Study; cost: of it; worth: mean net value of the candidate as it
    is known today; reservation: look as long as nothing found is worth more than this; p_open: share of worlds in which
    it is made when one looks in this order."""

    candidate: Candidate
    kind: str
    size: float
    cost: float
    worth: float
    reservation: float
    p_open: float
    trail: Trail


@dataclass(frozen=True)
class Search:
    """The order in which to measure. value: of the best order, what looking costs taken off; blind: of taking the best
    option as it is known today; low, high: 90 % interval of value less blind from the finite draws."""

    boxes: tuple[Box, ...]
    value: float
    blind: float
    low: float
    high: float
    trail: Trail
