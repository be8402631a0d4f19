"""EVPPI, EVSI and net benefit with intervals, Sobol indices, and exact values, against each other and closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.assess import acceptability, gaussian, information, lines, sobol
from groundsill.finance.chance import Beta, LogNormal, Normal, Uniform
from groundsill.terms.problem import Problem

N = 100_000
FOUR = gaussian.Linear(
    np.array([0.0, -0.3, -1.2, -6.0]),
    np.array([[0.0, 0.0], [0.5, 0.0], [1.1, 0.4], [2.6, 1.8]]),
    np.array([1.0, 0.5]),
    np.eye(2),
)


def draws(line: gaussian.Linear, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(seed).multivariate_normal(line.mean, line.covariance, n)
    return x, line.start + x @ line.slope.T


def test_exact_values_of_four_routes() -> None:
    # derived by exact piecewise-linear integration
    assert FOUR.evpi() == pytest.approx(0.45402160788744356, rel=1e-7)
    assert FOUR.evppi([0]) == pytest.approx(0.333181951841043, rel=1e-12)
    assert FOUR.evppi([1]) == pytest.approx(0.13182365132681412, rel=1e-12)
    assert FOUR.evsi(np.eye(2), np.eye(2) * 4 / 16) == pytest.approx(0.36996962168882147, rel=1e-7)
    assert FOUR.evsi(np.eye(2)[[0]], np.array([[4 / 64]])) == pytest.approx(0.3168528699985888, rel=1e-12)


def test_regressions_agree_with_the_exact_values() -> None:
    x, nb = draws(FOUR, N)
    for part, exact in (([0], 0.333181952), ([1], 0.131823651), ([0, 1], 0.454021608)):
        found = information.evppi(nb, x[:, part])
        assert found.low <= found.value <= found.high <= information.evpi(nb)
        assert found.value == pytest.approx(exact, rel=0.03)
        assert found.low - 0.004 < exact < found.high + 0.004
    noise = np.random.default_rng(1).normal(0, 2, N)
    found = information.evsi(nb, x[:, 0] + noise / 4)
    assert found.value == pytest.approx(0.277194850554455, rel=0.03)
    net = information.enbs(found, 0.028)
    assert net.value == pytest.approx(found.value - 0.028)


@pytest.mark.parametrize(("k", "first", "second"), [(1, 0.0833154706, 0.3955931148), (3, 0.2499464118, 0.0586135875)])
def test_model_of_the_voi_vignette(k: float, first: float, second: float) -> None:
    line = gaussian.Linear(np.zeros(2), np.array([[0.0, 0.0], [k, -1.0]]), np.array([1.0, 0.0]), np.diag([1.0, 4.0]))
    assert line.evppi([0]) == pytest.approx(first, abs=1e-9)
    assert line.evppi([1]) == pytest.approx(second, abs=1e-9)
    for n, worth in ((1, 0.025127270830006144), (10, 0.07232512026086226), (1000, 0.08319460609998655)):
        if k == 1:
            assert line.evsi(np.eye(2)[[0]], np.array([[1 / n]])) == pytest.approx(worth, abs=1e-12)


def test_coverage_of_the_interval() -> None:
    """The 90 % interval holds the exact value about nine times in ten."""
    held = 0
    for seed in range(40):
        x, nb = draws(FOUR, 4000, seed)
        found = information.evppi(nb, x[:, 0])
        held += found.low <= 0.333181951841043 <= found.high
    assert 29 <= held <= 40


def test_thirty_inputs_at_once_are_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(5000, 4))
    nb = np.column_stack((np.zeros(5000), x @ np.array([1.0, 0.5, 0.0, -0.2])))
    together = information.evppi_all(nb, {str(i): x[:, i] for i in range(4)})
    assert list(together) == ["0", "1", "2", "3"]
    for i in range(4):
        assert together[str(i)] == information.evppi(nb, x[:, i])
    assert together["2"].value < 0.01
    assert together["2"].low == 0.0


def test_lumps_groups_and_constants() -> None:
    rng = np.random.default_rng(4)
    struck = rng.random(20_000) < 0.2
    size = np.where(struck, rng.lognormal(1, 0.5, 20_000), 0.0)
    nb = np.column_stack((np.zeros(20_000), 0.5 - size))
    perfect = information.evpi(nb)
    assert information.evppi(nb, struck.astype(float)).value == pytest.approx(perfect, rel=0.03)
    assert information.evppi(nb, size).value == pytest.approx(perfect, rel=0.02)
    assert information.evppi(nb, np.full(20_000, 2.0)) == information.Worth(0.0, 0.0, 0.0)
    assert information.evppi(nb[:50], size[:50]).value == 0.0  # too few draws to say
    for bad, code in ((nb[:-1], "information.rows"), (np.where(nb > 0, np.nan, nb), "information.not_finite")):
        with pytest.raises(Problem) as caught:
            information.evppi(bad, size)
        assert caught.value.code == code


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.floats(-50, 50), st.floats(0.01, 100))
def test_properties(seed: int, options: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1500, 3))
    nb = x @ rng.normal(size=(3, options)) + rng.normal(size=options)
    whole, both = information.evpi(nb), information.evppi(nb, x[:, :2])
    one = information.evppi(nb, x[:, 0])
    study = information.evsi(nb, x[:, 0] + rng.normal(size=1500), limit=one.value)
    assert 0 <= study.value <= one.value <= both.value <= whole
    order = rng.permutation(1500)
    again = information.evppi(nb[order], x[order, 0])
    assert (again.value, again.low, again.high) == pytest.approx((one.value, one.low, one.high), rel=1e-9, abs=1e-12)
    assert information.evppi(nb + shift, x[:, 0]).value == pytest.approx(one.value, rel=1e-7, abs=1e-9)
    assert information.evppi(nb * scale, x[:, 0]).value == pytest.approx(one.value * scale, rel=1e-7, abs=1e-9)
    worse = np.column_stack((nb, nb.min(axis=1) - 1.0))
    assert information.evppi(worse, x[:, 0]) == one
    best = np.column_stack((nb, nb.max(axis=1) + 0.1))
    assert information.evpi(best) == information.evppi(best, x[:, :2]).value == 0.0
    assert information.evppi(nb, x).value == pytest.approx(whole, rel=0.05, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 3))
def test_exact_values_are_ordered(seed: int, options: int, inputs: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(inputs, inputs))
    line = gaussian.Linear(
        rng.normal(size=options), rng.normal(size=(options, inputs)), rng.normal(size=inputs), root @ root.T
    )
    worth = [line.evsi(np.eye(inputs)[[0]], np.array([[1 / n]])) for n in (1, 10, 100)]
    some, everything = line.evppi([0]), line.evpi()
    assert 0 <= worth[0] <= worth[1] <= worth[2] <= some + 1e-12
    assert some <= everything * (1 + 1e-4) + 1e-9
    if inputs == 1:
        spread = Normal(float(line.mean[0]), float(np.sqrt(line.covariance[0, 0])))
        assert lines.worth(line.start, line.slope[:, 0], spread) == pytest.approx(everything, abs=1e-9)


def test_lines_in_numbers_of_any_kind() -> None:
    # invest I for a log-normal return or not: Black-Scholes form, derived
    for mu, sigma, spend, worth in ((0.0, 1.0, 1.0, 0.2384217081348765), (2.0, 0.8, 5.0, 0.5577753734146267)):
        found = lines.worth(np.array([0.0, -spend]), np.array([0.0, 1.0]), LogNormal(mu, sigma))
        assert found == pytest.approx(worth, rel=1e-9)
    start, slopes = np.array([0.0, -1.0, -3.0]), np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.5]])
    first, second = LogNormal(0.0, 0.6), Uniform(0.0, 2.0)
    rng = np.random.default_rng(6)
    x = np.column_stack((first.quantile(rng.random(400_000)), second.quantile(rng.random(400_000))))
    exact = lines.worth_of_two(start, slopes, first, second)
    assert exact == pytest.approx(information.evpi(start + x @ slopes.T), rel=0.02)
    turned = lines.worth_of_two(start, slopes[:, ::-1], second, first)
    assert turned == pytest.approx(exact, rel=1e-5)


def test_trials() -> None:
    """Before Beta(3, 4): many trials tell all, one trial by hand."""
    start, slope, before = np.array([0.0, -45.0]), np.array([0.0, 100.0]), Beta(3.0, 4.0)
    all_known = lines.worth(start, slope, before)
    assert lines.worth_of_trials(start, slope, before, 20_000) == pytest.approx(all_known, rel=1e-3)
    by_hand = 3 / 7 * max(0.0, 100 * 4 / 8 - 45) + 4 / 7 * max(0.0, 100 * 3 / 8 - 45)
    assert lines.worth_of_trials(start, slope, before, 1) == pytest.approx(by_hand - max(0.0, 300 / 7 - 45), abs=1e-12)


def ishigami(x: np.ndarray) -> np.ndarray:
    return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


@pytest.mark.parametrize("seed", range(5))
def test_sobol_indices(seed: int) -> None:
    # Ishigami and Homma 1990; Sobol's g with a = 0, 1, 4.5, 9, 99: closed forms, 4,096 points
    found = sobol.indices(ishigami, lambda u: (2 * u - 1) * np.pi, 3, 4096, seed, second=True)
    np.testing.assert_allclose(found.first, [0.31390519, 0.44241114, 0.0], atol=0.02)
    np.testing.assert_allclose(found.total, [0.55758886, 0.44241114, 0.24368366], atol=0.02)
    assert found.second is not None
    np.testing.assert_allclose(found.second[[0, 0, 1], [1, 2, 2]], [0.0, 0.24368366, 0.0], atol=0.03)
    assert found.variance == pytest.approx(13.844587940719254, rel=0.02)
    a = np.array([0.0, 1.0, 4.5, 9.0, 99.0, 99.0, 99.0, 99.0])
    found = sobol.indices(lambda x: np.prod((np.abs(4 * x - 2) + a) / (1 + a), axis=1), None, 8, 4096, seed)
    np.testing.assert_allclose(found.first[:4], [0.71619217, 0.17904804, 0.02367577, 0.00716192], atol=0.02)
    np.testing.assert_allclose(found.total[:4], [0.78714413, 0.2421982, 0.03431691, 0.01046039], atol=0.02)


def test_sobol_of_a_constant_and_of_nothing() -> None:
    found = sobol.indices(lambda x: np.full(len(x), 3.0), None, 2, 64, 0)
    assert found.first.tolist() == found.total.tolist() == [0.0, 0.0]
    again = [sobol.indices(ishigami, None, 3, 100, 4) for _ in range(2)]
    np.testing.assert_array_equal(again[0].first, again[1].first)
    with pytest.raises(Problem) as caught:
        sobol.indices(ishigami, None, 0, 64, 0)
    assert caught.value.code == "information.dims"


def test_effects_and_costs() -> None:
    effects, costs = np.array([[1.0, 2.0], [1.5, 1.2], [2.0, 2.5]]), np.array([[10.0, 20.0], [12.0, 18.0], [9.0, 22.0]])
    found = acceptability.acceptability(effects, costs, np.array([5.0, 20.0]))
    assert found.icer[0] == pytest.approx((29 / 3) / 0.4)
    np.testing.assert_allclose(found.gain[:, 0], [5 * 0.4 - 29 / 3, 20 * 0.4 - 29 / 3])
    np.testing.assert_allclose(found.better[:, 0], [0.0, 1 / 3])
    np.testing.assert_allclose(found.best.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.evpi, [0.0, 10 / 3])
