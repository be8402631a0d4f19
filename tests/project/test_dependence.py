"""Inputs that move together: the matrix that can be, the copula, and what stays as it was."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.project.project_fakes import made_fact

from groundsill.project.case import Case
from groundsill.project.dependence import Correlation, completed, join, latent, matrix, nearest, normals
from groundsill.project.draw import draw
from groundsill.terms.mixture import Mixture
from groundsill.terms.quantity import Array, Chance, Exactly, Pert, Range, ThreePoint

KINDS = {
    "a": Range(1.0, 5.0),
    "b": ThreePoint(1.0, 2.0, 9.0),
    "c": Pert(0.0, 1.0, 4.0),
    "d": Mixture((Range(1.0, 2.0), Range(5.0, 9.0)), (0.5, 0.5)),
    "e": Range(100.0, 101.0),
}


def case_of(*correlations: Correlation) -> Case:
    facts = {name: made_fact(name, value) for name, value in KINDS.items()}
    return Case("x", "en", "USD", "t", "accuracy", 0.8, 0.8, 12, (), facts, correlations=correlations)


def ranks(x: Array) -> Array:
    return np.argsort(np.argsort(x)).astype(float)


def spearman(x: Array, y: Array) -> float:
    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])


def test_latent_is_the_closed_form() -> None:
    """Spearman of a Gaussian copula is 6 / pi asin(r / 2); r = 0.5 gives 0.48258374 (Pearson 1907)."""
    assert latent(6 / np.pi * np.arcsin(0.25)) == pytest.approx(0.5, abs=1e-15)
    np.testing.assert_allclose(latent(np.array([-1.0, 0.0, 1.0])), [-1.0, 0.0, 1.0], atol=1e-15)


def test_normals_have_the_rank_correlation_that_was_asked() -> None:
    names, asked, correlation, changed = matrix((Correlation("x", "y", 0.6), Correlation("y", "z", -0.3)))
    z = normals(200_000, correlation, np.random.default_rng(3))
    assert names == ("x", "y", "z") and changed < 1e-12
    assert spearman(z[:, 0], z[:, 1]) == pytest.approx(asked[0, 1], abs=0.006)
    assert spearman(z[:, 1], z[:, 2]) == pytest.approx(-0.3, abs=0.006)
    assert spearman(z[:, 0], z[:, 2]) == pytest.approx(0.0, abs=0.006)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10_000))
def test_the_nearest_matrix_can_be(k: int, seed: int) -> None:
    wild = np.random.default_rng(seed).uniform(-1, 1, (k, k))
    wild = np.tril(wild, -1) + np.tril(wild, -1).T + np.eye(k)
    made, changed = nearest(wild)
    assert np.linalg.eigvalsh(made)[0] >= -1e-9
    np.testing.assert_allclose(np.diag(made), 1.0, atol=1e-12)
    np.testing.assert_allclose(made, made.T)
    again, more = nearest(made)
    assert more == 0.0 and again is made
    assert (changed == 0.0) == (np.linalg.eigvalsh(wild)[0] >= -1e-9)


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 6), st.integers(0, 10_000))
def test_pairs_left_open_make_room_for_the_others(k: int, seed: int) -> None:
    """Entries of a matrix that can be, with some of them left open: the given ones stay."""
    rng = np.random.default_rng(seed)
    loads = rng.normal(size=(k, k + 1))
    whole = loads @ loads.T
    whole /= np.sqrt(np.outer(np.diag(whole), np.diag(whole)))
    given_pairs = rng.random((k, k)) < 0.6
    given_pairs = given_pairs | given_pairs.T
    made = completed(np.where(given_pairs | np.eye(k, dtype=bool), whole, 0.0), given_pairs)
    final = nearest(made)[0]
    np.testing.assert_allclose(final[given_pairs], whole[given_pairs], atol=2e-3)


def test_a_chain_is_possible_and_a_contradiction_is_not() -> None:
    chain = (Correlation("a", "b", 0.9), Correlation("b", "c", 0.9))
    assert matrix(chain)[3] < 1e-9
    assert matrix((*chain, Correlation("a", "c", -0.9)))[3] > 0.3


def test_nothing_hangs_on_the_order() -> None:
    lines = (Correlation("a", "b", 0.5), Correlation("c", "b", -0.4), Correlation("a", "d", 0.2))
    one = draw(case_of(*lines), 500, 1)
    for other in permutations(lines):
        two = draw(case_of(*(Correlation(c.second, c.first, c.rank) for c in other)), 500, 1)
        assert all(np.array_equal(one[name], two[name]) for name in KINDS)


def test_what_is_not_correlated_stays_bit_for_bit() -> None:
    free, bound = draw(case_of(), 1000, 7), draw(case_of(Correlation("a", "b", 0.8)), 1000, 7)
    assert all(np.array_equal(free[name], bound[name]) for name in "cde")
    assert not np.array_equal(free["a"], bound["a"])
    assert np.array_equal(draw(case_of(), 1000, 7)["a"], free["a"])
    shorter = draw(case_of(Correlation("a", "b", 0.8)), 300, 7)
    np.testing.assert_allclose(shorter["a"], np.asarray(bound["a"])[:300], rtol=1e-12)


@pytest.mark.parametrize("rank", [-0.7, 0.0, 0.5, 1.0])
@pytest.mark.parametrize("pair", ["ab", "ac", "bd", "ce"])
def test_draws_hang_together_and_keep_their_own_distribution(pair: str, rank: float) -> None:
    n = 40_000
    world = draw(case_of(Correlation(*pair, rank)), n, 2)
    assert spearman(world.array(pair[0]), world.array(pair[1])) == pytest.approx(rank, abs=0.02)
    for name in pair:
        for level in (0.1, 0.5, 0.9):
            place = KINDS[name].quantile(np.array([level]))[0]
            assert (world.array(name) <= place).mean() == pytest.approx(level, abs=0.02)


def test_events_happen_together() -> None:
    facts = {"x": made_fact("x", Chance(0.1, Exactly(1.0))), "y": made_fact("y", Chance(0.1, Exactly(1.0)))}

    def both(*lines: Correlation) -> float:
        case = Case("x", "en", "USD", "t", "accuracy", 0.8, 0.8, 12, (), facts, correlations=lines)
        world = draw(case, 40_000, 1)
        return float((world.array("x") * world.array("y")).mean())

    assert both() == pytest.approx(0.01, abs=0.003)
    assert both(Correlation("x", "y", 0.9)) > 0.05


def test_independent_normals_stay_as_they_are() -> None:
    z = np.random.default_rng(1).standard_normal((100, 3))
    np.testing.assert_allclose(join(z, np.eye(3)), z, atol=1e-15)
