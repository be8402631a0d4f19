"""NPV, IRR, MIRR and payback against published examples; vectors against single streams."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from groundsill.finance import value
from groundsill.terms.problem import Problem

# numpy-financial, docstrings of npv, irr and mirr (main, f47e8af, 2025-05-21)
DOC_IRR = {
    (-100, 39, 59, 55, 20): 0.28095,
    (-100, 0, 0, 74): -0.0955,
    (-100, 100, 0, 7): 0.06206,
}
# real roots above -1: two of the docstring's series and three from issues numpy-financial #28, #44 and pyxirr #45
ROOTS = {
    (-100, 100, 0, -7): [-0.67889437, -0.08329967],
    (-5, 10.5, 1, -8, 1): [-0.87020125, 0.08859834, 0.70955953],
    (-50, -100, 600, 300, -100): [-0.76889547, 1.85441783],
    (-1678.87, 771.96, 1814.05, 3520.3, 3552.95, 3584.99, 4789.91, -1): [-0.99979126, 1.00426985],
    (10.0, 1.0, 2.0, -3.0, 4.0): [],
}


def flows(*values: float) -> np.ndarray:
    return np.array([values], dtype=np.float64)


def test_npv_of_the_documented_example() -> None:
    assert value.npv(flows(-40000, 5000, 8000, 12000, 30000), 0.08, 1)[0] == pytest.approx(3065.22267, abs=1e-4)


def test_npv_as_spreadsheets_count() -> None:
    # Microsoft, NPV function, examples 1 and 2 (recomputed): $1,188.44, $1,922.06, -$3,749.47
    assert value.npv_excel(0.10, np.array([-10000, 3000, 4200, 6800])) == pytest.approx(1188.4434123, abs=1e-6)
    years = np.array([8000.0, 9200, 10000, 12000, 14500])
    assert value.npv_excel(0.08, years) - 40000 == pytest.approx(1922.0615549, abs=1e-6)
    assert value.npv_excel(0.08, np.append(years, -9000)) - 40000 == pytest.approx(-3749.4650870, abs=1e-6)


@pytest.mark.parametrize(("series", "rate"), DOC_IRR.items())
def test_irr_of_documented_examples(series: tuple[float, ...], rate: float) -> None:
    got = value.irr(flows(*series), 1)
    assert got.roots[0] == 1
    assert got.rate[0] == pytest.approx(rate, abs=1e-5)


@pytest.mark.parametrize(("years", "rate"), [(2, -0.4435069413), (4, -0.0212448483), (5, 0.0866309480)])
def test_irr_as_spreadsheets_count(years: int, rate: float) -> None:
    # Microsoft, IRR function (-44.4 %, -2.1 %, 8.7 %), recomputed
    series = (-70000, 12000, 15000, 18000, 21000, 26000)[: years + 1]
    assert value.irr(flows(*series), 1).rate[0] == pytest.approx(rate, abs=1e-8)


def test_irr_of_a_loss() -> None:
    # numpy-financial #98
    assert value.irr(flows(-10000, *[327.24625] * 16), 1).rate[0] == pytest.approx(-0.06765411, abs=1e-6)


@pytest.mark.parametrize(("series", "roots"), ROOTS.items())
def test_several_roots_are_counted_and_none_is_given(series: tuple[float, ...], roots: list[float]) -> None:
    np.testing.assert_allclose(value.irr_roots(np.array(series)), roots, atol=1e-6)
    got = value.irr(flows(*series), 1)
    assert np.isnan(got.rate[0])
    # the root at -0.99979 has a discount factor beyond the grid, yet the sign at infinity shows that it is there
    assert got.roots[0] == len(roots)


def test_mirr() -> None:
    # numpy-financial docstring; Microsoft, MIRR function (12.61 %, -4.80 %, 13.48 %), recomputed
    assert value.mirr(np.array([-100, 50, -60, 70]), 0.10, 0.12) == pytest.approx(-0.03909366594356467, abs=1e-12)
    years = np.array([-120000.0, 39000, 30000, 21000, 37000, 46000])
    assert value.mirr(years, 0.10, 0.12) == pytest.approx(0.1260941303659051, abs=1e-10)
    assert value.mirr(years[:4], 0.10, 0.12) == pytest.approx(-0.048044655249980806, abs=1e-10)
    assert value.mirr(years, 0.10, 0.14) == pytest.approx(0.13475911082831482, abs=1e-10)
    with pytest.raises(Problem) as caught:
        value.mirr(np.array([10.0, 5.0]), 0.1, 0.1)
    assert caught.value.code == "finance.one_sided"


def test_payback() -> None:
    series = flows(-1000, 300, 400, 500, 600)
    discounted = series * 1.1 ** -np.arange(5)
    assert value.payback(series)[0] == pytest.approx(2.6, abs=1e-12)  # derived: 300 of 500 into year 3
    assert value.payback(discounted)[0] == pytest.approx(3.0513333333, abs=1e-9)  # derived
    assert np.isnan(value.payback(flows(-10, 3, 3))[0])
    assert value.payback(flows(0, 3, 3))[0] == 0
    assert value.payback(flows(-1, 2, -3, 4))[0] == pytest.approx(2.5)  # the last crossing counts


def test_trough_and_tail() -> None:
    np.testing.assert_array_equal(value.trough(np.array([[-5.0, 3, -4, 9], [1.0, 1, 1, 1]])), [-6.0, 0.0])
    assert value.tail(np.arange(100.0)) == 2.0  # mean of 0..4


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-100, 100).map(lambda v: round(v, 1)), min_size=3, max_size=8))
def test_count_of_roots_agrees_with_eigenvalues(series: list[float]) -> None:
    """Where the exact roots lie inside the grid and apart from each other."""
    assume(abs(series[0]) >= 1 and abs(series[-1]) >= 1)
    roots = value.irr_roots(np.array(series))
    factors = np.sort(1 / (1 + roots))
    assume(np.all((factors > 0.06) & (factors < 18)) and np.all(np.diff(np.log(factors)) > 0.06))
    every = np.roots(series)
    near = (np.abs(every.imag) < 0.05 * np.abs(every)) & (np.abs(every.imag) > 0)
    assume(not near.any())
    got = value.irr(flows(*series), 1)
    assert got.roots[0] == len(roots)
    if len(roots) == 1:
        assert got.rate[0] == pytest.approx(roots[0], rel=1e-6, abs=1e-8)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.1, 1e6), st.floats(0.01, 0.9))
def test_irr_does_not_depend_on_scale_and_npv_there_is_zero(scale: float, rate: float) -> None:
    series = flows(-1.0, *[rate / 12 + 0.03] * 36)
    one, many = value.irr(series), value.irr(series * scale)
    assert many.rate[0] == pytest.approx(one.rate[0], rel=1e-8)
    assert value.npv(series, one.rate[0])[0] == pytest.approx(0, abs=1e-9)


def test_vector_equals_single_streams() -> None:
    rng = np.random.default_rng(1)
    many = rng.normal(size=(200, 13)) * 10
    many[:, 0] -= 40
    together = value.irr(many)
    for i in range(200):
        alone = value.irr(many[i])
        np.testing.assert_allclose(alone.rate[0], together.rate[i], rtol=1e-12)
        assert alone.roots[0] == together.roots[i]
        np.testing.assert_allclose(value.payback(many[i])[0], value.payback(many)[i])


def test_irr_is_found_to_the_last_digits() -> None:
    """A stream that is worth nothing at a chosen rate has that rate, also where rounding hides the sign of its value."""
    rng, n, periods = np.random.default_rng(5), 4000, 48
    rate = rng.uniform(-0.5, 3.0, n)
    later = rng.uniform(0.0, 1.0, (n, periods)) * 10.0 ** rng.uniform(-3, 6, (n, 1))
    factors = (1.0 + rate[:, None]) ** (-np.arange(1, periods + 1) / 12)
    streams = np.column_stack((-(later * factors).sum(axis=1), later))
    found = value.irr(streams)
    np.testing.assert_array_equal(found.roots, 1)
    np.testing.assert_allclose(1.0 + found.rate, 1.0 + rate, rtol=1e-11)
