"""Thresholds against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.assess import threshold

N = 100_000
MU, SIGMA, SPEND = -3.0, 0.6, 2.0
S = np.random.default_rng(1).lognormal(MU, SIGMA, N)
WIDE = (1e-3, 1e6)
# NPV = M s - I, s log-normal: smallest M, largest I at M = 100, with P(NPV > 0) >= p; derived
CLOSED = [(0.5, 40.171073846, 4.978706837), (0.8, 66.561073235, 3.004759243), (0.9, 86.667427390, 2.307672052)]


@pytest.mark.parametrize(("p", "smallest", "largest"), CLOSED)
def test_closed_form(p: float, smallest: float, largest: float) -> None:
    market = threshold.crossing(lambda m: m * S - SPEND, 50.0, WIDE)
    spend = threshold.crossing(lambda i: 100 * S - i, 2.0, WIDE)
    assert market is not None and spend is not None
    assert (market.direction, spend.direction) == (">=", "<=")
    for edge, expected in ((threshold.confidence(market, p), smallest), (threshold.confidence(spend, p), largest)):
        assert edge.value == pytest.approx(expected, rel=0.01)
        assert edge.low is not None and edge.high is not None
        assert edge.low < expected < edge.high
        assert edge.low < edge.value < edge.high  # type: ignore[operator]


def test_break_even_of_the_mean() -> None:
    found = threshold.crossing(lambda m: m * S - SPEND, 50.0, WIDE)
    assert found is not None
    edge = threshold.break_even(lambda m: m * S - SPEND, found)
    expected = SPEND / np.exp(MU + SIGMA**2 / 2)
    assert edge.low < expected < edge.high  # type: ignore[operator]
    assert edge.value == pytest.approx(SPEND / S.mean(), rel=1e-9)


def test_a_bent_lever_is_searched_to_the_same_place() -> None:
    """NPV = M^2 s - I has its break-evens at the square root of the straight one's."""
    s = S[:20_000]

    def net(m: object) -> np.ndarray:
        return np.asarray(m) ** 2 * s - SPEND

    found = threshold.crossing(net, 5.0, (5e-3, 5e3))
    assert found is not None and found.line is None
    miss = np.abs(found.star / np.sqrt(SPEND / s) - 1)
    assert np.quantile(miss, 0.99) < 3e-3 and miss.max() < 0.05  # one draw in a hundred may still move at the end
    assert threshold.break_even(net, found).value == pytest.approx(np.sqrt(SPEND / s.mean()), rel=3e-3)


def test_outside_the_range() -> None:
    never = threshold.crossing(lambda m: m * S - 1e8, 50.0, WIDE)
    always = threshold.crossing(lambda m: m * S + 1.0, 50.0, WIDE)
    assert never is not None and always is not None
    assert threshold.confidence(never, 0.8) == threshold.Edge(None, None, None)
    assert threshold.break_even(lambda m: m * S - 1e8, never).value is None
    assert threshold.confidence(always, 0.8).value == WIDE[0]
    assert threshold.break_even(lambda m: m * S + 1.0, always).value == WIDE[0]
    assert threshold.crossing(lambda m: S, 50.0, WIDE) is None  # the lever does nothing


def test_draws_that_lose_more_with_more_are_not_counted_as_paying() -> None:
    """A margin that is negative in 30 % of the draws: no volume reaches 80 %, some volume reaches 60 %."""
    margin = np.where(np.arange(1000) % 10 < 3, -1.0, 1.0) * np.linspace(0.5, 1.5, 1000)
    found = threshold.crossing(lambda m: m * margin - SPEND, 5.0, WIDE)
    assert found is not None and found.direction == ">="
    assert threshold.confidence(found, 0.8).value is None
    at = threshold.confidence(found, 0.6).value
    assert at is not None
    assert np.mean(at * 1.000001 * margin - SPEND > 0) >= 0.6 > np.mean(at * 0.999 * margin - SPEND > 0)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 9999), st.floats(0.1, 0.95), st.sampled_from([1.0, -1.0]))
def test_it_is_the_edge(seed: int, p: float, sign: float) -> None:
    """Just past the threshold the condition holds, just before it does not."""
    rng = np.random.default_rng(seed)
    slope, start = sign * rng.lognormal(0, 1, 300), -sign * rng.lognormal(1, 1, 300)
    found = threshold.crossing(lambda t: start + slope * t, 1.0, (1e-6, 1e6))
    assert found is not None
    at = threshold.confidence(found, p).value
    assert at is not None
    inside, outside = (at * (1 + sign * step) for step in (1e-9, -1e-9))
    assert np.mean(start + slope * inside > 0) >= p - 1e-9
    assert np.mean(start + slope * outside > 0) < p
