"""What stands around the answer: boxes, register, stages, slices, studies, waiting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.assess import fakes

from groundsill.assess import information, register, stages, study
from groundsill.assess.assessment import Assessment
from groundsill.assess.boxes import Axis, loss_box
from groundsill.assess.parts import Study
from groundsill.assess.run import run
from groundsill.assess.slices import Slices, gaps_of
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem

N = 2_000
SOME = Candidate("tune", "head", "some")


@pytest.fixture(scope="module")
def whole() -> Assessment:
    with pytest.MonkeyPatch.context() as patch:
        made = fakes.case(
            [fakes.entrant(n) for n in ("small", "large")],
            target=0.93,
            risk__claim=({"chance": 0.1, "size": 3e3}, "USD"),
        )
        made = replace(made, names={"risk_kind.claim": "legal", "risk_owner.claim": "counsel"})
        fakes.install(patch, fakes.FakeRoute(fakes.curves({"small": 0.30, "large": 0.24}, N)))
        return run(made, fakes.drawn(made, N), version="0", made="")


def test_a_box_finds_where_it_loses() -> None:
    """A loss where demand < 40 and the price of labels > 3, and there alone."""
    rng = np.random.default_rng(1)
    demand, labels, other = rng.uniform(0, 100, 10_000), rng.uniform(0, 5, 10_000), rng.normal(size=10_000)
    npv = np.where((demand < 40) & (labels > 3), -1.0, 1.0) + 0.01 * other
    axes = {"other": Axis(other, 1.0, ""), "demand": Axis(demand, 1.0, ""), "labels": Axis(labels, 2.0, "USD")}
    box = loss_box(SOME, npv, axes, ())
    assert box is not None and {s.input for s in box.sides} == {"demand", "labels"}
    sides = {s.input: s for s in box.sides}
    assert sides["demand"].low is None and sides["demand"].high == pytest.approx(40, rel=0.06)
    assert sides["labels"].high is None and sides["labels"].low == pytest.approx(1.5, rel=0.06)  # in the user's unit
    assert box.p_loss > 0.95 and box.share > 0.9 and box.p_all == pytest.approx(0.16, abs=0.02)
    assert loss_box(SOME, np.abs(npv), axes, ()) is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999))
def test_shares_of_the_tail_add_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.lognormal(0, 1, (3, 500)) * np.array([[1.0], [-2.0], [-0.5]])
    npv = parts.sum(axis=0)
    assert sum(register.share_of_tail(part, npv) for part in parts) == pytest.approx(1.0)
    assert register.share_of_tail(np.full(500, 7.0), npv) == pytest.approx(0.0, abs=1e-9)


def test_register(whole: Assessment) -> None:
    claim = next(h for h in whole.hazards if h.name == "risk.claim" and h.candidate.model == "large")
    assert (claim.kind, claim.owner) == ("legal", "counsel")
    assert claim.chance == pytest.approx(0.1, abs=0.03) and 0 < claim.severity.high <= 3e3
    assert claim.expected == pytest.approx(claim.chance * claim.severity.mean)
    missed = next(h for h in whole.hazards if h.name == "quality" and h.candidate.model == "small")
    row = whole.result("tune/head/small")
    assert missed.chance == pytest.approx(1 - row.p_target, abs=1e-9)  # type: ignore[operator]
    assert missed.expected > 0 and missed.kind == "technical"


def test_slices_share_of_a_sum() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(0, 1, 40_000), rng.normal(0, 2, 40_000)
    assert Slices(x).first_share(x + y) == pytest.approx(0.2, abs=0.01)
    assert Slices(rng.normal(size=40_000)).first_share(x + y) < 0.002
    assert Slices(np.where(x > 1, 1.0, 0.0)).first_share(np.where(x > 1, 5.0, 0.0)) == pytest.approx(1.0)


def test_an_input_that_cannot_change_the_choice_is_passed_over() -> None:
    rng = np.random.default_rng(4)
    x, noise = rng.normal(1, 1, 10_000), rng.normal(size=10_000)
    gaps = gaps_of(np.column_stack((np.zeros(10_000), x)))
    assert Slices(x).may_matter(gaps) and not Slices(noise).may_matter(gaps)


def test_stages_of_a_project_that_may_stop() -> None:
    """Build 3, then half the worlds earn 10 and half lose 10 by going on; it is known after the build. With the right to
    stop: -3 + 5; without: -3. With a gate that shows nothing: not begun."""
    good = np.tile([10.0, 10.0, -10.0, -10.0], 1_000)
    build, launch = np.full(4_000, -3.0), np.zeros(4_000)
    told = [("build", build, None), ("launch", launch, good[:, None]), ("scale", good, good[:, None])]
    value, gates = stages._walked(told, 0.0)
    assert value.mean() == pytest.approx(2.0)
    assert [g.gate for g in gates] == ["build", "launch", "scale"]
    assert gates[0].value == pytest.approx(2.0) and gates[1].stop + gates[2].stop == pytest.approx(0.5)
    blind = [("build", build, None), ("launch", launch, None), ("scale", good, None)]
    value, gates = stages._walked(blind, 0.0)
    assert value.mean() == 0 and gates[0].stop == 1.0
    piloted = [("build", build, good[:, None]), *told[1:]]
    value, gates = stages._walked(piloted, 1.0)  # 0.5 x (10 - 3) - 1
    assert value.mean() == pytest.approx(2.5) and gates[0].gate == "pilot"
    assert stages._walked(piloted, 5.0)[0].mean() == 0


def test_staging_is_worth_at_least_what_is_committed(whole: Assessment) -> None:
    for s in whole.staging:
        assert s.low <= s.value <= s.high
        assert s.value >= s.committed - 2 * (s.high - s.low)
        assert sum(g.stop for g in s.stages) <= 1 + 1e-9
        assert s.stages[0].reached == 1.0


def test_waiting(whole: Assessment) -> None:
    """A higher spread asks for more, a higher cost of waiting for less; at delta 30 %, r 10 %: 1.35, 1.74, 2.25."""
    assert {w.candidate.model for w in whole.waiting} == {"small", "large"}
    for w in whole.waiting:
        table = {(d, s): h for d, s, h in w.table}
        assert w.hurdle >= 1 and w.cost_of_waiting > 0
        assert table[0.3, 0.8] > table[0.3, 0.4] > 1 and table[0.1, 0.4] > table[0.5, 0.4]


def test_grid(whole: Assessment) -> None:
    (grid,) = whole.grids
    assert len(grid.npv) == len(grid.ys) and all(len(row) == len(grid.xs) for row in grid.npv)
    assert set().union(*grid.winners) <= {"none", "tune/head/small", "tune/head/large"}
    assert all(npv >= 0 for row in grid.npv for npv in row)


def test_a_plane_of_unknown_inputs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = fakes.case([fakes.entrant("large")])
    fakes.install(monkeypatch, fakes.FakeRoute(fakes.curves({"large": 0.24}, 500)))
    with pytest.raises(Problem) as caught:
        run(made, fakes.drawn(made, 500), version="0", made="", plane=("price.labels", "no.such"))
    assert caught.value.code == "assess.no_input"


def test_winners_rise_along_the_lever(whole: Assessment) -> None:
    for w in whole.winners:
        assert len(w.winners) == len(w.edges) + 1
        assert list(w.edges) == sorted(w.edges)
        assert all(a != b for a, b in zip(w.winners[:-1], w.winners[1:], strict=True))
    value = next(w for w in whole.winners if w.lever == "use.value_per_right")
    assert value.winners[0] == "none"


def test_total_index_is_not_below_the_first(whole: Assessment) -> None:
    for s in whole.swings:
        assert s.total_share is not None and s.total_share >= s.variance_share - 0.08
        assert s.worth_low is not None and s.worth_high is not None
        assert 0 <= s.worth_low <= s.worth <= s.worth_high <= whole.verdict.perfect_information + 1e-9


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(0.01, 3.0))
def test_a_study_is_worth_no_more_than_what_it_looks_at(seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(0.2, 1, 4_000)
    benefit = np.column_stack((np.zeros(4_000), x + rng.normal(0, 0.5, 4_000)))
    known = information.evppi(benefit, x)
    seen = information.evsi(benefit, x + noise * rng.normal(size=4_000), limit=known.value)
    assert 0 <= seen.value <= known.value <= information.evpi(benefit)


def test_the_best_study_is_the_one_with_most_left() -> None:
    def made(size: float, worth: float, cost: float | None) -> study.Played:
        net = None if cost is None else (worth - cost, worth - cost, worth - cost)
        return study.Played(
            Study("labels", None, size, (worth, worth, worth), cost, 0.0, net, 0.0, ()), np.zeros((1, 1))
        )

    some = [made(500, 10, 5), made(1000, 20, 8), made(2000, 22, 16)]
    best = study.best_study(some, ("labels",))
    assert best is not None and best.size == 1000
    assert study.best_study([made(500, 1, 5)], ("labels",)) is None
    assert study.best_study(some, ("rows",)) is None
