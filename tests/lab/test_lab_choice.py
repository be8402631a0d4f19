"""Choosing a base model: LogME, the probe of few labels, how a tokenizer reads, and the table that joins them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lab.conftest import WORDS

from groundsill import api
from groundsill.api.choosing import first_by_logme
from groundsill.lab.data import Prepared, Split
from groundsill.lab.metrics.logme import logme
from groundsill.lab.models.reading import reading
from groundsill.lab.training import choice
from groundsill.terms.problem import Problem


def evidence(features: np.ndarray, y: np.ndarray, logs: np.ndarray) -> float:
    """Log density of y under N(0, I / beta + F F' / alpha), per row: the same evidence, written out."""
    alpha, beta = np.exp(logs)
    spread = np.eye(len(y)) / beta + features @ features.T / alpha
    _, determinant = np.linalg.slogdet(spread)
    fit = float(y @ np.linalg.solve(spread, y))
    return -0.5 * (fit + determinant + len(y) * np.log(2 * np.pi)) / len(y)


@pytest.mark.parametrize(("rows", "width"), [(60, 5), (40, 80)])  # more rows than features, and fewer
def test_logme_is_the_largest_evidence_of_the_linear_model(rows: int, width: int) -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(rows)
    features = rng.normal(size=(rows, width))
    labels = (features[:, 0] + 0.8 * rng.normal(size=rows) > 0).astype(np.int32)
    best = []
    for one in (0, 1):
        y = (labels == one).astype(float)
        found = [minimize(lambda v, y=y: -evidence(features, y, v), s, method="Nelder-Mead") for s in ((0, 0), (3, 1))]
        best.append(-min(f.fun for f in found))
    assert logme(features, labels) == pytest.approx(np.mean(best), abs=2e-3)


def test_logme_prefers_features_that_know_the_labels() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200).astype(np.int32)
    noise = rng.normal(size=(200, 30))
    some, more = noise.copy(), noise.copy()
    some[:, :4] += np.eye(4)[labels]
    more[:, :4] += 3 * np.eye(4)[labels]
    assert logme(more, labels) > logme(some, labels) > logme(noise, labels)
    assert np.isnan(logme(noise, np.zeros(200, dtype=np.int32)))


@given(pool=st.integers(40, 500), labels=st.integers(8, 64), probes=st.integers(2, 5))
def test_hands_share_no_row(pool: int, labels: int, probes: int) -> None:
    dealt = choice.hands(pool, labels, probes, 1)
    assert dealt.shape == (probes, min(labels, pool // probes))
    assert len(np.unique(dealt)) == dealt.size and dealt.max() < pool


def test_too_few_rows_to_probe_are_refused() -> None:
    with pytest.raises(Problem, match=r"lab\.too_few_to_probe"):
        choice.hands(39, 64, 5)


def test_a_head_is_never_judged_on_its_own_rows() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 60).astype(np.int32)
    right = choice.judged(rng.normal(size=(60, 50)), labels, 2, 3)
    for hand in range(3):
        own = np.zeros(60, dtype=bool)
        own[hand * 20 : hand * 20 + 20] = True
        assert np.isnan(right[hand, own]).all() and np.isfinite(right[hand, ~own]).all()
    # 50 features fit 20 rows of noise without a miss; judged on others, a head on noise is at chance
    assert 0.3 < np.nanmean(right) < 0.7
    assert np.nanmean(choice.judged(np.eye(2)[labels], labels, 2, 3)) == 1.0


def test_ranks_know_what_they_cannot_tell_apart() -> None:
    rng = np.random.default_rng(3)
    hand = np.repeat(np.arange(5), 64)
    base = np.where(np.arange(5)[:, None] == hand, np.nan, (rng.random((5, 320)) < 0.8).astype(float))
    near = np.where(np.isnan(base), np.nan, np.where(rng.random(base.shape) < 0.98, base, 1 - base))
    far = np.where(np.isnan(base), np.nan, (rng.random(base.shape) < 0.5).astype(float))
    found = choice.rank({"far": far, "near": near, "base": base, "twin": base}, np.random.default_rng(0))
    assert found["far"].rank == 4 and not found["far"].tied and found["far"].behind_low > 0.15
    assert (found["base"].rank, found["twin"].rank) == (1, 2) and found["twin"].behind == 0 and found["twin"].tied
    assert found["base"].low == 1 and found["far"].low == found["far"].high == 4
    assert found["near"].behind_low <= found["near"].behind <= found["near"].behind_high


@pytest.mark.parametrize("truth", [0.6, 0.85])
def test_the_standard_error_of_the_probe_holds(truth: float) -> None:
    """Made-up heads whose quality differs by hand, rows that are hard for all: the mean is within 1.645 errors at least as
    often as it says."""
    rng, inside = np.random.default_rng(4), 0
    for _ in range(300):
        hand, hard = rng.normal(0, 0.02, 5), rng.normal(0, 0.1, 320)
        chance = np.clip(truth + hand[:, None] + hard, 0, 1)
        right = (rng.random((5, 320)) < chance).astype(float)
        right[np.repeat(np.arange(5), 64) == np.arange(5)[:, None]] = np.nan
        mean, error = choice._mean(right)
        inside += abs(mean - truth) <= 1.645 * error
    assert inside / 300 >= 0.85


@pytest.mark.torch
def test_a_probe_of_a_real_net(planted: Prepared, tiny_bert: Path, tmp_path: Path) -> None:
    dealt = choice.hands(len(planted.pool), 30, 4)
    first = choice.probe(tiny_bert, planted.pool, 3, dealt, context=64, work=tmp_path)
    again = choice.probe(tiny_bert, planted.pool, 3, dealt, context=64, work=tmp_path)
    assert first.right.shape == (4, 120) and np.array_equal(first.right, again.right, equal_nan=True)
    assert first.accuracy > 0.4 and 0 < first.stderr < 0.2 and first.seconds_per_row > 0
    blank = Split(planted.pool.texts, np.zeros(len(planted.pool), dtype=np.int32))
    with pytest.raises(Problem, match=r"lab\.probe_one_class"):
        choice.probe(tiny_bert, blank, 3, dealt, context=64, work=tmp_path)


@pytest.mark.torch
def test_reading_counts_unknown_and_long_texts(tiny_bert: Path, tmp_path: Path) -> None:
    known = reading(tiny_bert, ["apple pear", "the old oak"] * 10, 64)
    assert known.unknown == 0.0 and known.beyond == 0.0
    assert known.tokens_per_character == pytest.approx(5 / len("apple pearthe old oak"))
    strange = reading(tiny_bert, ["apple Quark", "apple " * 100], 64)
    assert strange.unknown == pytest.approx(1 / 102) and strange.beyond == 0.5 and strange.longest == 100
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Problem, match=r"lab\.no_tokenizer"):
        reading(tmp_path, ["a"], 64)


