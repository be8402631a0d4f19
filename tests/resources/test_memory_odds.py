"""How far off the peak may be."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from groundsill.resources.memory import MemoryFactors, fits_probability, interval
from groundsill.resources.memory_odds import shipped

ROOT = Path(__file__).resolve().parents[2]


def test_half_at_the_limit() -> None:
    assert fits_probability(80e9, 80e9, MemoryFactors()) == pytest.approx(0.5)
    odds = fits_probability(np.array([40e9, 80e9, 160e9]), 80e9, MemoryFactors())
    assert odds[0] > 0.999 and odds[2] < 0.001
    assert np.all(np.diff(odds) < 0)


def test_the_interval_holds_its_share() -> None:
    """The probability between both ends of the 80 % interval is 0.8."""
    low, high = interval(10e9, 0.8, MemoryFactors())
    inside = fits_probability(10e9, high, MemoryFactors()) - fits_probability(10e9, low, MemoryFactors())
    assert inside == pytest.approx(0.8, abs=1e-6)


def test_one_own_run_moves_the_forecast_visibly() -> None:
    """The level is as wide as the noise: one run that needed 10 % more moves the forecast by half of that."""
    before = MemoryFactors(level_sd=0.06, noise_sd=0.06)
    after = before.updated([10e9], [11e9])
    assert after.shift == pytest.approx(np.log(1.1) / 2)
    assert after.sd < before.sd
    assert fits_probability(10e9, 10.5e9, after) < fits_probability(10e9, 10.5e9, before)
    assert before.updated([], []) == before


def test_many_own_runs_settle_it() -> None:
    after = MemoryFactors().updated([10e9] * 200, [12e9] * 200)
    assert after.shift == pytest.approx(np.log(1.2), rel=0.01)
    assert after.sd == pytest.approx(after.noise_sd, rel=0.01)


def test_shipped_coefficients_are_plausible() -> None:
    """3 to 12 % held beyond tensors, a context of 0.5 to 1 GiB, and an error of 5 to 20 %."""
    known = shipped()
    assert 0.03 <= known.fragmentation <= 0.12
    assert 0.5 * 2**30 <= known.context_bytes <= 2**30
    assert 0.05 <= known.sd <= 0.20


def test_verdicts_need_both_kinds_of_rows() -> None:
    """Without a row that ran out of memory there is nothing to judge."""
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks.published.memory import score_oom
    finally:
        sys.path.remove(str(ROOT))
    found = score_oom({"finetune_runs": []}, None, None)
    assert found["out_of_memory"] == 0
    assert np.isnan(found["balanced_accuracy"])
