"""Dropping: a candidate goes when it can no longer win, and stays while it may."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.pilot.fake_bench import CLASSICAL, CURVES, FULL, HEAD, LORA, ZERO, Clock, FakeBench, make_inputs, true_curve

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot import run as pilot
from groundsill.pilot.dropping import LEAST_CHANCE, Dropped, Judge
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Event
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run

Curves = dict[Candidate, tuple[float, float, float]]


def runs_of(
    candidate: Candidate, rungs: Sequence[int], bench: FakeBench, folder: Path, seeds: Sequence[int] = (0, 1, 2)
) -> list[Run]:
    inputs = make_inputs(folder)
    table = bench.read(inputs.spec, inputs.base, None)
    return [
        bench.measure(candidate, table, inputs, labels=n, seed=s, rows=0, work=folder, emit=None)
        for n in rungs
        for s in seeds
    ]


def verdict(
    folder: Path, candidate: Candidate, measured: dict[Candidate, Sequence[int]], *, target: float = 0.99,
    curves: Curves | None = None, noise: float = 0.004, limit: float = 10_000.0, seeds: Sequence[int] = (0, 1, 2),
) -> Dropped | None:  # fmt: skip
    bench = FakeBench(sleep=lambda seconds: None, curves=CURVES | (curves or {}), noise=noise)
    runs = {c: runs_of(c, rungs, bench, folder, seeds) for c, rungs in measured.items()}
    inputs = make_inputs(folder, target=target, label_limit=limit)
    judge = Judge(inputs, bench.read(inputs.spec, inputs.base, None).card)
    return judge.verdict(candidate, runs, first_rung=50)


FLAT: Curves = {LORA: (0.3, 0.5, 0.2), HEAD: (0.02, 0.1, 0.4)}  # at 400: 0.55 and 0.97; the steepest climb ends at 0.91
HOPELESS: Curves = {LORA: (0.40, 0.5, 0.45)}  # 0.58 at 1,600 labels, where the head is at 0.78


def test_few_rungs_drop_only_what_no_climb_could_save(tmp_path: Path) -> None:
    head = {HEAD: (200, 400)}
    assert verdict(tmp_path, LORA, {**head, LORA: (200,)}) is None  # at 0.62 now, and 0.95 is still possible
    found = verdict(tmp_path, LORA, {HEAD: (200, 400), LORA: (200, 400)}, curves=FLAT, noise=0.001)
    assert found is not None and found.code == "pilot.dropped_cannot_win"
    assert found.values["got"] < LEAST_CHANCE and found.values["rival"] == HEAD.id


def test_one_seed_shows_no_spread_so_nothing_is_dropped_by_bounds(tmp_path: Path) -> None:
    assert verdict(tmp_path, LORA, {HEAD: (200,), LORA: (200,)}, curves=FLAT, noise=0.001, seeds=(0,)) is None


def test_a_candidate_at_chance_is_not_judged_by_its_slope(tmp_path: Path) -> None:
    late: Curves = {LORA: (0.56, 0.0, 1.0), HEAD: (0.001, 0.01, 0.4)}  # at chance so far; may wake up later
    assert verdict(tmp_path, LORA, {HEAD: (200, 400), LORA: (50, 100)}, curves=late) is None


def test_three_rungs_use_the_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def curve(runs: Sequence[Run], anchor: object, labels: float, rng: np.random.Generator) -> object:
        asked.append(labels)
        better = runs[0].candidate == LORA
        return 0.8 + (0.05 if better else 0.0) + 0.01 * rng.standard_normal(2000)

    monkeypatch.setattr("groundsill.pilot.dropping._forecast", curve)
    rungs = {HEAD: (200, 400, 800), LORA: (50, 100, 200), FULL: (50, 100, 200)}
    assert verdict(tmp_path, LORA, rungs) is None
    found = verdict(tmp_path, FULL, rungs)  # the curve puts it five standard deviations under lora
    assert found is not None and found.values["rival"] == LORA.id
    assert set(asked) == {6400.0}  # 32 times the largest rung, short of the limit of 10,000


def test_a_curve_that_is_refused_leaves_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> object:
        raise Problem("scaling.no_slope")

    monkeypatch.setattr("groundsill.pilot.dropping._forecast", refuse)
    assert verdict(tmp_path, LORA, {HEAD: (200, 400, 800), LORA: (50, 100, 200)}) is None


def test_the_real_fit_drops_the_hopeless_and_keeps_the_better(tmp_path: Path) -> None:
    rungs = {HEAD: (200, 400, 800, 1600), LORA: (50, 100, 200, 400)}
    found = verdict(tmp_path, LORA, rungs, curves=HOPELESS, limit=1600.0)
    assert found is not None and found.code == "pilot.dropped_cannot_win"
    better: Curves = {LORA: (0.05, 3.0, 0.5)}
    assert verdict(tmp_path, LORA, rungs, curves=better) is None


def test_a_cheaper_candidate_is_never_dropped_for_a_dearer_one(tmp_path: Path) -> None:
    better: Curves = {LORA: (0.001, 0.01, 0.45)}
    assert verdict(tmp_path, HEAD, {HEAD: (200, 400), LORA: (200, 400)}, curves=better) is None


def test_full_goes_when_a_cheaper_one_reaches_the_target_with_no_more_labels(tmp_path: Path) -> None:
    # head: .70 at 200, .73 at 400; full: .43 at 100
    found = verdict(tmp_path, FULL, {HEAD: (50,)}, target=0.55, curves={HEAD: (0.16, 1.0, 0.45)})
    assert found is not None and found.code == "pilot.dropped_not_cheapest" and found.values["labels"] == 50
    assert verdict(tmp_path, FULL, {HEAD: (200, 400)}, target=0.65) is None  # it may need fewer than 200
    assert verdict(tmp_path, FULL, {HEAD: (50, 200)}, target=0.90) is None
    assert verdict(tmp_path, LORA, {HEAD: (50,)}, target=0.55, curves={HEAD: (0.16, 1.0, 0.45)}) is None


def test_full_goes_when_a_prompt_reaches_the_target(tmp_path: Path) -> None:
    good: Curves = {ZERO: (0.2, 0.0, 1.0)}
    found = verdict(tmp_path, FULL, {ZERO: (0,)}, target=0.7, curves=good)
    assert found is not None and found.values["rival"] == ZERO.id


# ---- in a pilot


def a_pilot(folder: Path, curves: Curves, **more: object) -> tuple[pilot.PilotReport, FakeBench, list[Event]]:
    clock, events = Clock(), list[Event]()
    bench = FakeBench(sleep=clock.sleep, curves=CURVES | curves)
    report = pilot.run(
        make_inputs(folder, **more), ledger_folder=folder / ".groundsill", budget_seconds=900.0, bench=bench,
        emit=events.append, clock=clock,
    )  # fmt: skip
    return report, bench, events


@pytest.fixture
def true_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundsill.pilot.dropping._forecast", true_curve)


@pytest.mark.usefixtures("true_curves")
def test_a_dropped_candidate_is_said_stored_and_left(tmp_path: Path) -> None:
    report, bench, events = a_pilot(tmp_path, {}, target=0.5)
    kept, _, _ = (
        a_pilot(tmp_path / "kept", {}, target=0.99) if (tmp_path / "kept").mkdir() is None else (None, None, None)
    )
    assert kept is not None and FULL.id not in kept.dropped
    assert report.dropped[FULL.id].code == "pilot.dropped_not_cheapest"
    told = [e for e in events if e.code == "pilot.dropped_not_cheapest"]
    assert [e.values["candidate"] for e in told] == [FULL.id]
    stored = (Ledger(tmp_path / ".groundsill").state("dropped") or {})[FULL.id]
    assert Problem(stored["code"], **stored["values"]).values()["rival"] == told[0].values["rival"]
    assert {s.reason for s in report.skipped if s.cell.candidate == FULL} == {"pilot.skipped_dropped"}
    assert len([c for c, *_ in bench.measured if c == FULL]) < 9


@pytest.mark.usefixtures("true_curves")
def test_what_a_dropped_candidate_leaves_goes_to_the_others(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    _, with_full, _ = a_pilot(tmp_path / "a", {}, target=0.99)
    _, without, _ = a_pilot(tmp_path / "b", {}, target=0.5)

    def cells(bench: FakeBench) -> int:
        return len([c for c, *_ in bench.measured if c == LORA])

    assert cells(without) > cells(with_full)
    assert CLASSICAL in {c for c, *_ in without.measured}
