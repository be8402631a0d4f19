"""EVPI and EVPPI against closed forms, and the properties that other tools break."""

import numpy as np
import pytest

from groundsill.assess.information import evpi, evppi
from groundsill.assess.slices import Slices

N = 100_000


def benefits(*columns: np.ndarray) -> np.ndarray:
    return np.column_stack(np.broadcast_arrays(*columns)).astype(np.float64)


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
    known = benefits(np.zeros(N), k * p1 - p2)
    assert evpi(known) == pytest.approx(perfect, rel=0.03)
    assert evppi(known, p1).value == pytest.approx(first, rel=0.03, abs=0.004)
    assert evppi(known, p2).value == pytest.approx(second, rel=0.03, abs=0.004)
    share = k**2 / (k**2 + 4)
    assert Slices(p1).first_share(known[:, -1]) == pytest.approx(share, abs=0.01)


def test_four_routes() -> None:
    """Derived by exact piecewise-linear integration: EVPI .454022, EVPPI .333182 and .131824."""
    rng = np.random.default_rng(11)
    x1, x2 = rng.normal(1, 1, N), rng.normal(0.5, 1, N)
    known = benefits(np.zeros(N), -0.3 + 0.5 * x1, -1.2 + 1.1 * x1 + 0.4 * x2, -6.0 + 2.6 * x1 + 1.8 * x2)
    assert evpi(known) == pytest.approx(0.454022, rel=0.03)
    assert evppi(known, x1).value == pytest.approx(0.333182, rel=0.03)
    assert evppi(known, x2).value == pytest.approx(0.131824, rel=0.05)


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
    known = benefits(np.zeros(10_000), x, x - 0.5)  # the second dominates the third in every draw
    assert evppi(known, noise).low == 0.0
    assert Slices(noise).first_share(known[:, -1]) == pytest.approx(0.0, abs=0.01)
    one_wins = benefits(np.zeros(10_000), np.abs(x))
    assert evpi(one_wins) == 0.0
    assert evppi(one_wins, x).value == 0.0


def test_events_and_lumps_have_columns_of_their_own() -> None:
    rng = np.random.default_rng(9)
    struck = rng.random(20_000) < 0.2
    size = np.where(struck, rng.lognormal(1, 0.5, 20_000), 0.0)
    known = benefits(np.zeros(20_000), 0.5 - size)
    assert evppi(known, struck.astype(float)).value == pytest.approx(evpi(known), rel=0.02)
    assert evppi(known, size).value == pytest.approx(evpi(known), rel=0.02)
    assert Slices(size).first_share(known[:, -1]) > 0.95  # a fifth of the draws, and so of the slices, vary
    assert evppi(known, np.full(20_000, 3.0)).value == 0.0
