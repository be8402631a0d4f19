"""Student's t: closed forms, a published table, scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtr, stdtrit

from groundsill.resources._student import student_probability, student_quantile

U = np.concatenate((10.0 ** -np.arange(1.0, 13.0), np.linspace(0.01, 0.99, 99), 1 - 10.0 ** -np.arange(1.0, 9.0)))


def test_closed_forms() -> None:
    """One degree of freedom is Cauchy's distribution, t = -cot(pi u); two: t = (2u - 1) / sqrt(2u (1 - u))."""
    cauchy = np.copysign(1.0 / np.tan(np.pi * np.minimum(U, 1 - U)), U - 0.5)
    np.testing.assert_allclose(student_quantile(U, 1.0), cauchy, rtol=1e-11, atol=1e-12)
    inside = U[(U > 1e-6) & (U < 1 - 1e-6)]
    two = (2 * inside - 1) / np.sqrt(2 * inside * (1 - inside))
    np.testing.assert_allclose(student_quantile(inside, 2.0), two, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    ("freedom", "u", "t"),
    [(5, 0.975, 2.571), (10, 0.95, 1.812), (10, 0.999, 4.144), (30, 0.995, 2.750), (100, 0.9, 1.290)],
)
def test_the_table_that_everybody_prints(freedom: float, u: float, t: float) -> None:
    """NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2."""
    assert student_quantile(np.array([u]), freedom)[0] == pytest.approx(t, abs=5.1e-4)


@given(st.floats(1.0, 400.0).filter(lambda v: v not in (2.0, 4.0)), st.floats(1e-12, 1 - 1e-12))
def test_quantiles_are_scipys(freedom: float, u: float) -> None:
    """Not at 2 and 4, where scipy is exact to 3e-9 only near the middle."""
    got = student_quantile(np.array([u]), freedom)[0]
    assert got == pytest.approx(float(stdtrit(freedom, u)), rel=1e-10, abs=1e-11)


@given(st.floats(1.0, 400.0), st.floats(-40.0, 40.0))
def test_probabilities_are_scipys(freedom: float, t: float) -> None:
    assert student_probability(t, freedom) == pytest.approx(float(stdtr(freedom, t)), rel=1e-11, abs=1e-300)


@given(st.floats(1.0, 400.0), st.floats(1e-9, 0.5))
def test_a_quantile_leads_back_to_its_probability(freedom: float, u: float) -> None:
    t = float(student_quantile(np.array([u]), freedom)[0])
    assert student_probability(t, freedom) == pytest.approx(u, rel=1e-11)
