"""Plans of how many labels to buy, and the user's own pilots as calibration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scaling.made_up_runs import ANCHOR, law, runs_of

from groundsill.scaling.factors import PLAIN, WIDEST, Factor, table
from groundsill.scaling.fit import fit_labels
from groundsill.scaling.needed import ROUNDS, best_amount, if_reached, labels_plan, rounds
from groundsill.scaling.own import OwnMiss, own_miss, own_misses, with_own
from groundsill.scaling.predict import LabelCurve
from groundsill.terms.problem import Problem
from groundsill.words import LANGUAGES, say


@pytest.fixture(scope="module")
def curve() -> LabelCurve:
    return fit_labels(runs_of(scatter=0.004, test_rows=50_000), ANCHOR, n=4000, rng=np.random.default_rng(1))


def test_plan_for_a_target(curve: LabelCurve) -> None:
    plan = labels_plan(curve, 1 - law(12_800), asked=0.8)
    assert plan.enough is not None and plan.needed.median is not None
    assert plan.needed.median < plan.enough < plan.needed.limit  # surer than even needs more
    assert (np.diff(plan.p_reach) >= 0).all() and plan.p_reach[0] < 0.05
    assert np.interp(math.log(12_800), np.log(plan.labels), plan.p_reach) == pytest.approx(0.5, abs=0.35)
    assert plan.rounds[-1] == pytest.approx(plan.enough, abs=1) and list(plan.rounds) == sorted(plan.rounds)
    assert plan.best is None and plan.best_value is None
    surer = labels_plan(curve, 1 - law(12_800), asked=0.9)
    assert surer.enough is None or surer.enough >= plan.enough


def test_plan_for_what_is_there_and_for_what_never_comes(curve: LabelCurve) -> None:
    there = labels_plan(curve, 0.5)
    assert there.enough == pytest.approx(3200) and there.rounds == () and there.p_unreachable < 0.01
    never = labels_plan(curve, 0.9999)
    assert never.enough is None and never.rounds == (6400.0,) and never.p_unreachable > 0.8


def test_cost_optimal_amount_by_hand(curve: LabelCurve) -> None:
    """The best amount has the largest mean gain x value less cost on the plan's own grid; dear labels: buy none."""
    plan = labels_plan(curve, 0.85, 0.002, 10.0)
    quality = curve.unguarded(plan.labels, curve.shift).mean(axis=0)
    net = 10.0 * (quality - quality[0]) / 0.01 - 0.002 * (plan.labels - 3200)
    assert plan.best == plan.labels[net.argmax()] and plan.best_value == pytest.approx(net.max())
    dear = labels_plan(curve, 0.85, 1e6, 10.0)
    assert dear.best == pytest.approx(3200) and dear.best_value == 0.0
    free = labels_plan(curve, 0.85, 0.0, 10.0)
    assert plan.best is not None and free.best is not None and dear.best is not None
    assert dear.best < plan.best < free.best
    assert best_amount(curve, 0.002, 10.0) == pytest.approx((plan.best, plan.best_value))
    drawn = labels_plan(curve, 0.85, np.full(4000, 0.002), 10.0)
    assert drawn.best == plan.best
    only_target = labels_plan(curve, 1 - law(12_800), 0.001, value_of_target=1e6)
    assert only_target.best is not None and only_target.best > 12_800


@pytest.mark.parametrize(
    ("asked", "cost", "value"), [(0.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.8, -1.0, 1.0), (0.8, 1.0, math.nan)]
)
def test_bad_wishes_are_named(curve: LabelCurve, asked: float, cost: float, value: float) -> None:
    with pytest.raises(Problem) as caught:
        labels_plan(curve, 0.8, cost, value, asked=asked)
    assert caught.value.code == "scaling.bad_value"


@given(st.floats(10, 1e5), st.floats(1.0, 32))
def test_rounds_at_least_double_and_end_at_enough(last: float, times: float) -> None:
    found = rounds(last, last * times, 32 * last)
    assert len(found) <= ROUNDS and (times == 1) == (found == ())
    if found:
        assert found[-1] == math.ceil(last * times)
        steps = np.diff([last, *found]) / np.array([last, *found[:-1]])
        assert len(found) == 1 or (steps > 0.9).all()


