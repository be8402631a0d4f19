"""When the engine says that its forecast should not be believed, and what it says of bad input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scaling.made_up_runs import ANCHOR, fact, law, runs_of

from groundsill.scaling.abstain import of_ladder, unreachable
from groundsill.scaling.factors import PLAIN, one_run, table
from groundsill.scaling.fit import curve_of, fit_labels
from groundsill.scaling.mixture import MISFIT
from groundsill.scaling.predict import LabelCurve
from groundsill.scaling.rungs import Ladder, gather, reject_chance
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run
from groundsill.words import LANGUAGES, explain, say


def fitted(runs: list[Run], anchor: Anchor = ANCHOR, n: int = 500) -> LabelCurve:
    return fit_labels(runs, anchor, n=n, rng=np.random.default_rng(1))


def codes(problems: tuple[Problem, ...]) -> set[str]:
    for problem in problems:  # every doubt says what to measure instead, with no place left open
        for language in LANGUAGES:
            told = explain(problem, language)
            assert "{" not in told and len(told) > 20
    return {p.code.removeprefix("scaling.") for p in problems}


def test_a_steady_pilot_raises_no_doubt() -> None:
    curve = fitted(runs_of(scatter=0.005, test_rows=100_000))
    assert curve.doubts(labels=25_600) == () and curve.notes == ()


def test_beyond_the_tested_distance_is_a_doubt() -> None:
    assert codes(fitted(runs_of()).doubts(labels=32.5 * 3200)) == {"too_far"}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (lambda n: 0.25, "flat"),
        (lambda n: 0.1 * n**0.1, "falling"),
        (lambda n: 0.56 * (n / 100) ** -0.03, "slow"),
    ],
)
def test_curves_that_do_not_move(error: Callable[[float], float], expected: str) -> None:
    curve = fitted(runs_of(error=error, scatter=0.004, test_rows=20_000, seed=3))
    assert expected in codes(curve.doubts()) and f"scaling.{expected}" in curve.notes


@pytest.mark.parametrize("level", [0.05, 0.2, 0.5])
def test_a_constant_curve_is_called_flat(level: float) -> None:
    """Without noise always; with it but for the few that chance makes look as if they moved (two standard errors)."""
    still = gather(runs_of(error=lambda n: level, scatter=0.0), ANCHOR)
    assert of_ladder(still, None)[:1] == ("scaling.flat",)
    called = 0
    for seed in range(40):
        ladder = gather(runs_of(error=lambda n: level, scatter=0.02, seed=seed), ANCHOR)
        called += "scaling.flat" in of_ladder(ladder, None)
    assert called >= 30


def test_noise_that_hides_what_more_labels_gain() -> None:
    """Nine rungs show a slope of 0.02, but one rung is unsure by more than what four times the labels gain."""
    labels = tuple(100 * 2**k for k in range(9))
    curve = fitted(runs_of(labels, error=lambda n: 0.3 * n**-0.02, scatter=0.0, test_rows=100_000))
    assert "noisy" not in codes(curve.doubts())
    loud = replace(curve, ladder=replace(curve.ladder, seed_noise=np.full(9, 0.035)))
    (found,) = [p for p in loud.doubts() if p.code == "scaling.noisy"]
    assert codes((found,)) == {"noisy"}
    assert found.got == pytest.approx(0.035) and found.limit == pytest.approx(0.04 * np.log(2), rel=0.01)


def test_a_curve_that_turns_up_at_its_end() -> None:
    def error(n: float) -> float:
        return 0.4 * n**-0.2 * (1 + 0.3 * max(0.0, np.log2(n / 400)))

    labels = (50, 100, 200, 400, 800, 1600, 3200)
    runs = runs_of(labels, error=error, scatter=0.003)
    assert "scaling.turning" in of_ladder(gather(runs, ANCHOR), None)
    assert "scaling.turning" not in of_ladder(gather(runs_of(labels, scatter=0.003), ANCHOR), None)


def test_few_rungs_and_one_seed() -> None:
    assert "few_rungs" in codes(fitted(runs_of((100, 400, 1600))).doubts())
    assert "few_rungs" not in codes(fitted(runs_of((100, 200, 400, 1600))).doubts())
    four, five = (100, 200, 400, 800), (100, 200, 400, 800, 1600)
    assert "one_seed" in codes(fitted(runs_of(four, seeds=1)).doubts())
    assert "one_seed" not in codes(fitted(runs_of(five, seeds=1)).doubts())  # five show their own scatter
    assert "one_seed" not in codes(fitted(runs_of(four, seeds=2)).doubts())


def test_a_forecast_that_may_be_ten_points_off() -> None:
    wild = fitted(runs_of((100, 200, 400, 800), scatter=0.15, seed=5))
    assert "too_wide" in codes(wild.doubts(labels=20_000))
    loss = Anchor("loss", higher_is_better=False)
    runs = [replace(r, metric="loss", value=20 * (1 - (r.value or 0)), stderr=0.02, chance=None) for r in runs_of()]
    assert "too_wide" not in codes(fitted(runs, loss).doubts(labels=20_000))  # points are a matter of fractions


def test_target_between_ceilings() -> None:
    curve = fitted(runs_of(scatter=0.005, test_rows=100_000), n=4000)
    grid = np.linspace(0.7, 0.99, 30)
    never = [unreachable(curve, float(t)) for t in grid]
    assert never == sorted(never)  # a higher target is never easier
    between = [t for t, p in zip(grid, never, strict=True) if 0.2 <= p <= 0.8]
    assert between and "between_ceilings" in codes(curve.doubts(target=float(between[0])))
    assert curve.doubts(target=0.6) == ()


def refusal(call: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as caught:
        call()
    codes((caught.value,))
    return caught.value


def test_bad_values_are_named() -> None:
    loss = Anchor("loss", higher_is_better=False)
    low = [replace(r, metric="loss", chance=None, stderr=None) for r in runs_of()]
    for bad in (float("nan"), -0.1, float("-inf")):
        assert refusal(lambda bad=bad: fitted([replace(low[0], value=bad), *low[1:]], loss)).code == "scaling.bad_value"
    assert refusal(lambda: fitted([replace(runs_of()[0], value=1.2), *runs_of()])).code == "scaling.bad_value"
    curve = fitted(runs_of())
    assert refusal(lambda: curve.at({"labels": float("nan")})).code == "scaling.bad_value"


@pytest.mark.parametrize(("metric", "higher"), [("error_rate", True), ("test loss", True), ("accuracy", False)])
def test_a_metric_given_the_wrong_way_round(metric: str, higher: bool) -> None:
    anchor = Anchor(metric, higher_is_better=higher)
    problem = refusal(lambda: fitted([replace(r, chance=None) for r in runs_of()], anchor))
    assert problem.code == "scaling.wrong_direction" and problem.got == metric


def test_an_unnamed_metric_the_wrong_way_round_is_seen_to_fall() -> None:
    """An error given as if higher were better: it falls with labels, and that is said."""
    anchor = Anchor("score", chance=None)
    runs = [replace(r, metric="score", value=1 - (r.value or 0), chance=None) for r in runs_of(scatter=0.005)]
    assert "falling" in codes(fitted(runs, anchor).doubts())


def test_duplicates_count_once_and_are_told() -> None:
    runs = runs_of()
    twice = fitted([*runs, *runs[:6]])
    assert twice.notes == ("scaling.duplicates",)
    assert (twice.at({"labels": 9000.0}) == fitted(runs).at({"labels": 9000.0})).all()
    assert all("{" not in say("scaling.duplicates", language) for language in LANGUAGES)


def test_repeated_and_unsorted_labels_are_seeds_of_one_rung() -> None:
    runs = list(reversed(runs_of()))
    assert [r.seeds for r in fitted(runs).rungs] == [3] * 5


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("times", [1e-3, 7.0, 1e6])
def test_units_of_x_are_irrelevant_to_doubts_and_to_the_curve(times: float) -> None:
    x = np.array([10.0, 20, 40, 80, 160])
    error = np.array([law(v) for v in x])
    quiet = np.full(5, 0.01)

    def at(unit: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        ladder = Ladder((), x * unit, error, quiet, None, 0.0, "", False)
        curve = curve_of(ladder, PLAIN, (), (None, None), 400, np.random.default_rng(1))
        assert curve.doubts() == ()
        return curve.at({"labels": 1280 * unit})

    assert at(times) == pytest.approx(at(1.0), rel=1e-6)


def test_zero_shot_is_a_start_too() -> None:
    anchor = Anchor("accuracy", chance=fact("chance", 0.2), zero_shot=fact("zero", 0.45))
    runs = runs_of(error=lambda n: 0.53 * (n / 200) ** -0.05, scatter=0.002, test_rows=50_000, chance=None)
    assert "slow" in codes(fitted(runs, anchor).doubts())


def single(values: list[float], *, rows: int | None = None, first: float = 100.0) -> list[Run]:
    """One run at each doubling amount, with or without its test rows."""
    labels = tuple(first * 2**k for k in range(len(values)))
    runs = runs_of(labels, seeds=1, scatter=0.0)
    return [replace(r, value=v, stderr=None, test_rows=rows) for r, v in zip(runs, values, strict=True)]


def test_an_unknown_error_near_chance_is_refused_and_a_known_small_one_is_not() -> None:
    near = [0.47, 0.50, 0.53]
    problem = refusal(lambda: fitted(single(near)))
    assert (problem.code, problem.got, problem.limit) == ("scaling.chance_untold", 0.53, 0.44)
    assert fitted(single(near, rows=5000)).rungs[-1].stderr is not None
    assert fitted(single([0.62, 0.74, 0.82])).notes  # far enough from a guess for any single run
    zero = Anchor("accuracy", zero_shot=fact("zero", 0.5))
    bare = [replace(r, chance=None) for r in single(near)]
    assert refusal(lambda: fitted(bare, zero)).code == "scaling.zero_shot_untold"


def test_five_single_runs_that_climb_show_their_own_error() -> None:
    climbing = [0.46, 0.48, 0.499, 0.519, 0.538]
    assert "scaling.one_seed" in fitted(single(climbing)).notes
    assert refusal(lambda: fitted(single(climbing[:4]))).code == "scaling.chance_untold"
    assert refusal(lambda: fitted(single([0.50, 0.46, 0.53, 0.47, 0.52]))).code == "scaling.chance_untold"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0.4, 0.9), min_size=3, max_size=5), st.floats(0.002, 0.2), st.floats(1.0, 5.0))
def test_more_noise_never_lifts_a_refusal_and_unknown_is_not_zero(
    values: list[float], error: float, times: float
) -> None:
    """What a pilot with an error is refused for it is refused for with a larger one; without any known it is refused
    wherever a test set without error would be."""

    def refused(runs: list[Run]) -> bool:
        try:
            reject_chance(gather(runs, ANCHOR), ANCHOR, runs)
        except Problem:
            return True
        return False

    runs = single(values)
    known, larger, none = (refused([replace(r, stderr=e) for r in runs]) for e in (error, error * times, 0.0))
    assert larger or not known
    assert refused(runs) or not none


@pytest.mark.parametrize("count", [3, 5])
def test_an_unknown_error_is_never_narrower_than_none_nor_a_smaller_test_set_than_a_larger(count: int) -> None:
    values = [1 - law(400.0 * 2**k) for k in range(count)]

    def width(runs: list[Run], seeds: int = 1) -> float:
        again = [replace(r, seed=s) for r in runs for s in range(seeds)]
        draws = fitted(again, n=2000).at({"labels": 25_600})
        return float(np.subtract(*np.quantile(draws, (0.95, 0.05))))

    unknown, repeated = (width(single(values, first=400.0), seeds) for seeds in (1, 3))
    large, small = (width(single(values, rows=rows, first=400.0)) for rows in (10**8, 500))
    assert unknown > 1.1 * repeated  # three runs that are alike: the noise is known, and it is small
    assert 0.93 * large <= unknown and unknown <= small * 1.07  # 7 %: the draws' own noise


def test_a_back_test_of_single_runs_has_the_scatter_of_a_run_in_it() -> None:
    curve = fitted(single([0.60, 0.72, 0.76, 0.84, 0.86]), n=2000)
    assert curve.scatter is None
    widths = [float(np.subtract(*np.quantile(curve.measured(1600, k), (0.95, 0.05)))) for k in (1, 10**9)]
    assert widths[0] > 1.1 * widths[1]


def test_the_scatter_of_one_run_is_that_of_public_curves_of_the_kind() -> None:
    classical, tuned = (table()[kind].one_run for kind in ("classical", "tuned"))
    assert classical is not None and tuned is not None
    assert one_run(Candidate("tune", "full"), True, fraction=True) == tuned
    unknown = one_run(Candidate("", "", "mine"), True, fraction=True)
    assert unknown == (max(classical[0], tuned[0]), max(classical[1], tuned[1]))
    assert one_run(Candidate("tune", "full"), False, fraction=False) is None  # losses: public ones are single runs
    assert gather(runs_of(seeds=1), ANCHOR).misfit == classical and gather(runs_of(), ANCHOR).misfit == MISFIT
