"""What to measure, and in which order: a ladder of label counts that fits a budget of time.

Breadth first over rungs, so that a candidate that cannot win is seen early (freeze-thaw, Swersky et al. 2014). Time
goes first into one seed of what is nearly free, then into three rungs (a curve needs three) with one seed of the cheapest
trained candidate, then into second seeds and prompts, then into three rungs with two seeds of each trained candidate,
then into more seeds, then into distance. Once the trained candidates have curves, a `Worth` tells what each further cell
of theirs is expected to teach, and the rest of the time goes where that is most per second.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from groundsill.terms.candidate import Candidate

Kind = Literal["free", "prompt", "trained", "nothing"]
LOWEST_TRAINED_LABELS = 50  # under this a tuned encoder mostly answers with the largest class: no slope to fit
GOAL_LABELS = 400  # each trained candidate comes so far, the cheaper first, before any goes further
WINDOW_RUNGS = 3  # fewest rungs that give a curve
FIRST_SEEDS = 2  # fewest seeds that show the noise between seeds
LADDER_RUNGS = 5  # rungs of a full ladder, doubling: a span of 16
TRAINED_SHARE = 0.7  # most of the budget that the first trained curve may take
TIE = 0.8  # cells this near to the best in what they teach per second are equal: seeds then come before distance
PROMPT_SHARE = 0.15  # most of the budget that one prompt candidate may take: it is one point, not a curve
PROMPT_ROWS_SHARE = 0.05  # of the budget, up to which it is measured on more than the fewest rows
LEAST_PROMPT_ROWS = 100  # standard error of an accuracy of 0.5: 5 points


def kind(candidate: Candidate) -> Kind:
    """How a candidate is measured: `free` (seconds a cell), `trained` (minutes), `prompt` (one cell), `nothing`."""
    if candidate.route == "classical" or (candidate.route == "tune" and candidate.method == "head"):
        return "free"
    if candidate.route == "prompt" and not candidate.model.startswith("hosted/"):
        return "prompt"
    return "trained" if candidate.route == "tune" else "nothing"


@dataclass(frozen=True, order=True)
class Cell:
    """One measurement: a candidate, the labels it is built with (shots for a prompt), a seed."""

    candidate: Candidate
    labels: int
    seed: int

    def record(self) -> list[Any]:
        """As plain data for JSON."""
        c = self.candidate
        return [c.route, c.method, c.model, [list(p) for p in c.recipe], self.labels, self.seed]

    @classmethod
    def of(cls, data: Sequence[Any]) -> Cell:
        """Read a record."""
        route, method, model, recipe, labels, seed = data
        return cls(Candidate(route, method, model, tuple((str(k), v) for k, v in recipe)), labels, seed)


class Worth(Protocol):
    """What a cell is expected to teach about the number that the decision needs (see `scaling.design.Prospect`)."""

    def gain(self, candidate: str, labels: float) -> float:
        """Of one more seed at `labels`, after all that was taken."""
        ...

    def take(self, candidate: str, labels: float) -> None:
        """One seed there is taken."""
        ...


@dataclass(frozen=True)
class Skipped:
    """A cell that is not measured. reason: a code, `pilot.skipped_budget`, `pilot.skipped_dropped`, ..."""

    cell: Cell
    reason: str


@dataclass(frozen=True)
class Plan:
    """order: the cells to measure, first to last. cell_seconds: what each takes, as predicted."""

    order: tuple[Cell, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    cell_seconds: tuple[float, ...] = ()

    @property
    def seconds(self) -> float:
        """What all cells take together, as predicted."""
        return sum(self.cell_seconds)

    def seconds_of(self, cell: Cell) -> float:
        """What one cell of `order` takes, as predicted. Raises ValueError if it is not planned."""
        return self.cell_seconds[self.order.index(cell)]


def fit_rungs(rungs: Sequence[int], pool_rows: int) -> tuple[int, ...]:
    """The rungs that a pool of `pool_rows` rows can fill; where some are too high, halved ones are added below, down
    to the number of rungs asked for (at least 10 labels). Rising."""
    wanted = sorted(set(rungs))
    kept = [r for r in wanted if r <= pool_rows]
    if not kept and wanted:
        top = wanted[0]
        while top > pool_rows:
            top //= 2
        kept = [top] if top >= 1 else []
    while kept and len(kept) < min(len(wanted), LADDER_RUNGS) and kept[0] // 2 >= 10:
        kept.insert(0, kept[0] // 2)
    return tuple(kept)


def rungs_of(candidate: Candidate, rungs: Sequence[int]) -> tuple[int, ...]:
    """The rungs of one candidate: a trained one starts lower (by halves, to 50), because it cannot climb as high."""
    ladder = sorted(set(rungs))
    if kind(candidate) == "trained":
        while ladder and ladder[0] // 2 >= LOWEST_TRAINED_LABELS:
            ladder.insert(0, ladder[0] // 2)
    return tuple(ladder)


def cells(
    candidates: Iterable[Candidate], rungs: Sequence[int], seeds: Sequence[int], shots: Callable[[Candidate], int]
) -> tuple[Cell, ...]:
    """All cells of the ladder, breadth first: each candidate's first rung with all seeds, then the second, ..."""
    ladders: list[tuple[Candidate, list[tuple[int, ...]]]] = []
    for candidate in candidates:
        if kind(candidate) == "prompt":
            ladders.append((candidate, [(shots(candidate), *seeds[:1])]))
        elif kind(candidate) != "nothing":
            ladders.append((candidate, [(labels, *seeds) for labels in rungs_of(candidate, rungs)]))
    deepest = max((len(steps) for _, steps in ladders), default=0)
    return tuple(
        Cell(candidate, steps[i][0], seed)
        for i in range(deepest)
        for candidate, steps in sorted(ladders, key=_rank)
        if i < len(steps)
        for seed in steps[i][1:]
    )


