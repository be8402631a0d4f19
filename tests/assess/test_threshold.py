"""Thresholds against closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.assess import threshold
from groundsill.assess.threshold import Edge, Lane

N = 100_000
MU, SIGMA, SPEND = -3.0, 0.6, 2.0
S = np.random.default_rng(1).lognormal(MU, SIGMA, N)
WIDE = (1e-3, 1e6)
# NPV = M s - I, s log-normal: smallest M, largest I at M = 100, with P(NPV > 0) >= p; derived
CLOSED = [(0.5, 40.171073846, 4.978706837), (0.8, 66.561073235, 3.004759243), (0.9, 86.667427390, 2.307672052)]


def lane(net: object, middle: float, searched: tuple[float, float] = WIDE) -> Lane:
    """Of a function of the amount; building takes nothing."""

    def pair(amount: float) -> tuple[np.ndarray, np.ndarray]:
        npv = np.asarray(net(amount), dtype=np.float64)  # type: ignore[operator]
        return np.zeros_like(npv), npv

    return Lane.of(pair, searched, middle)


def break_even(found: Lane) -> Edge:
    def error(amount: float) -> float:
        npv = found.at(amount)[1]
        return float(npv.std()) / math.sqrt(len(npv))

    return threshold.edge(found, lambda a: found.means(a)[1], error)


@pytest.mark.parametrize(("p", "smallest", "largest"), CLOSED)
def test_closed_form(p: float, smallest: float, largest: float) -> None:
    market, spend = lane(lambda m: m * S - SPEND, 50.0), lane(lambda i: 100 * S - i, 2.0)
    assert (market.shape, market.direction, spend.direction) == ("straight", ">=", "<=")
    assert market.single and spend.single
    for found, expected in ((market, smallest), (spend, largest)):
        edge = threshold.sure_edge(found, p)
        assert edge.value == pytest.approx(expected, rel=0.01)
        assert edge.low is not None and edge.high is not None
        assert edge.low < expected < edge.high
        assert edge.low < edge.value < edge.high  # type: ignore[operator]


def test_break_even_of_the_mean() -> None:
    edge = break_even(lane(lambda m: m * S - SPEND, 50.0))
    expected = SPEND / np.exp(MU + SIGMA**2 / 2)
    assert edge.low < expected < edge.high  # type: ignore[operator]
    assert edge.value == pytest.approx(SPEND / S.mean(), rel=1e-9)


def test_a_bent_lever_is_searched_to_the_same_place() -> None:
    """NPV = M^2 s - I has its break-evens at the square root of the straight one's."""
    s = S[:20_000]
    found = lane(lambda m: m**2 * s - SPEND, 5.0, (5e-3, 5e3))
    assert found.shape == "bent" and found.single
    for p in (0.5, 0.8, 0.9):
        assert threshold.sure_edge(found, p).value == pytest.approx(np.sqrt(SPEND / np.quantile(s, 1 - p)), rel=3e-3)
    assert break_even(found).value == pytest.approx(np.sqrt(SPEND / s.mean()), rel=3e-3)


def test_outside_the_range() -> None:
    never, always = lane(lambda m: m * S - 1e8, 50.0), lane(lambda m: m * S + 1.0, 50.0)
    assert threshold.sure_edge(never, 0.8) == Edge(None, None, None)
    assert break_even(never).value is None
    assert threshold.sure_edge(always, 0.8).value == WIDE[0]
    assert break_even(always).value == WIDE[0]
    assert lane(lambda m: S, 50.0).shape == "flat"  # the lever does nothing


def test_draws_that_lose_more_with_more_are_not_counted_as_paying() -> None:
    """A margin that is negative in 30 % of the draws: no volume reaches 80 %, some volume reaches 60 %."""
    margin = np.where(np.arange(1000) % 10 < 3, -1.0, 1.0) * np.linspace(0.5, 1.5, 1000)
    found = lane(lambda m: m * margin - SPEND, 5.0)
    assert found.direction == ">=" and not found.single
    assert threshold.sure_edge(found, 0.8).value is None
    at = threshold.sure_edge(found, 0.6).value
    assert at is not None
    assert np.mean(at * 1.000001 * margin - SPEND > 0) >= 0.6 > np.mean(at * 0.999 * margin - SPEND > 0)


