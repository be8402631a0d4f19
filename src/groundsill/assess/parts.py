"""Parts of an assessment that tell where it flips, how it fails, and what to learn or keep open before deciding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from groundsill.assess.findings import Remedy
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Interval

Trail = tuple[str, ...]


@dataclass(frozen=True)
class Winners:
    """Which option has the largest mean NPV along one lever. edges: amounts, rising, in the user's unit, at which it
    changes, at most those inside `searched`; winners: ids, one more than edges."""

    lever: str
    unit: str
    edges: tuple[float, ...]
    winners: tuple[str, ...]
    now: Interval
    searched: tuple[float, float]
    trail: Trail


@dataclass(frozen=True)
class Grid:
    """Mean NPV of the best option where two inputs stand at given values and all others vary. winners, npv: row by row,
    one row for each of `ys`."""

    x: str
    y: str
    x_unit: str
    y_unit: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    winners: tuple[tuple[str, ...], ...]
    npv: tuple[tuple[float, ...], ...]
    trail: Trail


@dataclass(frozen=True)
class Side:
    """One side of a box: the input below `high`, above `low` (None: open)."""

    input: str
    unit: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class LossBox:
    """Two or three ranges of inputs in which the candidate loses money: `p_loss` of the draws inside lose, and `share` of
    all losing draws lie inside. mass: share of all draws inside; p_all: chance of a loss over all draws."""

    candidate: Candidate
    sides: tuple[Side, ...]
    p_loss: float
    share: float
    mass: float
    p_all: float
    trail: Trail


@dataclass(frozen=True)
class Hazard:
    """One line of the risk register of a candidate. name: a risk of the project, or `quality`: the target is missed.

    kind, owner, mitigation: as the project says, "" if it does not. severity: what it costs where it happens (present
    value, positive); expected: over all draws. tail_share: part of the gap between the mean and the mean of the worst
    5 % that it makes. mitigation_cost: None if not given; remedy: what it is worth, None where its effect is not given.
    """

    candidate: Candidate
    name: str
    kind: str
    chance: float
    severity: Interval
    expected: float
    tail_share: float
    owner: str
    mitigation: str
    mitigation_cost: Interval | None
    trail: Trail
    remedy: Remedy | None = None


@dataclass(frozen=True)
class Waiting:
    """Whether to invest now or to wait, for a candidate. value_over_spend: value of what it brings over what building it
    costs (means). cost_of_waiting: share of the value that a year of waiting loses, as a continuous rate: the period
    ends on the same day. spread: of the value, a year, if doubt about it went evenly over the period. hurdle: ratio from
    which on investing now is better; table: the same at other rates (cost of waiting, spread, hurdle)."""

    candidate: Candidate
    value_over_spend: float
    cost_of_waiting: float
    spread: float
    hurdle: float
    table: tuple[tuple[float, float, float], ...]
    trail: Trail


@dataclass(frozen=True)
class Study:
    """A study that could be made before deciding, played in every draw. kind: `labels` (that many more labels, every
    candidate that learns measured on them), `seeds` (that many more runs at the largest amounts measured), `rows` (the
    candidate scored on that many labelled rows). size: of it.

    worth: expected gain of deciding after it (EVSI), 5 %, estimate, 95 %. cost: mean, None if nobody gave a price;
    reused: part of it that the best option would pay anyway. net: worth less cost not reused.
    """

    kind: Literal["labels", "seeds", "rows"]
    candidate: Candidate | None
    size: float
    worth: tuple[float, float, float]
    cost: float | None
    reused: float
    net: tuple[float, float, float] | None
    seconds: float
    trail: Trail


@dataclass(frozen=True)
class Stage:
    """A gate of the recommended way. gate: `pilot`, `build`, `launch`, `scale`. spend: mean present value of the money
    that goes out between this gate and the next, less what comes in; stop: share of all draws that stop here; reached:
    share that come here; value: mean of going on from here where it is reached, best choices after it."""

    gate: str
    spend: float
    reached: float
    stop: float
    value: float


@dataclass(frozen=True)
class Staging:
    """The same candidate with the right to stop at each gate, against going through with it whatever is learned."""

    candidate: Candidate
    stages: tuple[Stage, ...]
    value: float
    low: float
    high: float
    committed: float
    trail: Trail


@dataclass(frozen=True)
class Doubt:
    """Why the forecast of a candidate should not be believed yet, and (in the words of the problem) what to measure."""

    candidate: Candidate
    problem: Problem
    trail: Trail