def _rank(ladder: tuple[Candidate, list[tuple[int, ...]]]) -> tuple[int, bool]:
    candidate = ladder[0]
    first = {"free": 0, "prompt": 1, "trained": 2, "nothing": 3}[kind(candidate)]
    return (0 if candidate.route == "classical" else 1 + first, candidate.method == "full")


def plan(
    ladder: Sequence[Cell],
    seconds_of: Callable[[Cell], float],
    budget_seconds: float,
    done: frozenset[Cell] = frozenset(),
    essential_seeds: Sequence[int] = (),
    worth: Callable[[], Worth | None] = lambda: None,
) -> Plan:
    """Choose the cells that fit the budget, and order them.

    ladder: from `cells`, whose order is kept within what must be there and within what there is time for besides.
    seconds_of: prediction for a cell. done: measured before, free now. essential_seeds: the seeds that come first
    (default: the first two of the ladder). worth: called only where trained cells are left to choose among; what it says
    teaches most per second stands between the two; None: seeds before distance, the cheapest first.
    The predicted total is never above the budget. No candidate has a rung without the rung below it, except that a
    trained one may start anywhere on its ladder.
    """
    seeds = tuple(essential_seeds) or tuple(dict.fromkeys(c.seed for c in ladder))[:FIRST_SEEDS]
    purse = _Purse(ladder, seconds_of, budget_seconds, done)
    free, prompts, trained = (purse.of_kind(k) for k in ("free", "prompt", "trained"))
    for cell in free:
        if cell.seed in seeds[:1]:
            purse.take(cell)
    climbers = tuple(dict.fromkeys(c.candidate for c in trained))
    for candidate in climbers[:1]:  # one curve of a trained candidate tells more than further seeds, or than a prompt
        purse.take_window(candidate, seeds[:1], TRAINED_SHARE * budget_seconds)
    for cell in free:
        if cell.seed in seeds:
            purse.take(cell)
    for cell in sorted(prompts, key=seconds_of):
        if seconds_of(cell) <= PROMPT_SHARE * budget_seconds:
            purse.take(cell)
    for candidate in climbers:
        purse.take_window(candidate, seeds)
    purse.take_seeds(free)
    base, picked = frozenset(purse.taken), list[Cell]()
    if purse.choices(climbers) and (known := worth()) is not None:
        while (best := purse.take_best(known, climbers)) is not None:
            picked.append(best)
    purse.take_seeds(trained)
    while sum(purse.take_next(candidate, seeds) for candidate in climbers):
        pass  # one rung further at a time, the cheaper candidate first
    purse.take_seeds(free + trained)
    for cell in prompts + trained:
        if cell.candidate in purse.started or cell in prompts:
            purse.take(cell)
    # what must be there, then what teaches most, then what there is time for besides: with the curves of the first the
    # next plan knows more about the others
    late = [c for c in ladder if c in purse.taken and c not in base and c not in picked]
    order = tuple(c for c in (*(c for c in ladder if c in base), *picked, *late) if c not in done)
    left = tuple(Skipped(c, "pilot.skipped_budget") for c in ladder if c not in purse.taken)
    return Plan(order, left, tuple(seconds_of(c) for c in order))


