"""Running a pilot: budget, resuming, dropping, remaining time, and the second call that does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.pilot.fake_bench import (
    CLASSICAL,
    CURVES,
    FEW,
    FULL,
    HEAD,
    LORA,
    NONE,
    ZERO,
    Clock,
    FakeBench,
    make_inputs,
    refused,
    true_curve,
)

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot import evidence
from groundsill.pilot import run as pilot
from groundsill.pilot.inputs import Inputs
from groundsill.terms.card import Card
from groundsill.terms.event import Event
from groundsill.terms.problem import Exit, Problem


@pytest.fixture(autouse=True)
def quick_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The truth in the place of the fitted curve: these tests are about the running, not about the fit."""
    monkeypatch.setattr("groundsill.pilot.dropping._forecast", true_curve)
    monkeypatch.setattr("groundsill.pilot.advice._fitted", refused)


class Place:
    """A project folder with a fake bench on a virtual clock."""

    def __init__(self, folder: Path, **bench: Any) -> None:
        self.clock = Clock()
        self.bench = FakeBench(sleep=self.clock.sleep, **bench)
        self.inputs = make_inputs(folder)
        self.folder = folder / ".groundsill"
        self.events: list[Event] = []

    def go(self, budget: float | None = 360.0, inputs: Inputs | None = None, **more: Any) -> pilot.PilotReport:
        return pilot.run(
            inputs or self.inputs, ledger_folder=self.folder, budget_seconds=budget, bench=self.bench,
            emit=self.events.append, clock=self.clock, **more,
        )  # fmt: skip

    def codes(self) -> set[str]:
        return {e.code for e in self.events}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_pilot_keeps_to_its_budget_and_records_each_run(place: Place) -> None:
    report = place.go()
    assert report.seconds <= 360.0 and report.seconds > 250.0
    stored = Ledger(place.folder).runs()
    assert {r.id for r in stored} == set(report.fresh) and len(stored) == len(place.bench.measured)
    assert report.card == Card.of(json.loads((place.folder / "card.json").read_text()))
    assert {c for c, *_ in place.bench.measured} >= {CLASSICAL, HEAD, LORA, ZERO, FEW}
    assert {s.reason for s in report.skipped} == {"pilot.skipped_budget"}


@pytest.mark.parametrize("slower", [0.4, 2.5])
def test_the_budget_holds_when_the_probe_was_wrong(tmp_path: Path, slower: float) -> None:
    place = Place(tmp_path, slower=dict.fromkeys(CURVES, slower))
    report = place.go()
    longest = 1 + 400 * 3 / 20 + 10
    assert report.seconds <= 360.0 + longest  # a first cell may overrun its forecast; no later one starts in vain
    assert report.seconds > 200.0  # and what is gained is used
    if slower < 1:
        assert report.seconds <= 360.0


def test_the_second_call_does_nothing(place: Place) -> None:
    first = place.go()
    probed, measured = len(place.bench.probed), len(place.bench.measured)
    second = place.go()
    assert (len(place.bench.probed), len(place.bench.measured), place.bench.reads) == (probed, measured, 1)
    assert second.fresh == () and second.reused == tuple(r.id for r in first.done)
    assert second.done == first.done and second.skipped == first.skipped and second.card == first.card
    assert "pilot.nothing_new" in place.codes()


def test_touched_but_equal_data_are_not_read_again_and_changed_data_are(place: Place) -> None:
    place.go()
    data = place.inputs.base / "data.csv"
    data.write_bytes(data.read_bytes())
    place.go()
    assert place.bench.reads == 1
    before = len(place.bench.measured)
    data.write_text(data.read_text() + "z,a\n")
    report = place.go()
    assert place.bench.reads == 2 and "pilot.data_changed" in place.codes()
    assert report.reused == () and len(place.bench.measured) > before
    assert len(Ledger(place.folder).runs()) == len(place.bench.measured)  # the old runs are kept


