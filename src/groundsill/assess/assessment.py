"""The assessment: forecasts, values, thresholds, verdict and next measurement, as one frozen value.

Every report format is a view of it. Each part that holds numbers carries `trail`: the names of the facts (keys of
`facts`) and runs (keys of `runs`) that its numbers came from, so that any number can be explained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from groundsill.assess.findings import Pull, Search, Weighing
from groundsill.assess.parts import (
    Doubt,
    Grid,
    Hazard,
    LossBox,
    Staging,
    Study,
    Waiting,
    Winners,
)
from groundsill.assess.parts import (
    Trail as Trail,
)
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.curve import LabelsNeeded, Rung
from groundsill.terms.fact import Fact
from groundsill.terms.forecast import Choice
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array, Interval
from groundsill.terms.run import Run

Status = Literal["assessed", "refused", "closed", "unknown"]


@dataclass(frozen=True)
class CurveView:
    """A fitted curve as shown: median and 90 % interval at `xs`. axis `labels`, `parameters-tokens` or `none`.
    held_out: the back-test: the last rung, left out and forecast from the others, (x, forecast, what was measured)."""

    axis: str
    rungs: tuple[Rung, ...]
    xs: tuple[float, ...]
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]
    reach: LabelsNeeded | None
    held_out: tuple[float, Interval, float] | None
    trail: Trail


@dataclass(frozen=True)
class NeedView:
    """One need as shown, in SI. cost: present value of what it costs over the horizon, in the project's currency."""

    part: str
    item: str
    unit: str
    amount: Interval
    cost: Interval | None
    shared: str
    owned: float
    trail: Trail


@dataclass(frozen=True)
class ValueView:
    """What an option is worth, in the project's currency.

    p_positive: share of draws with NPV > 0. irr: among draws with exactly one root, whose share is p_irr; None if no
    draw has one. payback_months: among draws that pay back, whose share is p_payback. trough: deepest point of
    cumulative cash (<= 0). tail: mean NPV of the worst 5 % (CVaR). quantiles: NPV at 0, 1, ..., 100 %. cumulative_*:
    cumulative cash by month. rows: mean cash by month of each named row of the cash model.
    """

    npv: Interval
    p_positive: float
    tail: float
    irr: Interval | None
    p_irr: float
    payback_months: Interval | None
    p_payback: float
    trough: Interval
    quantiles: tuple[float, ...]
    cumulative_low: tuple[float, ...]
    cumulative_median: tuple[float, ...]
    cumulative_high: tuple[float, ...]
    rows: Mapping[str, tuple[float, ...]]
    trail: Trail


@dataclass(frozen=True)
class OptionView:
    """One choice of a candidate, compared with its other choices."""

    choice: Choice
    quality: Interval | None
    p_target: float | None
    npv: Interval | None
    p_positive: float | None
    trail: Trail


@dataclass(frozen=True)
class Result:
    """One candidate's row. choice: the best choice found; quality, needs and value belong to it.

    status: `assessed`; `refused` (problem says why, e.g. pilot at chance); `closed` (a gate); `unknown` (no evidence on
    its quality: wins_at_quality is the quality at which it would be the best option, None if at none).
    baseline: the dumb forecasts that stand beside ours.
    """

    candidate: Candidate
    status: Status
    problem: Problem | None = None
    choice: Choice | None = None
    quality: Interval | None = None
    p_target: float | None = None
    p_best: float | None = None
    curve: CurveView | None = None
    options: tuple[OptionView, ...] = ()
    needs: tuple[NeedView, ...] = ()
    calendar_seconds: Interval | None = None
    value: ValueView | None = None
    wins_at_quality: float | None = None
    baseline: Mapping[str, float] = field(default_factory=dict)
    dropped: Problem | None = None
    trail: Trail = ()


@dataclass(frozen=True)
class Threshold:
    """The smallest (or, where direction is `<=`, the largest) amount of a lever at which a condition holds.

    kind: `break-even` (mean NPV = 0), `confidence` (NPV > 0 with `probability`), `switch` (mean NPV is that of `rival`,
    the best other option; sure: from where on it is the best option with `probability`), `option` (value over spend
    reaches `limit`, the hurdle of who may wait) or `loss-budget` (the mean of the worst 5 % loses no more than `limit`).
    lever: name of an input, `labels` for the labels of this candidate, `quality.<id>` for its quality; unit as the user
    gave it; value in that unit, None if no value within the searched range does it (`searched`). other: where the
    condition ends again further on, None if it does not. low, high: 90 % interval from the finite draws. now: the input
    as it stands. by: `draws` where each draw has one break-even, `grid` where the range was walked through.
    """

    kind: Literal["break-even", "confidence", "switch", "option", "loss-budget"]
    candidate: Candidate
    lever: str
    unit: str
    direction: Literal[">=", "<="]
    probability: float | None
    value: float | None
    low: float | None
    high: float | None
    now: Interval
    searched: tuple[float, float]
    trail: Trail
    other: float | None = None
    rival: str = ""
    sure: float | None = None
    limit: float | None = None
    by: Literal["draws", "grid"] = "draws"


