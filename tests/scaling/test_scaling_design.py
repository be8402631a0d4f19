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
    freedom = sum(r.seeds - 1 for r in here.rungs)
    assert here.factor.one_run is not None
    usual = np.exp(here.factor.one_run[0])  # public classical curves, which count for two degrees of freedom
    scatter = np.sqrt((freedom * (here.scatter or 0) ** 2 + 2 * usual**2) / (freedom + 2))
    spread = np.hypot(scatter / np.sqrt(2), design.MISFIT)
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


def variance_left(here: LabelCurve, wanted: np.ndarray, plan: tuple[Option, ...]) -> float:
    """By the normal equations, apart from the engine's updates: the misfit of a place is shared by its seeds."""
    shown = np.array([design._ln_error(here, o.labels) for o in plan]).reshape(-1, len(wanted))
    cross = (shown - shown.mean(axis=1, keepdims=True)) @ (wanted - wanted.mean()) / len(wanted)
    scatter, misfit = design._scatter(here) ** 2, design.MISFIT**2
    noise = np.zeros((len(plan), len(plan)))
    for i, option in enumerate(plan):  # precision of the rung's mean with the new seeds, less that without
        had = sum(r.seeds for r in here.rungs if r.x == option.labels)
        with_them = 1 / (scatter / (had + option.seeds) + misfit)
        noise[i, i] = 1 / (with_them - (1 / (scatter / had + misfit) if had else 0.0))
    return float(wanted.var() - cross @ np.linalg.solve(np.cov(shown, bias=True).reshape(noise.shape) + noise, cross))


def test_the_cheapest_plan_gets_there_and_no_single_run_does_for_less() -> None:
    here = curve()
    wanted = design.quality_at(12_800)(here)
    options = [Option("a", x, 6, 6 * x) for x in (200.0, 400.0, 1600.0, 3200.0)]
    for share in (0.9, 0.7, 0.5):
        goal = share * float(wanted.var())
        plan = design.cheapest_plan({"a": here}, wanted, options, goal)
        assert plan and variance_left(here, wanted, plan) <= goal * (1 + 1e-9)
        cost = sum(o.cost for o in plan)
        for option in options:
            for seeds in range(1, 7):
                alone = replace(option, seeds=seeds, cost=option.labels * seeds)
                assert variance_left(here, wanted, (alone,)) > goal * (1 - 1e-9) or alone.cost >= cost * (1 - 1e-9)
        assert all(o.seeds <= 6 and o.cost == pytest.approx(o.labels * o.seeds) for o in plan)
    assert design.cheapest_plan({"a": here}, wanted, options, float(wanted.var())) == ()
    assert design.cheapest_plan({"a": here}, wanted, [], 0.0) == ()
    little = design.cheapest_plan({"a": here}, wanted, options, 0.0, limit=4000.0)
    assert little and sum(o.cost for o in little) <= 4000.0


def test_runs_of_a_candidate_that_cannot_be_the_best_are_not_planned() -> None:
    here = {"good": curve(), "poor": curve(error=lambda n: law(n) + 0.3, seed=3)}
    wanted = design.best_at(here, 12_800)
    assert np.array_equal(wanted, np.maximum(*(design.quality_at(12_800)(c) for c in here.values())))
    options = [Option(name, x, 4, 4 * x) for name in here for x in (1600.0, 3200.0)]
    plan = design.cheapest_plan(here, wanted, options, 0.8 * float(wanted.var()))
    poor = sum(o.cost for o in plan if o.candidate == "poor")
    assert plan[0].candidate == "good" and poor < 0.2 * sum(o.cost for o in plan), plan


def test_two_seeds_at_one_place_teach_less_than_twice_as_much() -> None:
    here = {"a": curve()}
    wanted = design.best_at(here, 12_800)
    told = design.Prospect(here, wanted, [("a", 3200.0), ("a", 1600.0)], {"b": 400.0})
    first = told.gain("a", 3200.0)
    assert first == pytest.approx(design.gain(here["a"], wanted, 3200.0, 1))
    told.take("a", 3200.0)
    second = told.gain("a", 3200.0)
    assert 0 < second < first
    assert first + second == pytest.approx(design.gain(here["a"], wanted, 3200.0, 2))
    best = max(second, told.gain("a", 1600.0))
    assert told.gain("b", 400.0) == 0.0 and told.gain("b", 800.0) == best and told.gain("c", 800.0) == 0.0
    told.take("b", 800.0)
    assert told.gain("b", 800.0) == 0.0
