"""Metrics against scikit-learn, and their errors against resampling."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.metrics import compute, higher_is_better, names
from groundsill.terms.problem import Problem

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 3)), min_size=1, max_size=60)


def arrays(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    truth, predicted = zip(*pairs, strict=True)
    return np.array(truth, dtype=np.int32), np.array(predicted, dtype=np.int32)


@given(PAIRS)
def test_values_equal_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, predicted = arrays(pairs)
    there = sorted(set(truth.tolist()))
    assert compute("accuracy", truth, predicted, "abcd").value == pytest.approx(
        metrics.accuracy_score(truth, predicted)
    )
    f1 = metrics.f1_score(truth, predicted, labels=there, average="macro", zero_division=0)
    assert compute("macro-f1", truth, predicted, "abcd").value == pytest.approx(f1)
    recalls = metrics.recall_score(truth, predicted, labels=there, average=None, zero_division=0)
    for one, value in zip(there, recalls, strict=True):
        assert compute(f"recall:{'abcd'[one]}", truth, predicted, "abcd").value == pytest.approx(value)


@given(PAIRS)
def test_more_values_equal_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    truth, predicted = arrays(pairs)
    there = sorted(set(truth.tolist()))
    for name, average in (("weighted-f1", "weighted"), ("micro-f1", "micro")):
        labels = there if average == "weighted" else [0, 1, 2, 3]
        value = metrics.f1_score(truth, predicted, labels=labels, average=average, zero_division=0)
        assert compute(name, truth, predicted, "abcd").value == pytest.approx(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one label only
        correlation = metrics.matthews_corrcoef(truth, np.where(predicted < 0, 4, predicted))
    assert compute("mcc", truth, predicted, "abcd").value == pytest.approx(correlation, abs=1e-9)
    for kind, theirs in (("precision", metrics.precision_score), ("f1", metrics.f1_score)):
        values = theirs(truth, predicted, labels=there, average=None, zero_division=0)
        for one, value in zip(there, values, strict=True):
            assert compute(f"{kind}:{'abcd'[one]}", truth, predicted, "abcd").value == pytest.approx(value)


@given(PAIRS)
def test_errors_are_never_zero_and_shrink_with_more_rows(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = arrays(pairs)
    for metric in ("accuracy", "macro-f1"):
        once = compute(metric, truth, predicted, "abcd")
        many = compute(metric, np.tile(truth, 16), np.tile(predicted, 16), "abcd")
        assert 0 <= once.value <= 1
        assert 0 < many.stderr < once.stderr <= 0.6
        assert many.value == pytest.approx(once.value)


def test_binomial_error() -> None:
    truth, predicted = np.zeros(100, dtype=np.int32), np.array([0] * 80 + [1] * 20, dtype=np.int32)
    found = compute("accuracy", truth, predicted, ("a", "b"))
    assert (found.value, found.stderr) == pytest.approx((0.8, 0.04))
    assert compute("recall:a", truth, predicted, ("a", "b")) == found


@pytest.mark.parametrize("metric", ["macro-f1", "weighted-f1", "mcc", "precision:c", "f1:c"])
def test_error_equals_that_of_resampling(metric: str) -> None:
    """The delta method against 2,000 resamples; tolerance 4 standard errors of the resampled deviation (1.6 % each)."""
    rng = np.random.default_rng(5)
    truth = rng.choice(4, 600, p=(0.55, 0.25, 0.15, 0.05)).astype(np.int32)
    predicted = np.where(rng.random(600) < 0.7, truth, rng.integers(0, 4, 600)).astype(np.int32)
    rows = rng.integers(0, 600, (2000, 600))
    resampled = np.std([compute(metric, truth[r], predicted[r], "abcd").value for r in rows])
    assert compute(metric, truth, predicted, "abcd").stderr == pytest.approx(resampled, rel=0.065)


def test_all_right_on_few_rows_is_still_in_doubt() -> None:
    truth = np.array([0, 1] * 10, dtype=np.int32)
    found = compute("accuracy", truth, truth, "ab")
    # Beta(20.5, 0.5): variance 20.5 x 0.5 / (21^2 x 22)
    assert found.value == 1 and found.stderr == pytest.approx((20.5 * 0.5 / (21**2 * 22)) ** 0.5)


def test_names_and_direction() -> None:
    assert names(("x", "y z")) == ("accuracy", "macro-f1", "weighted-f1", "micro-f1", "mcc", "recall:x", "recall:y z")
    assert higher_is_better("f1:a") and higher_is_better("precision:a")
    assert all(higher_is_better(name) for name in names("ab"))


@pytest.mark.parametrize(
    ("metric", "code"),
    [("f2", "lab.unknown_metric"), ("recall:z", "lab.no_such_class"), ("recall:b", "lab.class_not_tested")],
)
def test_metrics_that_cannot_be(metric: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        compute(metric, np.zeros(3, dtype=np.int32), np.zeros(3, dtype=np.int32), ("a", "b"))
    assert caught.value.code == code