def test_a_saw_has_its_first_root_and_a_hump_two_edges() -> None:
    """Machines bought whole: NPV = m - 10 ceil(m / 40) - 15 s. A hump: NPV = 5 - (ln m)^2, roots at exp(-+ sqrt 5)."""
    noise = np.random.default_rng(2).normal(1, 0.01, 4_000)
    saw = lane(lambda m: m - 10 * np.ceil(m / 40) - 15 * noise, 30.0, (3.0, 300.0))
    assert break_even(saw).value == pytest.approx(25.0, rel=0.01)
    hump = lane(lambda m: 5.0 - np.log(m) ** 2 * noise, 1.5, (0.01, 1000.0))
    edge = threshold.edge(hump, lambda a: hump.means(a)[1], lambda _: 0.0, ">=")
    assert not hump.single
    assert edge.value == pytest.approx(math.exp(-math.sqrt(5)), rel=0.02)
    assert edge.other == pytest.approx(math.exp(math.sqrt(5)), rel=0.2)  # between valued amounts
    down = threshold.edge(hump, lambda a: hump.means(a)[1], lambda _: 0.0, "<=")
    assert down.value == pytest.approx(math.exp(math.sqrt(5)), rel=0.02)


def test_amounts_that_a_route_refuses_are_left_out() -> None:
    found = lane(lambda m: m * S[:100] - SPEND if m < 1e3 else np.full(100, np.nan), 50.0)
    assert max(found.amounts) < 1e3
    assert threshold.sure_edge(found, 0.8).value is not None


def test_error_of_the_tail() -> None:
    """Standard error of the mean of the worst 5 % of normal draws, by drawing again."""
    rng = np.random.default_rng(4)
    tails = [np.sort(rng.normal(size=4_000))[:200].mean() for _ in range(400)]
    assert threshold.tail_error(rng.normal(size=4_000)) == pytest.approx(np.std(tails), rel=0.15)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 9999), st.floats(0.1, 0.95), st.sampled_from([1.0, -1.0]))
def test_it_is_the_edge(seed: int, p: float, sign: float) -> None:
    """Just past the threshold the condition holds, just before it does not."""
    rng = np.random.default_rng(seed)
    slope, start = sign * rng.lognormal(0, 1, 300), -sign * rng.lognormal(1, 1, 300)
    at = threshold.sure_edge(lane(lambda t: start + slope * t, 1.0, (1e-6, 1e6)), p).value
    assert at is not None
    inside, outside = (at * (1 + sign * step) for step in (1e-9, -1e-9))
    assert np.mean(start + slope * inside > 0) >= p - 1e-9
    assert np.mean(start + slope * outside > 0) < p


def test_the_last_digit_of_a_draw_moves_no_edge() -> None:
    """Machines bought whole in every draw at another amount: net value crosses 0 many times within a percent."""
    rng = np.random.default_rng(3)
    size, start = rng.lognormal(3.0, 0.2, 2_000), rng.normal(60.0, 1.0, 2_000)

    def saw(digit: np.ndarray | float) -> Edge:
        found = lane(lambda m: 2.0 * m - 30.0 * np.ceil(m / (size * digit)) - start * digit, 60.0, (1.0, 1e4))
        return break_even(found)

    first = saw(1.0)
    assert first.value is not None
    for seed in range(5):
        again = saw(1.0 + 1e-15 * np.random.default_rng(seed).choice((-1.0, 1.0), 2_000)).value
        assert again == pytest.approx(first.value, rel=1e-9)


def test_fewer_draws_find_the_same_edge_within_their_interval() -> None:
    whole, some = lane(lambda m: m * S - SPEND, 50.0), lane(lambda m: m * S[:20_000] - SPEND, 50.0)
    exact = threshold.sure_edge(whole, 0.8).value
    few = threshold.sure_edge(some, 0.8)
    assert exact is not None and few.low is not None and few.high is not None
    assert few.low < exact < few.high
    assert few.high - few.low < 0.04 * exact
