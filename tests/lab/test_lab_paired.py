"""Paired tests against exact numbers and by simulation."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.evaluation.answers import FOLDER, keep, kept
from groundsill.lab.metrics.paired import compare, mcnemar


@given(st.integers(0, 12), st.integers(0, 12))
def test_mcnemar_by_counting(wins: int, losses: int) -> None:
    """Every outcome of the coins, those as far out as what was seen counted by half."""
    n = wins + losses
    tails = [sum(side) for side in product((0, 1), repeat=n)] if n else [0]
    far, seen = np.abs(np.array(tails) - n / 2), abs(wins - n / 2)
    expected = (far > seen).mean() + 0.5 * (far == seen).mean()
    assert mcnemar(wins, losses) == pytest.approx(1.0 if wins == losses else expected)
    assert mcnemar(wins, losses) == mcnemar(losses, wins)


def answers(rng: np.random.Generator, truth: np.ndarray, right: float, seeds: int) -> list[np.ndarray]:
    return [np.where(rng.random(len(truth)) < right, truth, 1 - truth).astype(np.int32) for _ in range(seeds)]


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("metric", ["accuracy", "macro-f1"])
def test_a_clear_difference_is_seen_and_none_is_not(seeds: int, metric: str) -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 400).astype(np.int32)
    good, bad = answers(rng, truth, 0.9, seeds), answers(rng, truth, 0.75, seeds)
    found = compare(metric, truth, good, bad, "ab", np.random.default_rng(0))
    assert found.low < 0.15 < found.high and found.low > 0 and found.p < 0.001 and found.wins > found.losses
    turned = compare(metric, truth, bad, good, "ab", np.random.default_rng(0))
    assert turned.difference == pytest.approx(-found.difference) and turned.p < 0.001
    same = compare(metric, truth, good, good, "ab", np.random.default_rng(0))
    assert same.difference == 0 and same.low == same.high == 0 and same.p == 1


def test_p_is_even_where_both_are_alike() -> None:
    """200 worlds without a difference: p below .1 in about a tenth of them (McNemar's mid-p, 1 seed; flips, 2 seeds)."""
    rng = np.random.default_rng(8)
    truth = rng.integers(0, 2, 200).astype(np.int32)
    for seeds, worlds in ((1, 200), (2, 60)):
        found = []
        for _ in range(worlds):
            a, b = answers(rng, truth, 0.8, seeds), answers(rng, truth, 0.8, seeds)
            right = [np.stack([one == truth for one in side]) for side in (a, b)]
            if seeds == 1:
                found.append(mcnemar(int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())))
            else:
                found.append(compare("accuracy", truth, a, b, "ab", rng).p)
        share, doubt = np.mean(np.array(found) < 0.1), (0.1 * 0.9 / worlds) ** 0.5
        assert share <= 0.1 + 3 * doubt


def test_answers_are_kept_and_broken_ones_are_none(tmp_path: Path) -> None:
    told = np.array([[0.5, 2.0], [-1.0, 0.0], [3.0, 1.0]])
    keep(tmp_path, "abc", told)
    again = kept(tmp_path, "abc", 3)
    assert again is not None and again.tolist() == told.tolist()
    assert kept(tmp_path, "abc", 4) is None and kept(tmp_path, "other", 3) is None
    file = tmp_path / FOLDER / "abc.npy"
    file.write_bytes(file.read_bytes()[:-5])
    assert kept(tmp_path, "abc", 3) is None