@dataclass(frozen=True)
class Ticket:
    """Entry ticket: what a newcomer must be able to bring, with `probability`, before the first return. SI units;
    None where the candidate does not need it."""

    candidate: Candidate
    probability: float
    accelerator_seconds: float | None
    labels: float | None
    tokens: float | None
    staff_seconds: float | None
    capital: float
    calendar_seconds: float
    trail: Trail


@dataclass(frozen=True)
class Swing:
    """One input of the tornado: NPV of the recommended option when the input stands at its 5 % and 95 % quantile and
    all others vary. winner_*: id of the best candidate there ("none" included). flip: the value of the input at which
    the best option changes, in the user's unit, None if nowhere in its range; winner_beyond: who wins past it.
    variance_share: share of the variance of NPV that this input explains alone; total_share: with all that it does
    together with others (None where inputs hang together: then it has no meaning). worth: expected value of knowing it
    exactly before deciding (EVPPI), in currency, with its 90 % interval from the finite draws."""

    input: str
    unit: str
    low: float
    high: float
    npv_low: float
    npv_high: float
    winner_low: str
    winner_high: str
    flip: float | None
    winner_beyond: str
    variance_share: float
    worth: float
    trail: Trail
    total_share: float | None = None
    worth_low: float | None = None
    worth_high: float | None = None


@dataclass(frozen=True)
class Measurement:
    """The next measurement worth making. what: an input or `quality.<candidate id>`. worth: upper limit of what it may
    cost (EVPPI; the worth of the study where one could be played). how: code of the sentence that says how to make it;
    study: that study."""

    what: str
    how: str
    worth: float
    trail: Trail
    study: Study | None = None


@dataclass(frozen=True)
class Verdict:
    """code: `invest` (candidate reaches the target and pays with the asked confidence), `measure` (it may, the
    measurement is worth its price), `do_not_invest` (no option is worth more than doing nothing), `cannot_say` (nothing
    could be assessed). confidence: chance that the named candidate pays (NPV > 0) for `invest` and `measure`, that
    none does for `do_not_invest`. p_target: chance that it reaches the target."""

    code: Literal["invest", "measure", "do_not_invest", "cannot_say"]
    candidate: Candidate | None
    choice: Choice | None
    confidence: float
    p_target: float | None
    npv: Interval | None
    runner_up: Candidate | None
    next: Measurement | None
    perfect_information: float
    trail: Trail


@dataclass(frozen=True)
class Assessment:
    """All of it. net_benefit: (draws, options, gates); option o is `options[o]` = (candidate id, choice); gates are
    `("build", "operate")`: NPV if stopped after building, and if carried through. `none` is option 0, all zero."""

    name: str
    language: str
    currency: str
    task: str
    metric: str
    target: float
    confidence: float
    months: int
    seed: int
    draws: int
    version: str
    made: str
    verdict: Verdict
    results: tuple[Result, ...]
    thresholds: tuple[Threshold, ...]
    tickets: tuple[Ticket, ...]
    swings: tuple[Swing, ...]
    warnings: tuple[Problem, ...]
    card: Card | None
    options: tuple[tuple[str, Choice], ...]
    gates: tuple[str, ...]
    net_benefit: Array
    facts: Mapping[str, Fact]
    runs: Mapping[str, Run]
    winners: tuple[Winners, ...] = ()
    grids: tuple[Grid, ...] = ()
    loss_boxes: tuple[LossBox, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    studies: tuple[Study, ...] = ()
    staging: tuple[Staging, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    levers: tuple[Pull, ...] = ()
    weighings: tuple[Weighing, ...] = ()
    searches: tuple[Search, ...] = ()

    def result(self, candidate_id: str) -> Result:
        """The row of one candidate. Raises KeyError."""
        for row in self.results:
            if row.candidate.id == candidate_id:
                return row
        raise KeyError(candidate_id)