@pytest.fixture
def reviews(planted: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The planted table as a csv, with more telling words in each text, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "reviews.csv"
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(("review", "class"))
        for side in (planted.pool, planted.test):
            names = [planted.classes[k] for k in side.labels]
            rows.writerows((" ".join((t, *WORDS[name])), name) for t, name in zip(side.texts, names, strict=True))
    return file


@pytest.mark.torch
def test_models_are_ranked_and_what_is_missing_is_said(reviews: Path, tiny_bert: Path) -> None:
    names = (str(tiny_bert), "bert-base", "llama-3.1-8b", "vit-b-16")
    found = api.estimate_model(reviews, candidates=names, labels=30, probes=4)
    assert [s.model for s in found.standings] == list(names)
    tiny, bert, llama, vit = found.standings
    assert found.best == tiny.model and tiny.place is not None and tiny.place.rank == 1 and tiny.missing is None
    assert tiny.accuracy is not None and tiny.reading is not None and tiny.seconds_per_row and tiny.forward_flops
    assert tiny.licence == "" and bert.licence == "Apache-2.0"  # a folder states none, and none is guessed
    for absent in (bert, llama, vit):
        assert absent.missing is not None and absent.missing.code == "choice.not_here" and absent.accuracy is None
    assert (tiny.fit, bert.fit, llama.fit, vit.fit) == ("yes", "yes", "costly", "no")
    assert found.chance is not None and 0.3 < found.chance < 0.6 and (found.labels, found.probes) == (30, 4)
    json.dumps(found.record(), allow_nan=False)


@pytest.mark.torch
def test_without_a_probe_and_with_a_broken_model(reviews: Path, tiny_bert: Path, tmp_path: Path) -> None:
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_bytes((tiny_bert / "config.json").read_bytes())
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04")
    found = api.estimate_model(reviews, candidates=(str(tiny_bert), str(pickled)), labels=0)
    told = {Path(s.model).name: s for s in found.standings}
    assert found.best == "" and all(s.place is None for s in found.standings) and found.chance is None
    assert told["pickled"].missing is not None and told["pickled"].missing.code == "lab.pickle_refused"
    assert told[tiny_bert.name].reading is not None


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"choice\.not_a_table"):
        api.estimate_model(tmp_path / "none.csv")
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    with pytest.raises(Problem, match=r"data\.empty_file"):
        api.estimate_model(empty)


def test_the_model_that_logme_puts_first() -> None:
    def standing(name: str, logme: float | None) -> SimpleNamespace:
        return SimpleNamespace(model=name, logme=logme)

    three = [standing("a", 0.1), standing("b", 0.3), standing("c", None)]
    assert first_by_logme(three) == "b"  # type: ignore[arg-type]
    assert first_by_logme([standing("a", 0.1), standing("b", float("nan"))]) is None  # type: ignore[arg-type]


@pytest.mark.torch
def test_a_probe_at_chance_puts_nobody_first(reviews: Path, tiny_bert: Path) -> None:
    rows = list(csv.reader(reviews.read_text(encoding="utf-8").splitlines()))
    names = np.random.default_rng(0).permutation([row[1] for row in rows[1:]])  # texts say nothing about these classes
    with reviews.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([rows[0], *((row[0], name) for row, name in zip(rows[1:], names, strict=True))])
    found = api.estimate_model(reviews, candidates=(str(tiny_bert),), labels=30, probes=4)
    assert (found.best, found.tied) == ("", ()) and "choice.at_chance" in [n.code for n in found.notes]
    assert found.standings[0].accuracy is not None  # what was measured is shown all the same
