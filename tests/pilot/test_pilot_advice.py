"""Advice: once there are curves, time goes where a cell teaches most per second about what the decision needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pilot.fake_bench import (
    ALL,
    CLASSICAL,
    CURVES,
    FULL,
    HEAD,
    LORA,
    NONE,
    SPEEDS,
    Clock,
    FakeBench,
    make_inputs,
    three_epochs,
)

from groundsill.pilot import run as pilot
from groundsill.pilot.advice import Adviser
from groundsill.pilot.calibrate import Pace
from groundsill.pilot.inputs import Speed
from groundsill.pilot.ladder import Cell, Plan, cells, kind, plan, rungs_of
from groundsill.terms.candidate import Candidate
from groundsill.terms.run import Run

RUNGS = (200, 400, 800, 1600, 3200)
LADDERS = {c: rungs_of(c, RUNGS) for c in (LORA, FULL)}


class Told:
    """A worth that a test sets: the gain of a seed at a rung halves each time it is taken."""

    def __init__(self, **gains: float) -> None:
        self.gains = {
            (c.id, float(name[1:])): g for c in (LORA, FULL) for name, g in gains.items() if name[0] == c.method[0]
        }

    def gain(self, candidate: str, labels: float) -> float:
        return self.gains.get((candidate, labels), 0.0)

    def take(self, candidate: str, labels: float) -> None:
        if (candidate, labels) in self.gains:
            self.gains[candidate, labels] /= 2


def a_plan(budget: float, told: Told | None, speeds: dict[Candidate, Speed] = SPEEDS) -> Plan:
    inputs = make_inputs(Path("/tmp"))
    ladder = cells([c for c in ALL if c != NONE], RUNGS, (0, 1, 2), lambda c: 6)
    pace = Pace(speeds, {c: rungs_of(c, RUNGS) for c in speeds}, dict.fromkeys(speeds, 100), 1000, 0, three_epochs)
    assert inputs.seeds == (0, 1, 2)
    return plan(ladder, pace.seconds, budget, worth=lambda: told)


def trained(found: Plan, candidate: Candidate) -> set[tuple[int, int]]:
    return {(c.labels, c.seed) for c in found.order if c.candidate == candidate}


def test_what_teaches_most_per_second_is_taken_and_the_budget_holds() -> None:
    far = a_plan(900.0, Told(l800=9.0, l1600=9.0))
    assert (800, 0) in trained(far, LORA) and far.seconds <= 900.0
    seeds = a_plan(900.0, Told(l400=9.0, l200=5.0, l100=5.0))
    assert {(400, 2), (200, 2)} <= trained(seeds, LORA)
    assert not {labels for labels, _ in trained(seeds, LORA)} & {1600} and seeds.seconds <= 900.0


def test_what_teaches_most_is_run_first_once_the_curves_are_there() -> None:
    done = frozenset(c for c in a_plan(1200.0, None).order if c.candidate != LORA or (c.seed < 2 and c.labels <= 400))
    inputs = make_inputs(Path("/tmp"))
    ladder = cells([CLASSICAL, HEAD, LORA], RUNGS, (0, 1, 2), lambda c: 6)
    pace = Pace(SPEEDS, {c: rungs_of(c, RUNGS) for c in SPEEDS}, {}, 1000, 0, three_epochs)
    told = Told(l800=900.0, l400=1.0)
    found = plan(ladder, pace.seconds, 400.0, done, inputs.seeds[:2], lambda: told)
    first = next(c for c in found.order if c.candidate == LORA)
    assert (first.labels, first.seed) == (800, 0)


def test_among_equals_seeds_come_before_distance() -> None:
    """A seed at 400 and the first one at 800 teach the same per second."""
    seconds = {400: 1 + 1200 / 31 + 1000 / 108, 800: 1 + 2400 / 31 + 1000 / 108}
    room = a_plan(10_000.0, None)
    assert room.seconds_of(Cell(LORA, 800, 0)) == pytest.approx(seconds[800])
    for budget in range(400, 1000, 50):
        found = trained(a_plan(float(budget), Told(l400=seconds[400], l800=0.9 * seconds[800])), LORA)
        assert (800, 0) not in found or (400, 2) in found


def test_no_worth_leaves_the_plan_as_it_was() -> None:
    for budget in (200.0, 400.0, 900.0, 2000.0):
        assert set(a_plan(budget, None).order) == set(a_plan(budget, Told()).order)


@pytest.mark.parametrize("budget", [300.0, 700.0, 1500.0])
def test_rungs_stay_without_gaps(budget: float) -> None:
    found = a_plan(budget, Told(l3200=1e9, l50=1.0, l800=2.0, f1600=50.0))
    assert found.seconds <= budget
    for candidate in (LORA, FULL):
        taken = sorted({labels for labels, _ in trained(found, candidate)})
        ladder = rungs_of(candidate, RUNGS)
        if taken:
            start = ladder.index(taken[0])
            assert taken == list(ladder[start : start + len(taken)]) and len(taken) >= 3


# ---- the real curves


def measured(folder: Path, rungs: dict[Candidate, Sequence[int]], **bench: object) -> dict[Candidate, list[Run]]:
    made = FakeBench(sleep=lambda seconds: None, **bench)  # type: ignore[arg-type]
    inputs = make_inputs(folder)
    table = made.read(inputs.spec, inputs.base, None)
    return {
        c: [
            made.measure(c, table, inputs, labels=n, seed=s, rows=0, work=folder, emit=None)
            for n in own
            for s in (0, 1)
        ]
        for c, own in rungs.items()
    }


def adviser(folder: Path) -> Adviser:
    inputs = make_inputs(folder)
    return Adviser(inputs, FakeBench().read(inputs.spec, inputs.base, None).card)


def test_a_candidate_that_cannot_be_the_best_is_frozen(tmp_path: Path) -> None:
    poor = CURVES | {FULL: (0.45, 0.5, 0.45)}
    runs = measured(tmp_path, {HEAD: RUNGS, LORA: (100, 200, 400), FULL: (100, 200, 400)}, curves=poor)
    told = adviser(tmp_path).worth(runs, LADDERS)
    assert told is not None
    assert told.gain(LORA.id, 800) > 4 * told.gain(FULL.id, 800)
    assert told.gain(LORA.id, 800) > told.gain(LORA.id, 100)
    before = told.gain(LORA.id, 800)
    told.take(LORA.id, 800)
    assert told.gain(LORA.id, 800) < before


def test_without_a_curve_there_is_no_worth_and_at_chance_only_a_higher_rung_tells(tmp_path: Path) -> None:
    some = measured(tmp_path, {HEAD: RUNGS, LORA: (100, 200)})
    assert adviser(tmp_path).worth(some, LADDERS) is None
    late = CURVES | {FULL: (0.56, 0.0, 1.0)}
    runs = measured(tmp_path, {LORA: (100, 200, 400), FULL: (100, 200, 400)}, curves=late, noise=0.0)
    told = adviser(tmp_path).worth(runs, LADDERS)
    assert told is not None
    best = max(told.gain(LORA.id, float(n)) for n in LADDERS[LORA])
    assert told.gain(FULL.id, 400) == 0.0 and told.gain(FULL.id, 800) == best > 0
    told.take(FULL.id, 800)
    assert told.gain(FULL.id, 800) == 0.0


def test_the_same_runs_are_fitted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from groundsill.pilot import advice

    calls, real = [0], advice._fitted

    def counted(*given: object) -> object:
        calls[0] += 1
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(advice, "_fitted", counted)
    runs, known = measured(tmp_path, {HEAD: RUNGS, LORA: (100, 200, 400)}), adviser(tmp_path)
    for _ in range(3):
        known.worth(runs, LADDERS)
    known.worth({HEAD: runs[HEAD][:-1], LORA: runs[LORA]}, LADDERS)  # a seed less of what is nearly free
    assert calls[0] == 2


def test_a_pilot_of_seven_minutes_on_a_slow_machine_holds_what_the_example_needs(tmp_path: Path) -> None:
    """LoRA at 14 rows a second, 100 steps of 16 at least: as measured on two busy cores."""

    class Slow(FakeBench):
        def rows_seen(self, candidate: Candidate, labels: int) -> float:
            return max(800.0, 2.0 * labels) if kind(candidate) == "trained" else labels

        def _seconds(self, candidate: Candidate, labels: int, rows: int, first: bool) -> float:
            if kind(candidate) != "trained":
                return super()._seconds(candidate, labels, rows, first)
            return 1.0 + self.rows_seen(candidate, labels) / 14 + 1000 / 108

    clock = Clock()
    speeds = SPEEDS | {LORA: replace(SPEEDS[LORA], train_seconds_per_row=1 / 14)}
    bench = Slow(sleep=clock.sleep, speeds=speeds)
    report = pilot.run(
        make_inputs(tmp_path, candidates=(NONE, CLASSICAL, HEAD, LORA)), ledger_folder=tmp_path / ".groundsill",
        budget_seconds=420.0, bench=bench, clock=clock,
    )  # fmt: skip
    assert report.seconds <= 420.0
    taken = {(c, labels) for c, labels, *_ in bench.measured}
    assert {(c, n) for c in (CLASSICAL, HEAD) for n in RUNGS} <= taken
    assert {(LORA, n) for n in (100, 200, 400)} <= taken
