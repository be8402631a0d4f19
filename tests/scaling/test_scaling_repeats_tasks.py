"""Repeated data, and task scores from small models."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.scaling import repeats, tasks
from groundsill.scaling.loss import Law
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array

LAW = Law(1.87, 521.0, 1488.0, 0.3527, 0.3527, 0.0)  # Muennighoff et al. 2023
COLUMNS = ("N", "D", "unique_tokens", "loss")


@given(epochs=st.floats(0.1, 1000), unique=st.floats(1e6, 1e12), decay=st.floats(0.5, 100))
def test_effective_data_lie_between_unique_and_read(epochs: float, unique: float, decay: float) -> None:
    read = epochs * unique
    found = float(repeats.worth(read, unique, decay))
    assert min(read, unique) * (1 - 1e-9) <= found <= read * (1 + 1e-9)
    assert found <= unique * (1 + decay) * (1 + 1e-9)
    assert float(repeats.worth(1.5 * read, unique, decay)) >= found


def test_four_epochs_are_nearly_fresh_and_forty_are_not() -> None:
    """Muennighoff et al. 2023, figure 1: up to 4 epochs nearly as good as new data; at 40 repetition is worthless."""
    assert float(repeats.worth(4.0, 1.0, 15.4)) > 0.9 * 4
    known = repeats.prior(4000, np.random.default_rng(0))
    assert np.median(known.tokens(4e9, 1e9)) > 3.5e9
    assert np.median(known.tokens(4e10, 1e9)) < 0.5 * 4e10
    assert np.median(known.data) == pytest.approx(15, rel=0.1)
    assert np.quantile(np.log(known.data), 0.84) - np.log(15) == pytest.approx(np.log(3), rel=0.1)
    assert [known.notes(e, 1.0) for e in (4.0, 10.0, 17.0)] == [(), ("scaling.repeats",), ("scaling.repeats_many",)]


def test_without_repeats_the_loss_is_that_of_the_law() -> None:
    known = repeats.prior(50, np.random.default_rng(0))
    size = float(repeats.best_size(1e10, LAW)) / 2
    assert known.loss(size, 1e10, 1e10, LAW) == pytest.approx(LAW.at(size, 1e10))
    assert known.loss(size, 1e10, 5e10, LAW) == pytest.approx(LAW.at(size, 1e10))
    assert (known.loss(size, 1e10, 1e9, LAW) > LAW.at(size, 1e10)).all()
    assert (known.loss(100 * size, 1e10, 1e10, LAW) > LAW.at(100 * size, 1e10)).all()


def made(r_d: float, r_n: float) -> list[Array]:
    rng = np.random.default_rng(2)
    unique = np.exp(rng.uniform(np.log(1e8), np.log(1e10), 120))
    d, n = unique * np.exp(rng.uniform(0, np.log(60), 120)), np.exp(rng.uniform(np.log(1e7), np.log(5e9), 120))
    new_n = repeats.worth(n, np.minimum(n, repeats.best_size(unique, LAW)), r_n)
    loss = LAW.floor + LAW.a * new_n**-LAW.alpha + LAW.b * repeats.worth(d, unique, r_d) ** -LAW.beta
    return [n, d, unique, loss * np.exp(0.003 * rng.standard_normal(120))]


def test_fit_finds_the_decays_that_made_the_runs() -> None:
    found = repeats.fit_repeats(*made(15.0, 5.0), LAW, n=500, rng=np.random.default_rng(1))
    assert found.best == pytest.approx((15.0, 5.0), rel=0.25)
    assert np.quantile(found.data, 0.05) < 15 < np.quantile(found.data, 0.95)
    with pytest.raises(Problem) as problem:
        repeats.fit_repeats(*(c[:5] for c in made(15.0, 5.0)), LAW, n=5, rng=np.random.default_rng(1))
    assert problem.value.code == "scaling.few_losses"
    n, d, unique, loss = made(15.0, 5.0)
    with pytest.raises(Problem) as problem:
        repeats.fit_repeats(n, d, -unique, loss, LAW, n=5, rng=np.random.default_rng(1))
    assert problem.value.code == "scaling.bad_value"


def curves_folder(config: pytest.Config) -> Path:
    """The folder of public curves, itself or in `--truth DIR`."""
    given = config.getoption("--truth")
    if given is None:
        pytest.skip("needs --truth DIR")
    return Path(given) / "curves" if (Path(given) / "curves").is_dir() else Path(given)


def test_published_pair_has_the_published_objective(pytestconfig: pytest.Config) -> None:
    """Muennighoff et al. 2023: 0.0158259 at R_D 15.388, R_N 5.310 (E, A, B before rounding, hence the tolerance)."""
    path = curves_folder(pytestconfig) / "data_constrained.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [np.array([float(r[k]) for r in rows]) for k in COLUMNS]
    runs = repeats._Runs(LAW, *columns)
    assert runs.huber(np.log([15.387756, 5.309743])).sum() == pytest.approx(0.0158259, rel=2e-3)
    found = repeats.fit_repeats(*columns, LAW, n=100, rng=np.random.default_rng(1))
    assert found.objective is not None and found.objective <= 0.01581


def ladder(noise: float = 0.004) -> tuple[Array, Array, Array, Array]:
    n = np.repeat(np.geomspace(1.9e8, 1.3e9, 4), 5)
    d = 20 * n * np.tile([0.5, 1, 2, 5, 10], 4)
    return n, d, bits_at(n, d), score_at(n, d) + noise * np.random.default_rng(0).standard_normal(20)


def bits_at(n: Array, d: Array) -> Array:
    return np.asarray(0.45 + 60 * n**-0.28 + 120 * d**-0.27)


def score_at(n: Array, d: Array) -> Array:
    return np.asarray(0.25 + 0.75 / (1 + np.exp(6 * (bits_at(n, d) - 0.75))))


def test_a_large_model_is_forecast_from_small_ones() -> None:
    found = tasks.fit_task(*ladder(), chance=0.25, n=1000, rng=np.random.default_rng(1))
    n, d = np.array([7e9]), np.array([4e12])
    low, middle, high = np.quantile(found.at({"parameters": 7e9, "tokens": 4e12}), (0.05, 0.5, 0.95))
    assert low < score_at(n, d)[0] < high
    assert middle == pytest.approx(score_at(n, d)[0], abs=0.06)
    near = found.at({"parameters": 1.3e9, "tokens": 2.6e11})
    assert np.subtract(*np.quantile(near, (0.95, 0.05))) < high - low
    with pytest.raises(Problem) as problem:
        found.at({"parameters": 1e12, "tokens": 1e14})
    assert problem.value.code == "scaling.outside_surface"


def test_a_score_is_never_outside_its_range_nor_far_below_chance() -> None:
    n, d, bits, _ = ladder()
    found = tasks.fit_task(n, d, bits, np.full(20, 0.25), chance=0.25, n=500, rng=np.random.default_rng(1))
    draws = found.at({"parameters": 7e9, "tokens": 1e12})
    assert draws.min() >= 0.15 and draws.max() <= 1.0


def test_bad_scores_and_unsteady_tasks_are_named() -> None:
    n, d, bits, score = ladder()
    for wrong, chance in ((87.0, 0.25), (float("nan"), 0.25), (0.5, 1.5)):
        bad = score.copy()
        bad[3] = wrong
        with pytest.raises(Problem) as problem:
            tasks.fit_task(n, d, bits, bad, chance=chance, n=10, rng=np.random.default_rng(1))
        assert problem.value.code == "scaling.bad_value"
    steady = bits[:, None] * np.array([1.0, 1.001, 0.999])
    shaky = bits[:, None] * np.array([1.0, 1.03, 0.97])
    assert not tasks.unsteady(steady) and tasks.unsteady(shaky)
    found = tasks.fit_task(n, d, bits, score, chance=0.25, n=10, rng=np.random.default_rng(1), last_bits=shaky)
    assert found.notes == ("scaling.unsteady_task",)
