"""Efficiency and times learnt from runs."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.resources import make_priors

from groundsill.resources import priors
from groundsill.resources.efficiency import implied_mfu, mfu_posterior, tells_efficiency
from groundsill.resources.timing import score_seconds_per_row, seconds_per_row_from_runs, training_seconds
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import HOUR
from groundsill.terms.run import Run
from groundsill.terms.source import Source

PAPER = Source("paper", "publication")
OWN = Source("own", "measured")


def published(parameters: float, tokens: float, hours: float, hardware: str = "a100") -> Run:
    return Run(
        Candidate("pretrain"), "pretraining", "", {"parameters": parameters, "tokens": tokens}, PAPER,
        measures={"accelerator_seconds": hours * HOUR}, hardware=hardware,
    )  # fmt: skip


def timed(labels: float, seconds: float, seed: int = 0, **measures: float) -> Run:
    return Run(
        Candidate("tune", "head", "m"), "t", "accuracy", {"labels": labels}, OWN, seed=seed,
        measures={"train_seconds": seconds, **measures},
    )  # fmt: skip


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def mfu(runs: Sequence[Run], n: int = 4000) -> np.ndarray:
    return mfu_posterior(runs, peak_of=lambda hardware: 312e12, n=n, rng=rng())[0]


LLAMA = published(6.74e9, 2e12, 184_320)


def test_llama_2_7b_reached_two_fifths_of_the_peak() -> None:
    """Touvron et al. 2023 (arXiv 2307.09288), table 2: 184,320 A100 hours for 2e12 tokens; A100 peak 312 TFLOP/s."""
    assert implied_mfu(LLAMA, 312e12) == pytest.approx(0.40, abs=0.015)


def test_the_next_run_is_foretold_around_the_known_ones() -> None:
    runs = [LLAMA, published(13e9, 2e12, 368_640), published(70e9, 2e12, 1_720_320), published(1e9, 3e11, 4830)]
    draws = mfu(runs)
    implied = [implied_mfu(run, 312e12) for run in runs]
    assert draws.shape == (4000,) and draws.min() > 0 and draws.max() <= 1
    assert np.median(draws) == pytest.approx(np.exp(np.mean(np.log(implied))), rel=0.1)
    assert np.quantile(draws, 0.1) < min(implied) * 1.1


def test_one_run_gives_a_wide_answer() -> None:
    """Chips of one kind differ by exp(0.307) between trainings: 80 % of a normal spans at least 2 x 1.28 of that."""
    low, high = np.quantile(mfu([LLAMA]), (0.1, 0.9))
    assert np.log(high / low) > 2 * 1.28 * priors.MFU_LOG_SD


def test_time_that_was_lost_is_not_counted_twice() -> None:
    kept, _ = mfu_posterior([LLAMA], peak_of=lambda h: 312e12, n=10, rng=rng(), goodput_of=lambda run: 0.8)
    assert np.median(kept) > np.median(mfu([LLAMA], 10))
    assert implied_mfu(LLAMA, 312e12, 0.8) == pytest.approx(implied_mfu(LLAMA, 312e12) / 0.8)


def test_a_run_without_time_tells_nothing() -> None:
    silent = Run(Candidate("pretrain"), "score", "average", {"parameters": 1e9, "tokens": 1e11}, PAPER, value=0.5)
    assert not tells_efficiency(silent)
    with pytest.raises(Problem) as caught:
        mfu([silent])
    assert caught.value.code == "resources.no_efficiency"
    _, trail = mfu_posterior([silent, LLAMA], peak_of=lambda h: 312e12, n=10, rng=rng())
    assert trail == (LLAMA.id,)


def test_first_draws_do_not_depend_on_how_many() -> None:
    runs = [timed(n, 2 + 0.01 * n) for n in (100.0, 200.0, 400.0)]
    scored = [timed(100, 1, score_seconds_per_row=0.01), timed(100, 1, seed=1, score_seconds_per_row=0.012)]
    assert np.array_equal(mfu([LLAMA], 500), mfu([LLAMA], 5000)[:500])
    few, many = (seconds_per_row_from_runs(runs, n=n, rng=rng()).seconds(1000.0) for n in (500, 5000))
    assert np.array_equal(few, many[:500])
    few, many = (score_seconds_per_row(scored, n=n, rng=rng())[0] for n in (500, 5000))
    assert np.array_equal(few, many[:500])


def test_a_line_is_recovered() -> None:
    runs = [timed(n, 5 + 0.02 * n, seed) for n in (200.0, 400.0, 800.0, 1600.0, 3200.0) for seed in range(3)]
    timing = seconds_per_row_from_runs(runs, n=4000, rng=rng())
    assert np.median(timing.fixed) == pytest.approx(5, rel=0.05)
    assert np.median(timing.slope) == pytest.approx(0.02, rel=0.05)
    assert np.median(timing.seconds(20_000.0)) == pytest.approx(405, rel=0.05)
    assert len(timing.trail) == 15


@settings(max_examples=30, deadline=None)
@given(labels=st.floats(10, 1e5), seconds=st.floats(0.01, 1e5), times=st.floats(2, 32))
def test_one_run_is_taken_in_proportion(labels: float, seconds: float, times: float) -> None:
    timing = seconds_per_row_from_runs([timed(labels, seconds)], n=200, rng=rng())
    assert timing.seconds(times * labels) == pytest.approx(times * timing.seconds(labels), rel=1e-9)
    assert np.median(timing.seconds(labels)) == pytest.approx(seconds, rel=0.1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([100.0, 200.0, 400.0, 800.0]), st.floats(0.05, 50)), min_size=1, max_size=12))
def test_any_times_give_finite_seconds_that_grow(cells: list[tuple[float, float]]) -> None:
    """Even times that fall with the rows: what is foretold is never negative and never falls."""
    runs = [timed(n, s, seed) for seed, (n, s) in enumerate(cells)]
    timing = seconds_per_row_from_runs(runs, n=200, rng=rng())
    low, high = timing.seconds(1000.0), timing.seconds(8000.0)
    assert np.isfinite(high).all() and (low >= 0).all() and (high >= low).all() and high.max() > 0


def test_intervals_hold_what_comes_next() -> None:
    """Simulated pilots with 10 % scatter: the 80 % interval for a run of 8 times the rows holds it in 70 to 90 % of 200."""
    world, held = np.random.default_rng(3), 0
    for _ in range(200):
        fixed, slope = world.uniform(0, 5), world.uniform(0.005, 0.05)
        noise = np.exp(0.1 * world.standard_normal(16))
        cells = [(n, seed) for n in (200.0, 400.0, 800.0, 1600.0, 3200.0) for seed in range(3)]
        runs = [timed(n, (fixed + slope * n) * e, s) for (n, s), e in zip(cells, noise[:15], strict=True)]
        low, high = np.quantile(seconds_per_row_from_runs(runs, n=1000, rng=world).seconds(25_600.0), (0.1, 0.9))
        held += low <= (fixed + slope * 25_600) * noise[15] <= high
    assert 140 <= held <= 180


def test_encoding_counts_and_rows_stand_in_for_labels() -> None:
    runs = [timed(100, 1.0, encode_seconds=3.0)]
    assert np.median(seconds_per_row_from_runs(runs, n=500, rng=rng()).seconds(100.0)) == pytest.approx(4, rel=0.05)
    by_rows = Run(
        Candidate("tune"), "t", "", {"tokens": 5e5}, OWN, measures={"train_seconds": 8.0, "train_rows_seen": 400}
    )
    timing = seconds_per_row_from_runs([by_rows], n=500, rng=rng())
    assert np.median(timing.seconds(800.0)) == pytest.approx(16, rel=0.05)


def test_no_time_is_a_problem() -> None:
    untimed = Run(Candidate("tune"), "t", "accuracy", {"labels": 100}, OWN, value=0.5)
    for ask in (seconds_per_row_from_runs, score_seconds_per_row):
        with pytest.raises(Problem) as caught:
            ask([untimed], n=10, rng=rng())
        assert caught.value.code == "resources.no_timing"


@settings(deadline=None)
@given(flops=st.floats(1e15, 1e26), count=st.integers(1, 10_000))
def test_double_work_double_time_and_company_shares_it(flops: float, count: int) -> None:
    one = training_seconds(flops, 312e12, 0.4, count)
    assert training_seconds(2 * flops, 312e12, 0.4, count) == pytest.approx(2 * one)
    assert training_seconds(flops, 312e12, 0.4, 2 * count) == pytest.approx(one / 2)


def test_priors_are_what_the_script_makes(request: pytest.FixtureRequest) -> None:
    folder = request.config.getoption("--truth", default=None)
    if not folder:
        pytest.skip("needs --truth DIR, the folder of published runs")
    from pathlib import Path

    assert make_priors.HOME.read_bytes() == make_priors.text(Path(folder)).encode()
