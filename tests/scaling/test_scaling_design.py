"""Which run next, which routes go on, and what one route is worth in labels of another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scaling.made_up_runs import CLASSICAL, law, runs_of

from groundsill.scaling import design, transfer
from groundsill.scaling.design import Option
from groundsill.scaling.fit import fit_known, fit_labels
from groundsill.scaling.predict import LabelCurve
from groundsill.terms.anchor import Anchor
from groundsill.terms.problem import Problem

pytestmark = pytest.mark.usefixtures("quick")
ACCURACY = Anchor("accuracy")


def curve(labels=(200, 400, 800, 1600), *, error=law, seeds=2, scatter=0.01, seed=0) -> LabelCurve:
    """A fitted curve of the made-up learner."""
    runs = runs_of(labels, seeds=seeds, error=error, scatter=scatter, seed=seed)
    return fit_labels(runs, ACCURACY, n=1500, rng=np.random.default_rng(seed))


def test_gain_is_the_variance_that_a_simulated_run_takes_away() -> None:
    """The formula against draws: regress the aim on what a run shows, noise included (linear Bayes)."""
    here = curve()
    wanted = design.quality_at(6400)(here)
    rng = np.random.default_rng(1)
    ln_error = np.log(1 - here.measured(3200, design.MOST_SEEDS))
    spread = np.hypot((here.scatter or 0) / np.sqrt(2), design.MISFIT)
    told = []
    for _ in range(200):
        shown = ln_error + spread * rng.standard_normal(len(ln_error))
        told.append(np.corrcoef(wanted, shown)[0, 1] ** 2 * wanted.var())
    assert design.gain(here, wanted, 3200, 2) == pytest.approx(np.mean(told), rel=0.03)


@settings(max_examples=15)
@given(st.floats(200, 6400), st.integers(1, 8))
def test_more_seeds_never_teach_less_and_never_all(labels: float, seeds: int) -> None:
    here = _ONE[0] if _ONE else _ONE.append(curve()) or _ONE[0]
    wanted = design.quality_at(12_800)(here)
    few, many = (design.gain(here, wanted, labels, k) for k in (seeds, seeds + 1))
    assert 0 <= few <= many <= wanted.var() * (1 + 1e-9)


_ONE: list[LabelCurve] = []


def test_the_unit_of_cost_is_irrelevant_and_a_dearer_run_is_worth_less() -> None:
    here = {"a": curve()}
    options = [Option("a", x, 1, x) for x in (200.0, 800.0, 1600.0, 3200.0)]
    first = design.next_run(here, options, design.quality_at(12_800))
    again = design.next_run(here, [replace(o, cost=o.cost / 3600) for o in options], design.quality_at(12_800))
    assert first.option is not None and again.option is not None
    assert (first.option.labels, first.purpose) == (again.option.labels, again.purpose)
    dear = [replace(o, cost=o.cost * (1000 if o.labels == first.option.labels else 1)) for o in options]
    other = design.next_run(here, dear, design.quality_at(12_800))
    assert other.option is not None and other.option.labels != first.option.labels


def test_it_stops_when_the_interval_is_narrow_the_price_too_high_or_nothing_is_left() -> None:
    here = {"a": curve()}
    options = [Option("a", 3200, 1, 3200.0)]
    aim = design.quality_at(12_800)
    assert design.next_run(here, options, aim, narrow=1.0).stop == "narrow"
    assert design.next_run(here, options, aim, price=1.0).stop == "price"
    assert design.next_run(here, [], aim).stop == "empty"
    go = design.next_run(here, options, aim)
    assert (go.stop, go.purpose, go.option) == ("", "distance", options[0])
    assert go.gain > 0 and 0 < go.width < 1


def test_among_equals_seeds_come_before_distance_before_rungs(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {"a": curve()}
    monkeypatch.setattr(
        design, "gain", lambda curve, wanted, labels, seeds: {1600: 0.85, 3200: 1.0, 1100: 0.95}[labels]
    )
    options = [Option("a", x, 1, 1.0) for x in (1100, 3200, 1600)]
    aim = design.quality_at(6400)
    assert design.next_run(here, options, aim).purpose == "seeds"
    assert design.next_run(here, options[:2], aim).purpose == "distance"
    assert design.next_run(here, options[:1], aim).purpose == "rung"


def test_a_route_that_cannot_be_the_cheapest_is_measured_no_further() -> None:
    good, poor = curve(), curve(error=lambda n: law(n) + 0.25, seed=3)
    chance = design.chances({"good": good, "poor": poor}, {"good": (0, 1.0), "poor": (0, 1.0)}, 0.83, 20_000)
    assert sum(chance.values()) == pytest.approx(1) and chance["good"] > 0.95
    assert design.kept(chance) == ("good",)
    cheap = design.chances({"good": good, "poor": poor}, {"good": (0, 1.0), "poor": (0, 1e-6)}, 0.5, 20_000)
    assert cheap["poor"] > 0.5  # both get there, and it costs next to nothing
    prompt = fit_known(np.full(1500, 0.9), ACCURACY, candidate=CLASSICAL)
    both = design.chances({"good": good, "prompt": prompt}, {"good": (0, 1.0), "prompt": (10.0, 0.0)}, 0.83, 20_000)
    assert both["prompt"] > 0.95
    assert design.kept({"a": 0.02, "b": 0.04}) == ("b",)  # somebody stays


def test_ln_labels_stands_at_twice_the_limit_where_the_target_is_not_reached() -> None:
    here = curve()
    assert np.all(design.ln_labels(0.999, 5000)(here) == np.log(10_000))
    middle = float(np.exp(np.median(design.ln_labels(1 - law(3200), 50_000)(here))))
    assert 1600 < middle < 6400


def test_a_route_against_itself_is_worth_its_own_labels() -> None:
    here = curve()
    same = transfer.worth(here, here, 1000)
    assert same.equal[1] == pytest.approx(1000, rel=0.02)
    assert same.times is not None and same.times[1] == pytest.approx(1, rel=0.02)


def test_the_horizontal_shift_is_found() -> None:
    """Route A learns from each label what B learns from four."""
    a, b = curve(error=lambda n: law(4 * n)), curve((800, 1600, 3200, 6400), seed=5)
    shift = transfer.worth(a, b, 800)
    assert shift.times is not None
    low, middle, high = shift.times
    assert low is not None and middle is not None and low < 4 < (high or np.inf)
    assert middle == pytest.approx(4, rel=0.5) and shift.p_more > 0.9
    prompt = fit_known(np.full(1500, 1 - law(2000)), ACCURACY, candidate=CLASSICAL)
    worth = transfer.worth(prompt, b, 0)
    assert worth.times is None and worth.equal[1] == pytest.approx(2000, rel=0.5)
    never = transfer.worth(fit_known(np.full(1500, 0.99), ACCURACY, candidate=CLASSICAL), b, 0)
    assert never.equal[1] is None and never.p_within < 0.2


def test_effective_data_is_refused_near_saturation() -> None:
    tuned = curve(error=lambda n: law(4 * n))
    scratch = curve((800, 1600, 3200, 6400), seed=5)
    told = transfer.effective_data(tuned, scratch, 200)
    assert told.more[1] is not None and told.more[1] > 200
    level = curve((800, 1600, 3200, 6400, 12_800), error=lambda n: 0.3 + 40 * n**-1.2, scatter=0.001)
    assert transfer.saturated(level, 1e7).mean() > transfer.saturated(level, 1000).mean()
    with pytest.raises(Problem) as raised:
        transfer.effective_data(tuned, level, 1e8)
    assert raised.value.code == "scaling.past_saturation"


def test_the_cheapest_plan_gets_there_and_nothing_cheaper_does() -> None:
    here = curve()
    wanted = design.quality_at(12_800)(here)
    options = [Option("a", x, k, x * k) for x in (200.0, 1600.0, 3200.0) for k in (1, 2, 4)]
    alone = {o: wanted.var() - design.gain(here, wanted, o.labels, o.seeds) for o in options}
    goal = sorted(alone.values())[3]
    plan = design.cheapest_plan(here, wanted, options, goal)
    cost = sum(o.cost for o in plan)
    assert plan and all(left > goal for o, left in alone.items() if o.cost < cost)
    assert design.cheapest_plan(here, wanted, options, 0.0) == ()
    assert len(design.cheapest_plan(here, wanted, options, float(wanted.var()))) == 1
    assert design.cheapest_plan(here, wanted, [], goal) == ()
