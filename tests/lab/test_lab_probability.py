"""Metrics of probabilities against scikit-learn, closed forms and resampling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.metrics import probability
from groundsill.lab.metrics.probability import brier, ece, judged, log_loss, probabilities, reliability, roc_auc


def made(seed: int, rows: int, sharp: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Truth drawn from the probabilities, and these, made sharper or flatter."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(rows, 3)) * 1.5
    p = probabilities(scores)
    truth = (rng.random(rows)[:, None] > p.cumsum(axis=1)).sum(axis=1).clip(0, 2).astype(np.int32)
    return truth, probabilities(scores * sharp)


@given(st.integers(0, 500), st.integers(20, 60), st.floats(0.3, 3))
def test_values_are_those_of_scikit_learn(seed: int, rows: int, sharp: float) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, p = made(seed, rows, sharp)
    assert log_loss(truth, p).value == pytest.approx(metrics.log_loss(truth, p, labels=[0, 1, 2]))
    areas = (
        [metrics.roc_auc_score(truth == k, p[:, k]) for k in np.unique(truth)] if len(set(truth.tolist())) > 1 else []
    )
    if areas:
        assert roc_auc(truth, p).value == pytest.approx(np.mean(areas))
    by_hand = np.mean([sum((p[i, k] - (truth[i] == k)) ** 2 for k in range(3)) for i in range(rows)])
    assert brier(truth, p).value == pytest.approx(by_hand)


@pytest.mark.parametrize("name", ["log_loss", "brier", "roc_auc"])
def test_errors_are_those_of_new_test_sets(name: str) -> None:
    """The mean standard error against the spread over 400 test sets; 4 standard errors of that spread are 14 %."""
    metric = getattr(probability, name)
    found = [metric(*made(seed, 300, 1.3)) for seed in range(400)]
    assert np.mean([m.stderr for m in found]) == pytest.approx(np.std([m.value for m in found]), rel=0.14)


def test_calibration_tells_right_from_too_sure() -> None:
    truth, right = made(1, 4000)
    _, sure = made(1, 4000, 3.0)
    good, bad = ece(truth, right), ece(truth, sure)
    assert good.value < 0.03 < 0.12 < bad.value and 0 < bad.stderr < 0.02
    bins = reliability(truth, right)
    assert sum(n for *_, n in bins) == 4000
    assert all(abs(said - was) < 0.09 for said, was, _ in bins)  # 3 standard errors of 267 rows
    assert bins == sorted(bins, key=lambda b: b[0])


def test_one_class_has_no_area_and_ties_count_half() -> None:
    p = np.full((4, 2), 0.5)
    assert "roc-auc" not in judged(np.zeros(4, dtype=np.int32), p)
    found = judged(np.array([0, 0, 1, 1], dtype=np.int32), p)
    assert found["roc-auc"].value == 0.5 and list(found) == list(probability.NAMES)
    sure = np.array([[50.0, -50.0], [-50.0, 50.0]])
    assert judged(np.array([1, 0], dtype=np.int32), sure)["log-loss"].value == pytest.approx(-np.log(1e-15))