def test_own_misses_join_the_shipped_ones() -> None:
    shipped = table()["classical"]
    far = [OwnMiss(shipped.below_outer * 3, "below", f"c{i}") for i in range(20)]
    near = [OwnMiss(0.01, "below", f"c{i}") for i in range(200)]
    wider, narrower = with_own(shipped, far), with_own(shipped, near)
    assert wider.own == 20 and wider.below_outer > shipped.below_outer > narrower.below_outer
    assert (
        wider.above_outer <= shipped.above_outer
    )  # those pilots had nothing to say above but that they were not there
    assert with_own(shipped, ()) is shipped
    widest = with_own(table()[WIDEST], far)
    assert widest.below_outer >= far[0].score * 0.99 and widest.above_outer == table()[WIDEST].above_outer


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from(["below", "above"])), min_size=1, max_size=30))
def test_a_larger_own_miss_never_narrows(given_misses: list[tuple[float, str]]) -> None:
    shipped = table()["tuned"]
    misses = [OwnMiss(score, side, "c") for score, side in given_misses]  # type: ignore[arg-type]
    larger = [OwnMiss(2 * m.score, m.side, "c") for m in misses]
    one, other = with_own(shipped, misses), with_own(shipped, larger)
    assert other.below_outer >= one.below_outer - 1e-9 and other.above_outer >= one.above_outer - 1e-9


def test_own_pilot_is_scored_by_its_last_rung_and_said(curve: LabelCurve) -> None:
    miss = own_miss(curve)
    assert miss is not None and miss.candidate == "classical/logistic" and 0 <= miss.score < 3
    short = fit_labels(runs_of((100, 200, 400)), ANCHOR, n=200, rng=np.random.default_rng(1))
    assert own_misses([short, curve]) == (miss,)
    joined = fit_labels(runs_of(), ANCHOR, n=200, rng=np.random.default_rng(1), own=(miss,))
    assert "scaling.own" in joined.notes and joined.factor.own == 1
    assert all("{" not in say("scaling.own", language) for language in LANGUAGES)


def test_bias_moves_the_median_with_distance_only_beyond_the_largest_rung() -> None:
    draws = np.random.default_rng(0).standard_normal((401, 2))
    moved = Factor("x", bias=-0.1).widen(draws, np.array([0.0, math.log(8)]))
    assert np.median(moved, axis=0) - np.median(draws, axis=0) == pytest.approx([0.0, -0.1 * math.log(8)])
    assert PLAIN.widen(draws) == pytest.approx(draws)


def test_middle_knot_holds_at_the_80_percent_interval() -> None:
    draws = np.sort(np.random.default_rng(1).standard_normal((2001, 1)), axis=0)
    wide = Factor("x", 1.0, 3.0, 1.0, 3.0, below_middle=1.5, above_middle=2.0).widen(draws)
    q, w = np.quantile(draws, (0.05, 0.1, 0.5, 0.9, 0.95)), np.quantile(wide, (0.05, 0.1, 0.5, 0.9, 0.95))
    assert (w - w[2]) / np.where(q == q[2], 1, q - q[2]) == pytest.approx([3.0, 1.5, 0.0, 2.0, 3.0], rel=1e-6)
    assert (np.diff(wide[:, 0]) >= 0).all()


def test_where_a_target_is_reached_if_it_is(curve: LabelCurve) -> None:
    """The known law is found again, flat draws do not pull it away; what is there already and what no draw reaches."""
    for labels in (6400.0, 12_800.0, 25_600.0):
        found = if_reached(curve, 1 - law(labels))
        assert found is not None and abs(math.log2(found / labels)) < 0.5
    assert if_reached(curve, 0.9999) is None
    there = if_reached(curve, 1 - law(800))
    assert there == pytest.approx(800, rel=0.25)
    near, far = (if_reached(curve, 1 - law(12_800), limit) for limit in (15_000.0, math.inf))
    assert near is not None and far is not None and 3200 < near < 15_000 and near <= far
