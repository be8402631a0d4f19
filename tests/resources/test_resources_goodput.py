"""Goodput, energy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.resources.energy import joules
from groundsill.resources.goodput import checkpoint_every_seconds, goodput
from groundsill.terms.quantity import HOUR

# Llama 3 (arXiv 2407.21783, section 3.3.4): 419 unexpected interruptions in 54 days on 16,384 accelerators.
MTBF = 54 * 24 * HOUR * 16384 / 419


def test_llama_3_failures() -> None:
    """One every 3.1 hours; with a minute to save and 15 minutes to restart about 0.82 of the time is progress at 16,384
    and 0.97 at 1,024 (first order, Young 1974; the complete model of Daly 2006 lies within 0.015 of it)."""
    assert pytest.approx(3.1, abs=0.05) == MTBF / 16384 / HOUR
    for accelerators, first_order in ((16384, 0.82), (1024, 0.97)):
        assert goodput(accelerators, MTBF, 60.0, 900.0) == pytest.approx(first_order, abs=0.015)


def test_young_interval() -> None:
    """Young 1974: sqrt(2 d M), here less d (Daly 2006)."""
    assert checkpoint_every_seconds(24 * HOUR, 300.0) == pytest.approx((2 * 300 * 24 * HOUR) ** 0.5 - 300)


@settings(deadline=None)
@given(
    accelerators=st.integers(1, 100_000),
    mtbf=st.floats(1e7, 1e10),
    checkpoint=st.floats(0, 600),
    restart=st.floats(0, 7200),
)
def test_goodput_is_a_share(accelerators: int, mtbf: float, checkpoint: float, restart: float) -> None:
    share = goodput(accelerators, mtbf, checkpoint, restart)
    assert 0 <= share <= 1
    assert goodput(accelerators, mtbf, checkpoint, restart + 60) <= share + 1e-12
    assert goodput(accelerators, 2 * mtbf, checkpoint, restart) >= share - 1e-12 or checkpoint * 2 * accelerators > mtbf


def test_interval_is_close_to_the_best() -> None:
    """No other interval on a fine grid does more than 1 % better, up to a checkpoint of a tenth of the MTBF."""
    for checkpoint in (1.0, 60.0, 1000.0):
        mtbf, restart = 10_000.0, 500.0
        every = np.geomspace(10, 50_000, 2000)
        shares = every / (mtbf * np.exp(restart / mtbf) * np.expm1((every + checkpoint) / mtbf))
        assert goodput(1, mtbf, checkpoint, restart) == pytest.approx(shares.max(), rel=0.01)


def test_arrays_give_what_floats_give() -> None:
    count, restart = np.array([8.0, 1024.0, 16384.0]), np.array([60.0, 900.0, 1800.0])
    both = goodput(count, MTBF, 60.0, restart)
    assert np.array_equal(both, [goodput(c, MTBF, 60.0, r) for c, r in zip(count, restart, strict=True)])
    assert goodput(1.0, MTBF, 0.0, 0.0) == pytest.approx(1.0)


def test_energy_of_one_megawatt_hour() -> None:
    """1,000 hours at 1 kW, full load, PUE 1.2: 1.2 MWh."""
    assert joules(1000 * HOUR, 1000.0, 1.0, 1.2) == pytest.approx(1.2 * 3.6e9)