@pytest.mark.parametrize("change", ["budget", "version", "target", "seeds"])
def test_what_decides_the_pilot_starts_it_again_but_repeats_no_run(place: Place, change: str) -> None:
    first = place.go()
    inputs, budget = place.inputs, 360.0
    if change == "budget":
        budget = 500.0
    elif change == "version":
        place.bench.version = "2"
    elif change == "target":
        inputs = replace(inputs, target=0.7)
    else:
        inputs = replace(inputs, seeds=(0, 1, 2, 3))
    second = place.go(budget, inputs)
    assert place.bench.reads == 2
    assert set(first.fresh) <= set(second.reused) and len(set(place.bench.measured)) == len(place.bench.measured)


def test_interrupted_pilot_goes_on_with_what_is_left_of_its_budget(place: Place) -> None:
    calls = 0

    def stop(*_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 12:
            raise KeyboardInterrupt

    place.bench.on_measure = stop
    with pytest.raises(Problem) as caught:
        place.go()
    assert (caught.value.code, caught.value.exit, caught.value.got) == ("pilot.interrupted", Exit.RESUMABLE, 11)
    assert len(Ledger(place.folder).runs()) == 11
    report = place.go()
    assert len(report.reused) == 11 and place.clock() <= 361.0
    assert len(set(place.bench.measured)) == len(place.bench.measured)
    assert {c for c, *_ in place.bench.measured} >= {CLASSICAL, HEAD, LORA, ZERO, FEW}


def test_plan_only_measures_nothing(place: Place) -> None:
    report = place.go(plan_only=True)
    assert place.bench.measured == [] and report.plan.order and report.plan.seconds <= 360.0
    assert Ledger(place.folder).runs() == ()


def test_only_some_candidates(place: Place) -> None:
    report = place.go(only=("tune/head", CLASSICAL.id))
    assert {c for c, *_ in place.bench.measured} == {CLASSICAL, HEAD}
    assert len(report.done) == 30  # all rungs and seeds, and no noise that asks for more
    with pytest.raises(Problem, match="unknown_candidate"):
        place.go(only=("tune/hea",))


def test_full_pilot_measures_every_cell_and_writes_its_evidence(place: Place) -> None:
    path = place.inputs.base / "runs.jsonl"
    report = place.go(None, replace(place.inputs, evidence=path, target=0.5))
    assert len(report.done) >= 2 * 5 * 3 + 2 * 7 * 3 + 2 and report.skipped == () and report.dropped == {}
    assert {rows for c, _, _, rows in place.bench.measured if c in (ZERO, FEW)} == {400}
    shipped = evidence.read(path)
    assert len(shipped) == len(report.done) and {r.source.kind for r in shipped} == {"shipped"}


def test_shipped_runs_are_kept_and_measured_afresh(place: Place) -> None:
    report = place.go(None)
    (place.inputs.base / "other").mkdir()
    other = Place(place.inputs.base / "other")
    pilot.record(Ledger(other.folder), [evidence.shipped(r) for r in report.done])
    fresh = other.go()
    assert fresh.reused == () and len(fresh.fresh) > 20


def test_noisy_rungs_get_more_seeds(tmp_path: Path) -> None:
    place = Place(tmp_path, noise=0.03)
    place.go(600.0, only=(CLASSICAL.id,))
    seeds: dict[int, set[int]] = {}
    for _, labels, seed, _ in place.bench.measured:
        seeds.setdefault(labels, set()).add(seed)
    assert any(len(s) > 3 for s in seeds.values())
    assert all(s == set(range(len(s))) for s in seeds.values())  # paired: the same seeds for every rung


def test_too_small_a_budget_is_a_problem(place: Place) -> None:
    with pytest.raises(Problem) as caught:
        place.go(1.0)
    assert (caught.value.code, caught.value.exit) == ("pilot.budget_too_small", Exit.USAGE)


def test_nothing_to_measure(place: Place) -> None:
    with pytest.raises(Problem, match="nothing_to_measure"):
        place.go(inputs=replace(place.inputs, candidates=(NONE,)))


@pytest.mark.parametrize("where", ["probe", ""])
def test_a_candidate_that_fails_does_not_stop_the_others(tmp_path: Path, where: str) -> None:
    place = Place(tmp_path, fails={LORA: Problem("lab.out_of_memory", at=where, got=3, exit=Exit.NO_ROOM)})
    report = place.go()
    assert report.dropped[LORA.id].code == "lab.out_of_memory"
    assert {c for c, *_ in place.bench.measured} >= {CLASSICAL, HEAD, ZERO}
    assert (Ledger(place.folder).state("dropped") or {})[LORA.id]["values"]["got"] == 3
    place.bench.fails = {}  # the fault is put right: the next call measures it
    place.go()
    assert LORA in {c for c, *_ in place.bench.measured}
    assert LORA.id not in (Ledger(place.folder).state("dropped") or {})


def test_if_every_candidate_fails_the_first_problem_is_raised(tmp_path: Path) -> None:
    place = Place(tmp_path, fails={c: Problem("lab.no_torch", at="probe") for c in CURVES})
    with pytest.raises(Problem, match="no_torch"):
        place.go()


def test_a_locked_ledger_stops_a_second_pilot(place: Place) -> None:
    with Ledger(place.folder).lock(), pytest.raises(Problem) as caught:
        place.go()
    assert caught.value.exit == Exit.LOCKED and place.bench.measured == []


# ---- remaining time


@pytest.mark.parametrize("budget", [360.0, 1200.0, None])
@pytest.mark.parametrize("wrong", [{}, {LORA: 1.6, HEAD: 0.7, FULL: 1.3}, {LORA: 0.6, FULL: 0.7, FEW: 1.5}])
def test_remaining_time_is_right_within_a_third_from_halfway(
    tmp_path: Path, budget: float | None, wrong: dict[Any, float]
) -> None:
    place = Place(tmp_path, slower=wrong, jitter=0.08)
    report = place.go(budget)
    told = [e.values for e in place.events if e.code == "pilot.progress"]
    end = float(told[-1]["done"])  # type: ignore[arg-type]
    assert report.seconds == pytest.approx(end, abs=1.0)
    checked = 0
    for values in told:
        done, remaining = float(values["done"]), float(values["remaining_seconds"])  # type: ignore[arg-type]
        left = end - done
        if end / 2 <= done and left > 0.05 * end:  # the last 5 % are one cell or less: seconds, not a share
            assert abs(remaining - left) <= left / 3, (done, remaining, left)
            checked += 1
    assert checked >= 3


# ---- the second call, in a process of its own

SECOND = """
import sys, time
from pathlib import Path
start = time.perf_counter()
sys.path.insert(0, sys.argv[2])
from groundsill.pilot import run as pilot
from groundsill.pilot.bench import LabBench
from fake_bench import make_inputs

class Bench(LabBench):
    def files(self, spec, base):
        return (base / spec,)
    def versions(self):
        return {"fake": "1"} if sys.argv[3] == "fake" else super().versions()
report = pilot.run(make_inputs(Path(sys.argv[1])), ledger_folder=Path(sys.argv[1]) / ".groundsill",
                   budget_seconds=360.0, bench=Bench(Path(sys.argv[1])))
print(len(report.done), len(report.fresh), "torch" in sys.modules, "sklearn" in sys.modules, time.perf_counter() - start)
"""


def test_the_second_call_is_quick_and_loads_no_torch(place: Place) -> None:
    report = place.go()
    command = [sys.executable, "-c", SECOND, str(place.inputs.base), str(Path(__file__).parent), "fake"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    done, fresh, torch, sklearn, _ = told.stdout.split()  # how quick it is: benchmarks/startup.py
    assert (int(done), int(fresh), torch, sklearn) == (len(report.done), 0, "False", "False")