@dataclass
class _Purse:
    ladder: Sequence[Cell]
    seconds_of: Callable[[Cell], float]
    left_seconds: float
    done: frozenset[Cell]
    taken: set[Cell] = field(default_factory=set)
    started: set[Candidate] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.taken |= self.done
        self.started |= {c.candidate for c in self.done}
        self._known = frozenset(self.ladder)
        self._rungs: dict[Candidate, tuple[int, ...]] = {}
        labels: Mapping[Candidate, set[int]] = {c.candidate: set() for c in self.ladder}
        for cell in self.ladder:
            labels[cell.candidate].add(cell.labels)
        for candidate, found in labels.items():
            self._rungs[candidate] = tuple(sorted(found))

    def of_kind(self, wanted: Kind) -> list[Cell]:
        return [c for c in self.ladder if kind(c.candidate) == wanted]

    def cost(self, wanted: Iterable[Cell]) -> float:
        return sum(self.seconds_of(c) for c in wanted if c not in self.taken)

    def take(self, *wanted: Cell) -> bool:
        """Take all of `wanted` or nothing. A free candidate's rung needs the rung below it."""
        cost = self.cost(wanted)
        if cost > self.left_seconds or not all(self._has_base(c) for c in wanted):
            return False
        self.left_seconds -= cost
        self.taken.update(wanted)
        self.started.update(c.candidate for c in wanted)
        return True

    def _has_base(self, cell: Cell) -> bool:
        if kind(cell.candidate) != "free":
            return True
        below = [r for r in self._rungs[cell.candidate] if r < cell.labels][-1:]
        return all(Cell(cell.candidate, labels, cell.seed) in self.taken for labels in below)

    def take_window(self, candidate: Candidate, seeds: Sequence[int], most: float = math.inf) -> bool:
        """The highest window of three rungs up to GOAL_LABELS that fits and costs at most `most` seconds, with all of
        `seeds`, else with the first."""
        rungs = self._rungs[candidate]
        goal = [r for r in rungs if r <= GOAL_LABELS] or list(rungs[:WINDOW_RUNGS])
        width = min(WINDOW_RUNGS, len(goal))
        for some in (tuple(seeds), tuple(seeds[:1])):
            for end in range(len(goal), width - 1, -1):
                wanted = self._cells(candidate, goal[end - width : end], some)
                if self.cost(wanted) <= most and self.take(*wanted):
                    return True
        return False

    def take_next(self, candidate: Candidate, seeds: Sequence[int]) -> bool:
        """One rung above the highest one taken."""
        if candidate not in self.started:
            return False
        top = max((c.labels for c in self.taken if c.candidate == candidate), default=0)
        above = [r for r in self._rungs[candidate] if r > top][:1]
        wanted = self._cells(candidate, above, seeds)
        return bool(wanted) and self.take(*wanted)

    def choices(self, climbers: Iterable[Candidate]) -> list[Cell]:
        """Cells of started candidates that could come next and can be paid: a seed at a rung that is taken, the first
        seed of the rung above."""
        out: list[Cell] = []
        for candidate in climbers:
            mine = [c for c in self.ladder if c.candidate == candidate]
            top = max((c.labels for c in mine if c in self.taken), default=0)
            rungs = {c.labels for c in mine if c in self.taken}
            above = [c for c in mine if c.labels > top and candidate in self.started]
            seeds = [c for c in mine if c.labels in rungs and c not in self.taken]
            out += seeds + sorted(above, key=lambda c: (c.labels, c.seed))[:1]
        return [c for c in out if self.seconds_of(c) <= self.left_seconds]

    def take_best(self, worth: Worth, climbers: Iterable[Candidate]) -> Cell | None:
        """The choice that teaches most per second; among equals seeds before distance, then the cheapest. None: none is
        left that teaches anything."""
        found = [
            (worth.gain(c.candidate.id, c.labels) / max(self.seconds_of(c), 1e-9), c) for c in self.choices(climbers)
        ]
        best = max((rate for rate, _ in found), default=0.0)
        if best <= 0:
            return None
        rungs = {(c.candidate, c.labels) for c in self.taken}
        near = [c for rate, c in found if rate >= TIE * best]
        cell = min(near, key=lambda c: ((c.candidate, c.labels) not in rungs, self.seconds_of(c), c.seed))
        worth.take(cell.candidate.id, cell.labels)
        self.take(cell)
        return cell

    def take_seeds(self, among: Iterable[Cell]) -> None:
        """More seeds at rungs that are taken already, the cheapest first."""
        rungs = {(c.candidate, c.labels) for c in self.taken}
        more = (c for c in among if c not in self.taken and (c.candidate, c.labels) in rungs)
        for cell in sorted(more, key=self.seconds_of):
            self.take(cell)

    def _cells(self, candidate: Candidate, rungs: Iterable[int], seeds: Sequence[int]) -> list[Cell]:
        grid = (Cell(candidate, labels, seed) for labels in rungs for seed in seeds)
        return [c for c in grid if c in self._known]
