"""Adoption, rivals and distributions against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.finance import adoption, chance, competition
from groundsill.terms.problem import Problem

SPREADS = (
    chance.Normal(1.0, 2.0), chance.LogNormal(0.0, 0.5), chance.Uniform(-1.0, 3.0), chance.Beta(2.0, 5.0),
    chance.Gamma(2.0, 3.0), chance.Triangular(0.0, 1.0, 4.0), chance.Triangular(0.0, 0.0, 4.0), chance.Triangular(0.0, 4.0, 4.0),
)  # fmt: skip


def test_bass() -> None:
    # closed form of Bass 1969 with the averages of Sultan, Farley and Lehmann 1990
    when, most, share = adoption.peak(0.03, 0.38)
    assert (float(when), float(most), float(share)) == pytest.approx(
        (6.192619197703113, 0.11059210526315788, 0.4605263157894737), abs=1e-12
    )
    assert adoption.adopted(10.0, 0.03, 0.38) == pytest.approx(0.8128032212213461, abs=1e-12)
    years = np.linspace(0, 30, 3001)
    slope = np.gradient(adoption.adopted(years, 0.03, 0.38), years)
    np.testing.assert_allclose(slope[1:-1], adoption.rate(years, 0.03, 0.38)[1:-1], rtol=1e-4)
    assert adoption.peak(0.5, 0.1)[0] == 0.0
    with pytest.raises(Problem) as caught:
        adoption.adopted(1.0, 0.0, 0.3)
    assert caught.value.code == "flows.bass"


def test_concentration() -> None:
    # US DOJ: 30, 30, 20, 20 -> 2,600
    shares = np.array([0.3, 0.3, 0.2, 0.2])
    assert competition.hhi(shares) == pytest.approx(2600)
    assert competition.hhi(competition.after_entry(shares, 0.1)) == pytest.approx(2206)
    merged = competition.after_merger(shares, 2, 3)
    assert competition.hhi(merged) - 2600 == pytest.approx(competition.merger_rise(0.2, 0.2)) == pytest.approx(800)
    assert competition.cournot_margin(2500.0, -2.0) == pytest.approx(0.125)
    with pytest.raises(Problem) as caught:
        competition.hhi(np.array([0.9, 0.3]))
    assert caught.value.code == "flows.shares"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-600, 600), min_size=1, max_size=6), st.floats(-3, 3))
def test_logit_shares(appeal: list[float], shift: float) -> None:
    v = np.array(appeal)
    inside = competition.logit_shares(v, outside=False)
    assert inside.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(competition.logit_shares(v + shift, outside=False), inside, rtol=1e-9, atol=1e-300)
    assert competition.logit_shares(v).sum() <= 1.0 + 1e-12
    assert np.isfinite(competition.logit_shares(v)).all()


def test_a_higher_threshold_lets_fewer_in() -> None:
    firms, index, margin = competition.by_threshold([1, 2, 5, 10, 200], size=20, slope=1, cost=2)
    assert firms.tolist() == [17, 11, 7, 4, 0]
    assert np.isnan(index[-1])
    assert (np.diff(index[:-1]) > 0).all()
    assert (np.diff(margin[:-1]) > 0).all()
    n = int(firms[2])
    assert competition.cournot_profit(20, 1, 2, n, 5) >= 0 > competition.cournot_profit(20, 1, 2, n + 1, 5)
    assert competition.lead(0.0, 0.6, 0.2, 3.0) == pytest.approx(0.6)
    assert competition.lead(1e6, 0.6, 0.2, 3.0) == pytest.approx(0.2)
    assert competition.entrants(4.0, 0.2, 40.0) == pytest.approx(2.0)


@pytest.mark.parametrize("one", SPREADS, ids=str)
def test_gain_is_the_mean_above_a_cost(one: chance.Distribution) -> None:
    u = (np.arange(400_000) + 0.5) / 400_000
    x = one.quantile(u)
    assert x.mean() == pytest.approx(one.mean, abs=1e-4)
    np.testing.assert_allclose(one.cdf(x), u, atol=1e-9)
    for k in (-2.0, 0.3, 0.5, 1.0, 2.5, 5.0):
        assert np.maximum(x - k, 0.0).mean() == pytest.approx(float(one.gain(k)), abs=1e-4)


def test_what_cannot_be_is_said() -> None:
    for make in (lambda: chance.Normal(0, 0), lambda: chance.Beta(0, 1), lambda: chance.Uniform(2, 1)):
        with pytest.raises(Problem) as caught:
            make()
        assert caught.value.code == "flows.distribution"
