"""Loss surfaces: the law, its forecasts, the searches on it; the published replication and the shipped factors."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.scaling import loss_fit
from groundsill.scaling.loss import FLOPS, LossSurface, fit_loss, plain_law
from groundsill.scaling.loss_factors import Table, table
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

ROOT = Path(__file__).parents[2]
TRUE = (1.8, 400.0, 1500.0, 0.34, 0.36)


def loss_at(n: Array, d: Array) -> Array:
    e, a, b, alpha, beta = TRUE
    return np.asarray(e + a * n**-alpha + b * d**-beta)


def suite(noise: float = 0.002, seed: int = 0) -> tuple[Array, Array, Array]:
    """36 runs: 6 sizes of 30M to 1B, 5 to 160 tokens a parameter."""
    n = np.repeat(np.geomspace(3e7, 1e9, 6), 6)
    d = n * np.tile(np.geomspace(5, 160, 6), 6)
    return n, d, loss_at(n, d) * np.exp(noise * np.random.default_rng(seed).standard_normal(36))


@pytest.fixture(scope="module")
def surface() -> LossSurface:
    return fit_loss(*suite(), n=400, rng=np.random.default_rng(1))


def test_finds_the_law_that_made_the_runs() -> None:
    found = plain_law(*suite(noise=0.0))
    assert (found.floor, found.a, found.b) == pytest.approx(TRUE[:3], rel=0.02)
    assert (found.alpha, found.beta) == pytest.approx(TRUE[3:], rel=0.01)


def test_forecast_holds_the_truth_and_grows_unsure(surface: LossSurface) -> None:
    widths = []
    for ratio in (1.0, 4.0, 15.0):
        n = d = np.array([np.sqrt(surface.most * ratio)])
        low, high = np.quantile(surface.at({"parameters": n[0], "tokens": d[0]}), (0.05, 0.95))
        assert low < loss_at(n, d)[0] < high
        widths.append(high - low)
    assert widths == sorted(widths)


def test_order_of_runs_is_irrelevant() -> None:
    n, d, y = suite()
    turned = np.random.default_rng(3).permutation(len(n))
    point = {"parameters": 2e9, "tokens": 4e10}
    one = fit_loss(n, d, y, n=50, rng=np.random.default_rng(1)).at(point)
    other = fit_loss(n[turned], d[turned], y[turned], n=50, rng=np.random.default_rng(1)).at(point)
    assert np.array_equal(one, other)


def test_units_of_the_loss_are_irrelevant() -> None:
    """Nats or bits: the whole forecast is multiplied."""
    n, d, y = suite()
    point = {"parameters": 2e9, "tokens": 4e10}
    nats = fit_loss(n, d, y, n=200, rng=np.random.default_rng(1)).at(point)
    bits = fit_loss(n, d, y / np.log(2), n=200, rng=np.random.default_rng(1)).at(point)
    assert np.quantile(bits * np.log(2), (0.05, 0.5, 0.95)) == pytest.approx(
        np.quantile(nats, (0.05, 0.5, 0.95)), rel=2e-3
    )


def test_more_noise_is_a_wider_interval() -> None:
    point = {"parameters": 2e9, "tokens": 4e10}
    widths = [
        np.subtract(*np.quantile(fit_loss(*suite(noise), n=400, rng=np.random.default_rng(1)).at(point), (0.95, 0.05)))
        for noise in (0.001, 0.01, 0.03)
    ]
    assert widths == sorted(widths)


@settings(max_examples=25)
@given(
    theta=st.tuples(*[st.floats(-1, 1)] * 3, *[st.floats(-2, 0)] * 2),
    prior=st.sampled_from([None, loss_fit.Prior((-1.0, 0.3), (-0.3, 0.1))]),
)
def test_gradient_is_that_of_the_objective(theta: tuple[float, ...], prior: loss_fit.Prior | None) -> None:
    runs = loss_fit.points(*suite())
    weight, at = np.linspace(0.5, 1.5, 36), np.array(theta)
    _, gradient = loss_fit.objective(at, runs, weight, prior)
    for k in range(5):
        step = 1e-6 * np.eye(5)[k]
        change = (
            loss_fit.objective(at + step, runs, weight, prior)[0]
            - loss_fit.objective(at - step, runs, weight, prior)[0]
        )
        assert gradient[k] == pytest.approx(change / 2e-6, rel=1e-3, abs=1e-6)


def test_refits_on_drawn_runs_are_as_good_as_a_search_from_scratch() -> None:
    runs, prior = loss_fit.points(*suite()), table().prior
    even = np.ones(36)
    centre = loss_fit.best(runs, even, prior)
    thetas = loss_fit.resampled(runs, even, prior, centre, np.random.default_rng(5), count=5)
    times = np.random.default_rng(5).multinomial(36, np.full(36, 1 / 36), size=5).astype(float)
    for theta, weight in zip(thetas, times, strict=True):
        least = loss_fit.objective(loss_fit.best(runs, weight, prior), runs, weight, prior)[0]
        assert loss_fit.objective(theta, runs, weight, prior)[0] <= least * 1.001 + 1e-9


def test_optimum_cannot_be_bettered(surface: LossSurface) -> None:
    best = surface.optimum(1e21)
    assert FLOPS * best.parameters * best.tokens == pytest.approx(1e21)
    terms = surface._terms()
    for other in (0.9, 1.1):
        assert (terms.loss(best.parameters * other, best.tokens / other) > best.loss).all()
    low, high = surface.exponent().low, surface.exponent().high
    assert low < TRUE[4] / (TRUE[3] + TRUE[4]) < high


def test_serving_makes_the_best_model_smaller(surface: LossSurface) -> None:
    """Sardana et al. 2024: the more tokens are served, the smaller the model and the longer its training."""
    alone, served = surface.cheapest(2.6), surface.cheapest(2.6, served=1e12)
    assert (served.parameters < alone.parameters).all() and (served.tokens > alone.tokens).all()
    assert alone.loss == pytest.approx(2.6) and served.loss == pytest.approx(2.6)
    terms = surface._terms()
    for other in (0.9, 1.1):  # the same loss with another size costs more
        n = served.parameters * other
        d = (terms.b / (2.6 - terms.floor - terms.a * n**-terms.alpha)) ** (1 / terms.beta)
        assert (6 * n * d + 2 * n * 1e12 > served.compute).all()
    budget = surface.optimum(1e21, served=1e11)
    assert 6 * budget.parameters * budget.tokens + 2e11 * budget.parameters == pytest.approx(1e21)
    assert (budget.parameters < surface.optimum(1e21).parameters).all()


def test_a_loss_below_the_floor_is_not_reached(surface: LossSurface) -> None:
    assert surface.cheapest(0.5).reached == 0.0
    assert np.isnan(surface.cheapest(0.5).compute).all()


def test_over_training_costs_and_the_optimum_does_not(surface: LossSurface) -> None:
    best = surface.optimum(1e21)
    n, d = float(np.median(best.parameters)), float(np.median(best.tokens))
    assert np.median(surface.over_training(n, d)) == pytest.approx(1.0, abs=0.02)
    assert np.median(surface.over_training(n / 8, d * 8)) > 1.3


def test_runs_in_warm_up_are_dropped() -> None:
    n, d, y = suite()
    n, d, y = np.append(n, 1e9), np.append(d, 5e8), np.append(y, 9.0)
    found = fit_loss(n, d, y, n=20, rng=np.random.default_rng(1), warm_up=np.full(37, 5e7))
    assert found.dropped == 0
    assert fit_loss(n, d, y, n=20, rng=np.random.default_rng(1), warm_up=np.append(np.zeros(36), 1e9)).dropped == 1


@pytest.mark.parametrize("wrong", [float("nan"), -2.0, 0.0, float("inf")])
def test_wrong_losses_are_named(wrong: float) -> None:
    n, d, y = suite()
    y[4] = wrong
    with pytest.raises(Problem) as problem:
        fit_loss(n, d, y, n=10, rng=np.random.default_rng(1))
    assert problem.value.code == "scaling.bad_value" and problem.value.more["metric"] == "loss"


def test_refusals(surface: LossSurface) -> None:
    n, d, y = suite()
    for few in (slice(0, 5), slice(0, 1), slice(0, 6)):  # too few, or all of one size
        with pytest.raises(Problem) as problem:
            fit_loss(n[few], d[few], y[few], n=10, rng=np.random.default_rng(1))
        assert problem.value.code == "scaling.few_losses"
    with pytest.raises(Problem) as problem:
        surface.at({"parameters": 1e11, "tokens": 1e13})
    assert problem.value.code == "scaling.outside_surface"
    with pytest.raises(Problem) as problem:
        surface.optimum(1e27)
    assert problem.value.code == "scaling.far_compute"
    with pytest.raises(Problem) as problem:
        surface.cheapest(float("nan"))
    assert problem.value.code == "scaling.bad_value"


def test_factors_keep_the_median_and_the_order() -> None:
    draws = np.random.default_rng(0).standard_normal(101)
    wider = Table(table().prior, below=2.0, above=3.0).widen(draws)
    assert np.median(wider) == pytest.approx(np.median(draws))
    assert (np.argsort(wider) == np.argsort(draws)).all()
    assert wider.max() - np.median(wider) == pytest.approx(3 * (draws.max() - np.median(draws)))


def test_farther_out_the_factor_grows_and_never_narrows() -> None:
    draws = np.random.default_rng(0).standard_normal(101)
    known = Table(table().prior, below=1.5, above=1.0, far_below=2.0, far_above=0.5)
    widths = [float(np.ptp(known.widen(draws, ratio))) for ratio in (0.1, 8.0, 11.0, 16.0, 32.0)]
    assert widths[0] == widths[1] and widths == sorted(widths) and widths[1] < widths[2]
    low = np.median(draws) - known.widen(draws, 16.0).min()
    assert low == pytest.approx(2.0 * (np.median(draws) - draws.min()))


def test_refused_beyond_sixteen_times_the_largest_compute(surface: LossSurface) -> None:
    assert table().farthest == 16.0
    n = 1e9
    surface.at({"parameters": n, "tokens": 16 * surface.most / n})
    with pytest.raises(Problem) as problem:
        surface.at({"parameters": n, "tokens": 17 * surface.most / n})
    assert (problem.value.code, problem.value.limit) == ("scaling.outside_surface", 16.0)


def curves_folder(config: pytest.Config) -> Path:
    """The folder of public curves, itself or in `--truth DIR`."""
    given = config.getoption("--truth")
    if given is None:
        pytest.skip("needs --truth DIR")
    return Path(given) / "curves" if (Path(given) / "curves").is_dir() else Path(given)


def test_replicates_chinchilla(pytestconfig: pytest.Config) -> None:
    """Besiroglu et al. 2024 (arXiv:2404.10102): A 482.01, B 2085.43, E 1.8172, alpha .3478, beta .3658 with standard
    errors 124.52, 1293.28, .0257, .0154, .0206; objective 0.00101827."""
    path = curves_folder(pytestconfig) / "chinchilla_points.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda r: float(r["loss"]))[:-5]
    columns = [np.array([float(r[k]) for r in rows]) for k in ("N", "D", "loss")]
    found = plain_law(*columns)
    assert found.objective <= 0.0010184
    for value, paper, error in (
        (found.a, 482.01, 124.52), (found.b, 2085.43, 1293.28), (found.floor, 1.8172, 0.0257),
        (found.alpha, 0.3478, 0.0154), (found.beta, 0.3658, 0.0206),
    ):  # fmt: skip
        assert abs(value - paper) <= 0.2 * error
    runs, even = loss_fit.points(*columns), np.ones(len(rows))
    thetas = loss_fit.resampled(runs, even, None, loss_fit.best(runs, even), np.random.default_rng(0))
    assert np.exp(thetas[:, 3:]).std(axis=0) == pytest.approx([0.0154, 0.0206], rel=0.15)
    assert np.exp(thetas[:, 0]).std() == pytest.approx(0.0257, rel=0.15)


def test_shipped_factors_are_what_their_script_makes(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    folder = curves_folder(pytestconfig)
    shipped = ROOT / "src/groundsill/scaling/loss_factors.toml"
    date = shipped.read_text(encoding="utf-8").split('date = "')[1][:10]
    made = tmp_path / "loss_factors.toml"
    script = ROOT / "benchmarks/make_loss_factors.py"
    subprocess.run([sys.executable, script, "--truth", folder, "--out", made, "--date", date], check=True)
    assert made.read_bytes() == shipped.read_bytes()
