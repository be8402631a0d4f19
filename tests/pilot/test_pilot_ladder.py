"""The plan: fits the budget, climbs from below, goes breadth first, and spends first where it matters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pilot.fake_bench import ALL, CLASSICAL, FEW, FULL, HEAD, LORA, NONE, SPEEDS, ZERO, make_inputs, three_epochs

from groundsill.pilot.calibrate import Pace, prompt_rows
from groundsill.pilot.inputs import Speed
from groundsill.pilot.ladder import Cell, Plan, cells, fit_rungs, kind, plan, rungs_of
from groundsill.terms.candidate import Candidate

RUNGS = (200, 400, 800, 1600, 3200)
SEEDS = (0, 1, 2)
CANDIDATES = tuple(c for c in ALL if c != NONE)


def shots(candidate: Candidate) -> int:
    return 6 if candidate.method == "few-shot" else 0


def a_plan(
    budget: float,
    speeds: dict[Candidate, Speed] = SPEEDS,
    done: frozenset[Cell] = frozenset(),
    rows_seen: Callable[[Candidate, int], float] = three_epochs,
) -> Plan:
    inputs = make_inputs(Path("/tmp"))
    ladder = cells(sorted(speeds, key=inputs.rank), RUNGS, SEEDS, shots)
    rows = {c: prompt_rows(s, inputs, budget, 1000) for c, s in speeds.items() if kind(c) == "prompt"}
    pace = Pace(speeds, {c: rungs_of(c, RUNGS) for c in speeds}, rows, 1000, 0, rows_seen)
    return plan(ladder, pace.seconds, budget, done)


def rungs(found: Plan, candidate: Candidate) -> dict[int, int]:
    """Seeds by rung."""
    counts: dict[int, int] = {}
    for cell in found.order:
        if cell.candidate == candidate:
            counts[cell.labels] = counts.get(cell.labels, 0) + 1
    return counts


def test_six_minutes_on_two_slow_cores_hold_what_the_example_needs() -> None:
    found = a_plan(360.0)
    assert found.seconds <= 360.0
    for candidate in (CLASSICAL, HEAD):
        assert set(rungs(found, candidate)) == set(RUNGS) and min(rungs(found, candidate).values()) >= 2
    assert {100, 200, 400} <= set(rungs(found, LORA)) and min(rungs(found, LORA).values()) >= 2
    assert rungs(found, ZERO) == {0: 1} and rungs(found, FEW) == {6: 1}


def test_where_every_rung_takes_as_long_three_rungs_come_before_a_second_seed() -> None:
    def at_least_a_hundred_steps(candidate: Candidate, labels: int) -> float:
        return max(1600.0, 2.0 * labels) if candidate in (LORA, FULL) else labels

    found = a_plan(360.0, rows_seen=at_least_a_hundred_steps)
    assert found.seconds <= 360.0 and set(rungs(found, LORA)) == {100, 200, 400}


def test_more_time_goes_to_seeds_then_to_the_costly_candidate_and_to_distance() -> None:
    assert rungs(a_plan(360.0), FULL) == {}
    longer = a_plan(1200.0)
    assert {100, 200, 400} <= set(rungs(longer, FULL))
    assert rungs(longer, LORA)[400] == 3
    assert max(rungs(a_plan(3600.0), LORA)) >= 1600


def test_breadth_first_with_the_nearly_free_first() -> None:
    order = a_plan(1200.0).order
    window = [
        i for i, c in enumerate(order) if c.labels in (100, 200, 400) and c.seed < 2 and c.candidate in (LORA, FULL)
    ]
    base = [c for c in order[: max(window) + 1] if kind(c.candidate) != "prompt"]
    steps = [rungs_of(c.candidate, RUNGS).index(c.labels) for c in base]
    assert steps == sorted(steps)
    assert len(window) == 12 and not any(c.labels == 50 or c.seed == 2 for c in base if kind(c.candidate) == "trained")
    assert [c.candidate for c in order[:6]] == [CLASSICAL] * 3 + [HEAD] * 3
    assert next(c.labels for c in order if c.candidate == FULL) == 100


def test_full_ladder_has_every_cell() -> None:
    ladder = cells(CANDIDATES, RUNGS, SEEDS, shots)
    assert len(ladder) == len(set(ladder)) == 2 * 5 * 3 + 2 * 7 * 3 + 2
    assert not any(c.candidate.route == "none" for c in cells(ALL, RUNGS, SEEDS, shots))
    assert cells((Candidate("prompt", "zero-shot", "hosted/x/y"), Candidate("pretrain")), RUNGS, SEEDS, shots) == ()


speed_of = st.builds(
    Speed, st.floats(0, 20), st.floats(0, 0.5), st.floats(0, 0.05), st.floats(0, 1.0)
)  # slower than any machine we saw, and faster


@settings(max_examples=150, deadline=None)
@given(st.floats(0, 5000), st.fixed_dictionaries(dict.fromkeys(CANDIDATES, speed_of)))
def test_never_over_budget_and_nested(budget: float, speeds: dict[Candidate, Speed]) -> None:
    found = a_plan(budget, speeds)
    assert found.seconds <= budget * (1 + 1e-9)
    assert len(set(found.order)) == len(found.order)
    assert set(found.order) | {s.cell for s in found.skipped} == set(cells(CANDIDATES, RUNGS, SEEDS, shots))
    for cell in found.order:
        ladder = rungs_of(cell.candidate, RUNGS)
        taken = [r for r in ladder if r in rungs(found, cell.candidate)]
        if kind(cell.candidate) == "free":
            assert taken == list(ladder[: len(taken)])  # no rung without the one below it
        if kind(cell.candidate) == "trained":
            start = ladder.index(taken[0])
            assert taken == list(ladder[start : start + len(taken)])  # no gap
            assert len(taken) >= 3  # fewer rungs give no curve


@settings(max_examples=50, deadline=None)
@given(st.floats(60, 2000), st.data())
def test_done_cells_are_free_and_never_planned_again(budget: float, data: st.DataObject) -> None:
    before = a_plan(budget)
    done = frozenset(data.draw(st.sets(st.sampled_from(before.order)))) if before.order else frozenset()
    after = a_plan(budget, done=done)
    assert not done & set(after.order)
    assert after.seconds <= budget * (1 + 1e-9)


def test_nothing_fits() -> None:
    assert a_plan(0.1).order == ()


def test_rungs_adapt_to_small_tables() -> None:
    assert fit_rungs(RUNGS, 100_000) == RUNGS
    assert fit_rungs(RUNGS, 500) == (25, 50, 100, 200, 400)
    assert fit_rungs(RUNGS, 90) == (12, 25, 50)
    assert rungs_of(LORA, RUNGS) == (50, 100, *RUNGS)
    assert rungs_of(LORA, (30, 60)) == (30, 60)
    assert rungs_of(HEAD, RUNGS) == RUNGS


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=6), st.integers(1, 20_000))
def test_rungs_rise_and_fit_the_pool(wanted: list[int], pool_rows: int) -> None:
    found = fit_rungs(wanted, pool_rows)
    assert list(found) == sorted(set(found)) and found and found[-1] <= pool_rows


def test_prompt_rows_follow_the_budget() -> None:
    inputs = make_inputs(Path("/tmp"), prompt_rows=400)
    speed = Speed(1.0, 0.0, 0.0, 0.1)
    assert prompt_rows(speed, inputs, 900.0, 1000) == 400  # 45 s hold 440 rows: the project's wish binds
    assert prompt_rows(speed, inputs, 420.0, 1000) == 200
    assert prompt_rows(speed, inputs, 10.0, 1000) == 100
    assert prompt_rows(speed, inputs, 10.0, 80) == 80
    assert prompt_rows(speed, inputs, None, 1000) == 400


def test_cells_survive_json() -> None:
    cell = Cell(Candidate("tune", "lora", "m", (("rank", 8.0), ("scope", "all"))), 400, 2)
    assert Cell.of(cell.record()) == cell
