"""Label curves: what they recover, what they refuse, and what must not move them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.scaling.made_up_runs import ANCHOR, SOURCE, fact, law, runs_of

from groundsill.scaling.fit import fit_labels, fit_point
from groundsill.scaling.predict import LabelCurve
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.curve import Curve
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array
from groundsill.terms.run import Run
from groundsill.words import LANGUAGES, explain, say

FEW = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def fitted(runs: list[Run], *, n: int = 2000, seed: int = 1, anchor: Anchor = ANCHOR) -> LabelCurve:
    return fit_labels(runs, anchor, n=n, rng=np.random.default_rng(seed))


def width(draws: Array) -> float:
    low, high = np.quantile(draws, (0.05, 0.95))
    return float(high - low)


def code(call: object) -> Problem:
    with pytest.raises(Problem) as caught:
        call()  # type: ignore[operator]
    for language in LANGUAGES:  # every refusal has words, with no place left open
        assert "{" not in explain(caught.value, language)
    return caught.value


def test_known_law_is_recovered_at_eight_times_the_largest_rung() -> None:
    curve = fitted(runs_of(scatter=0.005, test_rows=100_000))
    draws = curve.at({"labels": 25_600})
    low, middle, high = np.quantile(draws, (0.05, 0.5, 0.95))
    truth = 1 - law(25_600)
    assert low < truth < high
    assert abs(middle - truth) < 0.01  # 7 % of the error
    assert high - low < 0.08


def test_interval_holds_the_truth_in_made_up_pilots() -> None:
    """The 90 % interval holds the truth in about 90 % of made-up pilots (12 pilots: at least 9)."""
    held = 0
    for seed in range(12):
        runs = runs_of(scatter=0.02, test_rows=2000, seed=seed)
        low, high = np.quantile(fitted(runs, n=1000).at({"labels": 12_800}), (0.05, 0.95))
        held += bool(low <= 1 - law(12_800) <= high)
    assert held >= 9


def test_curve_has_the_shape_that_was_asked_for() -> None:
    curve = fitted(runs_of(), n=777)
    assert isinstance(curve, Curve)
    assert curve.axis == "labels"
    assert [r.x for r in curve.rungs] == [200, 400, 800, 1600, 3200]
    assert [r.seeds for r in curve.rungs] == [3] * 5
    assert len(curve.trail) == 15
    assert abs(sum(curve.weights.values()) - 1) < 1e-9 and min(curve.weights.values()) >= 0.04
    for labels in (0.0, 10.0, 200.0, 3200.0, 102_400.0):
        draws = curve.at({"labels": labels})
        assert draws.shape == (777,)
        assert np.isfinite(draws).all() and draws.min() >= 0 and draws.max() <= 1


def test_draw_i_is_one_world_at_every_point() -> None:
    curve = fitted(runs_of())
    near, far = curve.at({"labels": 10_000}), curve.at({"labels": 11_000})
    assert np.corrcoef(near, far)[0, 1] > 0.99
    assert width(far - near) < 0.2 * width(near)
    assert (curve.at({"labels": 10_000}) == near).all()


def test_interval_grows_with_distance_and_test_set_error_is_in_it() -> None:
    curve = fitted(runs_of())
    widths = [width(curve.at({"labels": x})) for x in (3200, 12_800, 51_200)]
    assert widths == sorted(widths)
    small = fitted(runs_of(test_rows=100))
    assert width(small.at({"labels": 3200})) > 1.5 * width(fitted(runs_of(test_rows=10_000)).at({"labels": 3200}))
    assert width(small.measured(3200, 3)) < width(small.at({"labels": 3200}))


def test_rungs_join_seed_noise_and_test_set_error() -> None:
    runs = runs_of(seeds=2, scatter=0.05)
    rung = fitted(runs, n=200).rungs[0]
    values = [r.value for r in runs if r.at["labels"] == 200]
    assert rung.value == pytest.approx(np.mean(values))
    assert rung.stderr is not None and runs[0].stderr is not None
    assert rung.stderr > runs[0].stderr > 0  # seeds add to the test set's error, which more seeds do not shrink
    assert rung.origin == "fresh" and set(rung.runs) == {r.id for r in runs if r.at["labels"] == 200}


def test_one_seed_says_so_and_is_wider() -> None:
    one, three = fitted(runs_of(seeds=1, scatter=0.0)), fitted(runs_of(seeds=3, scatter=0.002))
    assert "scaling.one_seed" in one.notes and "scaling.one_seed" not in three.notes
    assert one.scatter is None and three.scatter is not None
    assert width(one.at({"labels": 25_600})) > width(three.at({"labels": 25_600}))


@pytest.mark.usefixtures("quick")
@FEW
@given(st.randoms(use_true_random=False))
def test_order_of_runs_is_irrelevant(random: object) -> None:
    runs = runs_of()
    mixed = list(runs)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    one, other = fitted(runs, n=300).at({"labels": 20_000}), fitted(mixed, n=300).at({"labels": 20_000})
    assert (one == other).all()


@pytest.mark.usefixtures("quick")
@FEW
@given(st.sampled_from([0.001, 0.1, 10.0, 1000.0]))
def test_units_of_labels_are_irrelevant(times: float) -> None:
    plain = fitted(runs_of(), n=2000)
    scaled = fitted([replace(r, at={"labels": r.at["labels"] * times}) for r in runs_of()], n=2000)
    one, other = plain.at({"labels": 20_000}), scaled.at({"labels": 20_000 * times})
    assert np.quantile(one, (0.05, 0.5, 0.95)) == pytest.approx(np.quantile(other, (0.05, 0.5, 0.95)), abs=0.012)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_more_noise_never_narrows(seed: int) -> None:
    """Same means, seeds farther apart: the 90 % interval is as wide or wider (5 % for the draws' own noise)."""

    def spread(scatter: float) -> list[Run]:
        runs = runs_of(scatter=0.0, seeds=3, seed=seed)
        steps = [-scatter, 0.0, scatter]
        return [replace(r, value=1 - (1 - (r.value or 0)) * (1 + steps[r.seed or 0])) for r in runs]

    widths = [width(fitted(spread(s), n=4000).at({"labels": 25_600})) for s in (0.005, 0.03, 0.12)]
    assert widths[1] > 0.95 * widths[0] and widths[2] > 0.95 * widths[1] and widths[2] > 1.3 * widths[0]


def test_same_seed_same_bytes() -> None:
    one, other, third = (fitted(runs_of(), n=500, seed=s).at({"labels": 9000}) for s in (4, 4, 5))
    assert one.tobytes() == other.tobytes() != third.tobytes()


def test_reach_solves_each_draw() -> None:
    curve = fitted(runs_of(scatter=0.003, test_rows=100_000))
    target = 1 - law(12_800)
    found = curve.reach(target, 1e9)
    assert found.limit == 32 * 3200
    assert found.low is not None and found.median is not None
    assert found.low < 12_800 < (found.high or np.inf)
    assert 6_400 < found.median < 25_600
    share = float((curve.at({"labels": found.median}) >= target).mean())
    assert share == pytest.approx(0.5, abs=0.03)  # at the median half of the draws have arrived
    within = float((curve.at({"labels": found.limit}) >= target).mean())
    assert found.p_within == pytest.approx(within, abs=0.03)


def test_reach_of_what_cannot_be_reached_or_is_there_already() -> None:
    curve = fitted(runs_of())
    never = curve.reach(0.999, 100_000)
    assert (never.low, never.median, never.high, never.p_within) == (None, None, None, 0.0)
    there = curve.reach(0.3, 100_000)
    assert there.p_within == 1.0 and there.high is not None and there.high <= 200


def test_held_out_forecasts_the_last_rung() -> None:
    back = fitted(runs_of()).held_out()
    assert back is not None
    x, forecast, measured = back
    assert x == 3200 and forecast.low < measured < forecast.high
    assert measured == pytest.approx(np.mean([r.value for r in runs_of() if r.at["labels"] == 3200]))
    assert fitted(runs_of((400, 800, 1600))).held_out() is None


def test_refusals_carry_what_was_seen() -> None:
    flat = runs_of(error=lambda n: 0.555)
    problem = code(lambda: fitted(flat))
    assert problem.code == "scaling.at_chance" and problem.limit == 0.44
    assert problem.values()["rows"] == 1000
    problem = code(lambda: fitted(runs_of((100, 200))))
    assert (problem.code, problem.got, problem.limit) == ("scaling.too_few_rungs", 2, 3)
    assert code(lambda: fitted([])).code == "scaling.no_runs"
    assert code(lambda: fitted([replace(r, value=None) for r in runs_of()])).code == "scaling.no_runs"
    for bad in (float("nan"), float("inf"), 87.0, -0.1):
        assert code(lambda bad=bad: fitted([replace(runs_of()[0], value=bad), *runs_of()])).code == "scaling.bad_value"
    assert code(lambda: fitted([replace(runs_of()[0], stderr=-1.0), *runs_of()])).code == "scaling.bad_value"
    curve = fitted(runs_of(), n=200)
    problem = code(lambda: curve.at({"labels": 3200 * 33}))
    assert (problem.code, problem.got, problem.limit) == ("scaling.too_far", pytest.approx(33), 32)
    assert code(lambda: curve.at({"labels": -1})).code == "scaling.bad_value"


def test_what_is_not_refused() -> None:
    """The other side of each limit."""
    assert fitted(runs_of((100, 200, 400)), n=200).rungs[-1].x == 400
    assert fitted(runs_of(), n=200).at({"labels": 3200 * 32}).shape == (200,)
    barely = runs_of(error=lambda n: 0.56 - 0.07 * (n >= 1600) - 0.02 * (n >= 800))  # 0.53 against 0.44: significant
    assert "scaling.slow" in fitted(barely, n=200).notes or "scaling.flat" in fitted(barely, n=200).notes


def test_zero_shot_level_everywhere_is_refused_but_a_rising_curve_is_not() -> None:
    level = Anchor("accuracy", chance=fact("chance", 0.2), zero_shot=fact("zero", 0.6))
    assert code(lambda: fitted(runs_of(error=lambda n: 0.4), anchor=level)).code == "scaling.at_zero_shot"
    assert fitted(runs_of(error=lambda n: 3 * n**-0.35), anchor=level, n=200).notes == ()


def test_flat_and_falling_curves_are_noted_and_wide() -> None:
    flat = fitted(runs_of(error=lambda n: 0.25, scatter=0.02, seed=3))
    assert "scaling.flat" in flat.notes
    falling = fitted(runs_of(error=lambda n: 0.1 * n**0.1, scatter=0.005))
    assert "scaling.falling" in falling.notes
    steady = fitted(runs_of(scatter=0.02))
    assert steady.notes == ()
    assert flat.factor.below_outer > steady.factor.below_outer


def test_calibration_is_named_and_unknown_kinds_take_the_widest() -> None:
    assert fitted(runs_of(), n=200).calibration == "classical"
    assert fitted(runs_of(candidate=Candidate("tune", "head", "mini")), n=200).calibration == "classical"
    assert fitted(runs_of(candidate=Candidate("tune", "full", "mini")), n=200).calibration == "tuned"
    lora = fitted(runs_of(candidate=Candidate("tune", "lora", "mini")), n=2000)
    assert lora.calibration == "widest" and lora.notes == ("scaling.widest",)
    assert width(lora.at({"labels": 20_000})) > width(fitted(runs_of(), n=2000).at({"labels": 20_000}))
    for language in LANGUAGES:
        assert all("{" not in say(note, language) for note in ("scaling.widest", "scaling.flat", "scaling.slow"))
        assert "140" in say("scaling.calibrated", language, curves=140, kind="classical")


def test_ceiling_is_respected() -> None:
    high = Anchor("accuracy", chance=fact("chance", 0.44), ceiling=fact("ceiling", 0.85))
    free, bound = fitted(runs_of(), n=4000), fitted(runs_of(), n=4000, anchor=high)
    far = {"labels": 100_000}
    assert np.quantile(bound.at(far), 0.5) < np.quantile(free.at(far), 0.5)
    assert np.quantile(bound.at(far), 0.95) < 0.87  # 0.85 and the error of the test set


def test_loss_is_a_curve_too() -> None:
    runs = [replace(r, metric="loss", value=2.0 * (1 - (r.value or 0)), stderr=0.002, chance=None) for r in runs_of()]
    curve = fitted(runs, anchor=Anchor("loss", higher_is_better=False))
    low, middle, high = np.quantile(curve.at({"labels": 25_600}), (0.05, 0.5, 0.95))
    assert low < 2 * law(25_600) < high and middle < 2 * law(3200)
    found = curve.reach(2 * law(6400), 100_000)
    assert found.median is not None and 3200 < found.median < 20_000


def test_a_curve_takes_at_most_half_a_second() -> None:
    runs = runs_of()
    took = []
    for _ in range(3):
        start = time.process_time()  # the machine may be shared; processor time is what counts
        fitted(runs, n=10_000).at({"labels": 20_000})
        took.append(time.process_time() - start)
    assert min(took) < 5  # a fault of complexity, not a benchmark


def points(values: list[float], **change: object) -> list[Run]:
    base = Run(
        Candidate("prompt", "few-shot", "m"), "text-classification", "accuracy", {"labels": 0.0}, SOURCE, value=0.5,
        stderr=0.016, chance=0.44, test_id="t", test_rows=1000,
    )  # fmt: skip
    return [replace(base, value=v, seed=i, **change) for i, v in enumerate(values)]  # type: ignore[arg-type]


def point(runs: list[Run], n: int = 20_000) -> Array:
    return fit_point(runs, ANCHOR, n=n, rng=np.random.default_rng(3)).at({})


def test_one_score_has_the_error_of_its_test_set() -> None:
    draws = point(points([0.6]))
    assert draws.shape == (20_000,)
    assert np.mean(draws) == pytest.approx(0.6, abs=0.001)
    assert np.std(draws) == pytest.approx(0.016, rel=0.03)
    binomial = point(points([0.6], stderr=None))
    assert np.std(binomial) == pytest.approx((0.24 / 1000) ** 0.5, rel=0.03)


def test_several_runs_are_predictive_for_the_next() -> None:
    """Student's t with k - 1 = 4 degrees: 5 % quantile at 2.132 (tables) times s sqrt(1 + 1/5)."""
    values = [0.60, 0.64, 0.68, 0.72, 0.76]
    draws = point(points(values, stderr=0.0), n=200_000)
    spread = np.std(values, ddof=1) * (1 + 1 / 5) ** 0.5
    low, high = np.quantile(draws, (0.05, 0.95))
    assert (low, high) == pytest.approx((0.68 - 2.132 * spread, 0.68 + 2.132 * spread), abs=0.003)


def test_point_refusals() -> None:
    for values in ([0.23], [0.42, 0.46, 0.50], [0.45]):
        problem = code(lambda v=values: point(points(v)))
        assert (problem.code, problem.limit) == ("scaling.at_chance", 0.44)
        assert problem.values()["rows"] == 1000
    assert point(points([0.52])).mean() > 0.5  # five standard errors above chance
    assert code(lambda: point(points([0.6], stderr=None, test_rows=None))).code == "scaling.no_error_known"
    assert point(points([0.6, 0.7], stderr=None, test_rows=None)).std() > 0
    assert code(lambda: point([])).code == "scaling.no_runs"
