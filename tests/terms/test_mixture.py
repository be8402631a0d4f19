"""Mixtures: the quantile is that of the whole, and tables are read with good refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.terms.mixture import Mixture, of_table
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly, Pert, Range, ThreePoint

PARTS = (Range(1.0, 3.0), ThreePoint(5.0, 6.0, 9.0), Pert(0.0, 1.0, 4.0), Exactly(2.0), Range(-1.0, 1.0))


def test_the_quantile_is_that_of_the_whole() -> None:
    """Against draws of the parts in their shares; the standard error of a share is sqrt(p (1 - p) / n) < 0.0008."""
    mixture, n = Mixture((PARTS[0], PARTS[1], PARTS[3]), (0.5, 0.3, 0.2)), 400_000
    rng = np.random.default_rng(1)
    which = rng.choice(3, size=n, p=mixture.weights)
    drawn = np.choose(which, [p.quantile(rng.random(n)) for p in mixture.parts])
    for level in (0.05, 0.3, 0.6, 0.75, 0.95):
        place = mixture.quantile(np.array([level]))[0]
        assert (drawn < place).mean() <= level + 0.003
        assert (drawn <= place).mean() >= level - 0.003


def test_one_part_is_itself() -> None:
    u = np.linspace(0.001, 0.999, 999)
    np.testing.assert_allclose(Mixture((PARTS[0],), (1.0,)).quantile(u), PARTS[0].quantile(u), rtol=1e-3)
    assert Mixture((Exactly(7.0),), (1.0,)).quantile(u).tolist() == [7.0] * 999


def test_a_jump_is_a_jump() -> None:
    two = Mixture((Exactly(1.0), Exactly(5.0)), (0.25, 0.75))
    np.testing.assert_array_equal(two.quantile(np.array([0.1, 0.2499, 0.2501, 0.9])), [1.0, 1.0, 5.0, 5.0])
    assert two.median == 5.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PARTS), st.floats(0.01, 1.0)), min_size=1, max_size=5))
def test_it_rises_and_stays_within_its_parts(parts: list[tuple[Range, float]]) -> None:
    whole = sum(w for _, w in parts)
    u = np.linspace(0.01, 0.99, 197)
    found = Mixture(tuple(p for p, _ in parts), tuple(w / whole for _, w in parts)).quantile(u)
    ends = np.array([p.quantile(np.array([1e-6, 1.0 - 1e-6])) for p, _ in parts])
    assert (np.diff(found) >= 0).all()
    assert ends.min() - 0.01 <= found[0] and found[-1] <= ends.max() + 0.01


def test_tables() -> None:
    found = of_table({"mix": ["80k to 150k", 3e5, {"low": 1.0, "mode": 2.0, "high": 3.0}], "weights": [2, 1, 1]})
    assert found == Mixture((Range(8e4, 15e4), Exactly(3e5), Pert(1.0, 2.0, 3.0)), (0.5, 0.25, 0.25))
    assert of_table({"mix": [1, 2]}).weights == (0.5, 0.5)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ({"mix": []}, "quantity.bad_table"),
        ({"mix": [1], "odd": 2}, "quantity.bad_table"),
        ({"mix": [{"choose": [1, 2]}]}, "quantity.bad_table"),
        ({"mix": [{"mix": [1]}]}, "quantity.bad_table"),
        ({"mix": [True]}, "quantity.not_a_number"),
        ({"mix": [1, 2], "weights": [1]}, "quantity.bad_weights"),
        ({"mix": [1, 2], "weights": [1, -1]}, "quantity.bad_weights"),
        ({"mix": [1, 2], "weights": [0, 0]}, "quantity.bad_weights"),
        ({"mix": [1, 2], "weights": "half"}, "quantity.bad_weights"),
        ({"mix": ["3 to 2"]}, "quantity.reversed"),
    ],
)
def test_refusals(table: dict[str, object], code: str) -> None:
    with pytest.raises(Problem) as caught:
        of_table(table)
    assert caught.value.code == code
