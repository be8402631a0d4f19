"""EVPI and EVPPI against closed forms, and the properties that other tools break."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.assess.information import Learner, basis, evpi

N = 100_000


def learner(*columns: np.ndarray) -> Learner:
    matrix = np.column_stack(np.broadcast_arrays(*columns)).astype(np.float64)
    return Learner(matrix, matrix[:, -1])


@pytest.mark.parametrize(
    ("k", "perfect", "first", "second"),
    # normal linear loss, closed form; the model is that of the voi vignette (chjackson/voi, b43b895), EVPI .4798107
    [
        (1, 0.4798107063, 0.0833154706, 0.3955931148),
        (2, 0.3992824567, 0.1666309412, 0.1666309412),
        (3, 0.4094634160, 0.2499464118, 0.0586135875),
    ],
)
def test_normal_model(k: float, perfect: float, first: float, second: float) -> None:
    rng = np.random.default_rng(7)
    p1, p2 = rng.normal(1, 1, N), rng.normal(0, 2, N)
    known = learner(np.zeros(N), k * p1 - p2)
    assert known.perfect == pytest.approx(perfect, rel=0.03)
    assert known.known(p1).worth == pytest.approx(first, rel=0.03, abs=0.004)
    assert known.known(p2).worth == pytest.approx(second, rel=0.03, abs=0.004)
    share = k**2 / (k**2 + 4)
    assert known.known(p1).share == pytest.approx(share, abs=0.01)


def test_four_routes() -> None:
    """Derived by exact piecewise-linear integration: EVPI .454022, EVPPI .333182 and .131824."""
    rng = np.random.default_rng(11)
    x1, x2 = rng.normal(1, 1, N), rng.normal(0.5, 1, N)
    known = learner(np.zeros(N), -0.3 + 0.5 * x1, -1.2 + 1.1 * x1 + 0.4 * x2, -6.0 + 2.6 * x1 + 1.8 * x2)
    assert known.perfect == pytest.approx(0.454022, rel=0.03)
    assert known.known(x1).worth == pytest.approx(0.333182, rel=0.03)
    assert known.known(x2).worth == pytest.approx(0.131824, rel=0.05)


@pytest.mark.parametrize(
    ("mu", "sigma", "spend", "worth"), [(0, 1, 1, 0.2384217081), (0, 1, 2, 0.5348511215), (2, 0.8, 5, 0.5577753734)]
)
def test_lognormal_evpi(mu: float, sigma: float, spend: float, worth: float) -> None:
    """Invest I for a log-normal return or not: the Black-Scholes form, derived."""
    returns = np.random.default_rng(3).lognormal(mu, sigma, 400_000) - spend
    assert evpi(np.column_stack((np.zeros(len(returns)), returns))) == pytest.approx(worth, rel=0.02)


def test_what_cannot_change_the_choice_is_worth_nothing() -> None:
    rng = np.random.default_rng(5)
    x, noise = rng.normal(1, 1, 10_000), rng.normal(size=10_000)
    known = learner(np.zeros(10_000), x, x - 0.5)  # the second dominates the third in every draw
    assert known.known(noise).worth == 0.0
    assert known.known(noise).share == pytest.approx(0.0, abs=0.01)
    one_wins = learner(np.zeros(10_000), np.abs(x))
    assert one_wins.perfect == 0.0
    assert one_wins.known(x).worth == 0.0


def test_events_and_lumps_have_columns_of_their_own() -> None:
    rng = np.random.default_rng(9)
    struck = rng.random(20_000) < 0.2
    size = np.where(struck, rng.lognormal(1, 0.5, 20_000), 0.0)
    known = learner(np.zeros(20_000), 0.5 - size)
    assert known.known(struck.astype(float)).worth == pytest.approx(known.perfect, rel=0.02)
    assert known.known(size).worth == pytest.approx(known.perfect, rel=0.02)
    assert known.known(size).share > 0.97
    assert basis(np.full(10, 3.0)).shape == (10, 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.floats(-50, 50))
def test_properties(seed: int, options: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 3))
    matrix = x @ rng.normal(size=(3, options)) + rng.normal(size=options)
    whole = Learner(matrix, matrix[:, 0])
    assert whole.perfect >= 0
    for column in x.T:
        known = whole.known(column)
        assert 0 <= known.worth <= whole.perfect
        assert 0 <= known.share <= 1
    order = rng.permutation(options)
    again = Learner(matrix[:, order], matrix[:, 0])
    assert again.known(x[:, 0]).worth == pytest.approx(whole.known(x[:, 0]).worth, abs=1e-9)
    moved = Learner(matrix + shift, matrix[:, 0])
    assert moved.perfect == pytest.approx(whole.perfect, abs=1e-9)
    assert moved.known(x[:, 1]).worth == pytest.approx(whole.known(x[:, 1]).worth, abs=1e-8)
    dominated = np.column_stack((matrix, matrix.min(axis=1) - 1.0))
    assert Learner(dominated, matrix[:, 0]).known(x[:, 0]).worth == whole.known(x[:, 0]).worth
