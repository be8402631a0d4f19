"""Training: it learns, it repeats itself, it tells what it took, and it notices when it did not train."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.data import Prepared, Split, subset
from groundsill.lab.training import Speed, measure, rows_seen, speed
from groundsill.lab.training.classical import unsegmented
from groundsill.lab.training.recipe import recipe_of
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Event
from groundsill.terms.problem import Problem
from groundsill.terms.run import MEASURES, Run

CLASSICAL = Candidate("classical", "tfidf-logistic")
COMMON = {"task": "text-classification", "metric": "accuracy", "hardware": "test", "shape": None}


def tune(method: str, **recipe: float) -> Candidate:
    return Candidate("tune", method, "tiny", tuple(sorted(recipe.items())))


def run(candidate: Candidate, data: Prepared, work: Path, model: Path | None = None, **more: object) -> Run:
    settings = {**COMMON, "labels": 100, "seed": 0, "model": model, "work": work, **more}
    return measure(candidate, data, **settings)  # type: ignore[arg-type]


def test_classical_learns_planted_words_and_tells_what_it_took(planted: Prepared, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    made = run(CLASSICAL, planted, tmp_path)
    assert made.value is not None and made.value > 0.8
    assert made.chance == planted.card.chance < 0.6
    assert (made.test_id, made.test_rows, made.data_hash) == (planted.card.test_id, 80, planted.card.data_hash)
    assert made.at == {"labels": 100.0} and made.source.kind == "measured" and made.source.read == made.started[:10]
    assert {"macro-f1", "recall:fruit"} <= set(made.scores)
    assert set(made.measures) <= set(MEASURES) and "torch" not in made.versions and "scikit-learn" in made.versions
    for name in ("train_seconds", "score_seconds", "peak_bytes", "model_bytes", "trainable_weights"):
        assert made.measures[name] > 0, name
    assert made.measures["load"] >= 0 == made.measures["missing_classes"]
    assert Run.of(made.record()) == made


def test_missing_classes_are_kept_as_they_fall(planted: Prepared, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    order = subset(len(planted.pool), 1, 3)
    made = run(CLASSICAL, planted, tmp_path, labels=1, seed=3)
    only = planted.pool.labels[order[0]]
    assert made.measures["missing_classes"] == 2
    assert made.value == pytest.approx(float((planted.test.labels == only).mean()))
    two = Prepared(planted.card, _only(planted.pool, (0, 2)), planted.test, planted.classes)
    made = run(CLASSICAL, two, tmp_path)
    assert made.measures["missing_classes"] == 1 and made.scores["recall:metal"] == 0


def _only(split: Split, classes: tuple[int, ...]) -> Split:
    return split.take(np.flatnonzero(np.isin(split.labels, classes)))


@pytest.mark.parametrize("text", ["这件衣服很好", "とてもいいです", "สวัสดีครับ"])
def test_scripts_without_blanks_are_counted_by_characters(text: str) -> None:
    assert unsegmented([text]) and not unsegmented(["a good dress, très bien", ""]) and not unsegmented([])


@pytest.mark.torch
@pytest.mark.parametrize("method", ["head", "lora", "full"])
def test_the_same_seed_gives_the_same_answers(method: str, planted: Prepared, tiny_bert: Path, tmp_path: Path) -> None:
    from groundsill.lab.training import tune as tuning
    from groundsill.lab.training.measure import job_of

    def answers(seed: int, work: Path) -> bytes:
        candidate = tune(method)
        train = planted.pool.take(subset(len(planted.pool), 60, seed))
        recipe = recipe_of(candidate, 60)
        job = job_of(candidate, planted, train, recipe, seed, tiny_bert, None, work, lambda event: None)
        return tuning.run(job).predicted.tobytes()

    assert answers(1, tmp_path) == answers(1, tmp_path)


@pytest.mark.torch
@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_same_seed_gives_the_same_weights(method: str, planted: Prepared, tiny_bert: Path) -> None:
    import torch

    from groundsill.lab.models import tokens
    from groundsill.lab.models.net import build
    from groundsill.lab.objectives.classification import Classification
    from groundsill.lab.training import loop
    from groundsill.lab.training.tune import methods

    coder = tokens.coder(tiny_bert)
    ids = coder.ids(planted.pool.texts[:40], 32)

    def weights(seed: int) -> torch.Tensor:
        net = build(tiny_bert, 32, 3)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            methods()[method].attach(net)
        recipe = recipe_of(tune(method, epochs=2), 40)
        objective = Classification(ids, planted.pool.labels[:40], 3, coder.pad)
        loop.train(net, objective, recipe, kind="fp32", seed=seed)
        return torch.cat([p.detach().flatten() for p in net.parameters()])

    state = torch.random.get_rng_state()
    assert torch.equal(weights(4), weights(4))
    assert not torch.equal(weights(4), weights(5))
    assert torch.equal(torch.random.get_rng_state(), state)  # nobody else's chance was touched


@pytest.mark.torch
def test_tuning_learns_more_than_a_head_and_tells_what_it_took(
    planted: Prepared, tiny_bert: Path, tmp_path: Path
) -> None:
    from groundsill.lab.evaluation.count import forward_flops
    from groundsill.lab.models import shape_of

    heard: list[Event] = []
    head = run(tune("head"), planted, tmp_path, tiny_bert, emit=heard.append)
    full = run(tune("full", epochs=40, rate=3e-3), planted, tmp_path, tiny_bert, emit=heard.append)
    assert head.value is not None and full.value is not None and full.chance is not None
    assert full.value > 0.85 and full.value > full.chance + 0.3
    assert full.measures["train_rows_seen"] == 4000 and head.measures["train_rows_seen"] == 100
    assert full.measures["trainable_weights"] == shape_of(tiny_bert).weights + 99
    assert head.measures["trainable_weights"] == 99
    assert head.measures["encode_seconds"] == full.measures["encode_seconds"] > 0  # measured once, told twice
    tokens = full.measures["train_tokens"] / 40
    once = forward_flops(shape_of(tiny_bert), tokens, 100)
    assert head.measures["train_flops"] == pytest.approx(once)
    assert full.measures["train_flops"] == pytest.approx(121 * once, rel=1e-3)  # 40 x 3, and the head's features
    assert full.measures["model_bytes"] == 4 * full.measures["trainable_weights"]
    assert [e.values["candidate"] for e in heard if e.code == "lab.measuring"] == ["tune/head/tiny", full.candidate.id]
    assert "peft" not in full.versions


@pytest.mark.torch
def test_progress_tells_what_is_left(
    planted: Prepared, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from groundsill.lab.training import watch

    clock = iter(np.arange(0.0, 1e6, 0.6))
    monkeypatch.setattr(watch.time, "perf_counter", lambda: float(next(clock)))
    heard: list[Event] = []
    run(tune("lora", epochs=3), planted, tmp_path, tiny_bert, emit=heard.append)
    told = [e.values for e in heard if e.code == "lab.progress"]
    assert len(told) >= 5
    assert [t["done"] for t in told] == sorted({t["done"] for t in told}) and {t["total"] for t in told} == {21}  # type: ignore[type-var]
    for t in told:  # every step takes 0.6 s of this clock
        assert t["remaining_seconds"] == pytest.approx(0.6 * (t["total"] - t["done"]), rel=0.01, abs=0.01)  # type: ignore[operator]


@pytest.mark.torch
def test_a_method_that_trains_nothing_is_found_out(
    planted: Prepared, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from groundsill.lab.training import job as tuning_job
    from groundsill.lab.training import tune as tuning

    dead = ModuleType("dead")
    dead.RANK = 0  # type: ignore[attr-defined]
    dead.attach = tuning_job.methods()["head"].attach  # type: ignore[attr-defined]
    dead.trainable = tuning_job.methods()["head"].trainable  # type: ignore[attr-defined]
    shelf = {**tuning_job.methods(), "dead": dead}
    monkeypatch.setattr(tuning_job, "methods", lambda: shelf)
    monkeypatch.setattr(tuning, "methods", lambda: shelf)
    with pytest.raises(Problem, match=r"lab\.weights_stand_still"):
        run(tune("dead", epochs=1), planted, tmp_path, tiny_bert)


@pytest.mark.torch
def test_a_rate_far_too_high_is_a_problem_not_a_number(planted: Prepared, tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"lab\.diverged"):
        run(tune("full", rate=1e30, head_rate=1e38, epochs=3), planted, tmp_path, tiny_bert)


@pytest.mark.torch
@pytest.mark.parametrize("method", ["head", "lora"])
def test_speed_foretells_positive_seconds(method: str, planted: Prepared, tiny_bert: Path, tmp_path: Path) -> None:
    found = speed(tune(method), planted, model=tiny_bert, shape=None, work=tmp_path)
    assert min(found.train_seconds_per_row, found.encode_seconds_per_row, found.score_seconds_per_row) > 0
    assert found.start_seconds > 0
    assert not list(tmp_path.glob("features/*/*.npy"))  # probing keeps nothing


def test_speed_adds_up() -> None:
    found = Speed(0.1, 0.01, 0.02, 3.0)
    assert found.seconds(CLASSICAL, 100, 1000) == pytest.approx(3 + 10 + 2 + 10)
    assert found.seconds(tune("lora", epochs=4), 100, 0) == pytest.approx(3 + 40 + 2)


@given(labels=st.integers(1, 5000))
def test_few_labels_get_enough_steps(labels: int) -> None:
    seen = rows_seen(tune("full"), labels)
    assert seen % labels == 0 and seen >= 2 * labels
    assert labels < 16 or seen >= 800  # 50 steps of 16
    assert rows_seen(tune("head"), labels) == labels == rows_seen(CLASSICAL, labels)


@pytest.mark.parametrize(
    ("candidate", "more", "code"),
    [
        (Candidate("classical", "forest"), {}, "lab.cannot_measure"),
        (tune("head"), {}, "lab.no_model"),
        (CLASSICAL, {"labels": 0}, "lab.no_labels"),
        (CLASSICAL, {"labels": 161}, "data.subset_too_large"),
        (tune("lora", speed=1.0), {}, "lab.unknown_recipe"),
        (tune("lora", rate=-1.0), {}, "lab.unknown_recipe"),
        (CLASSICAL, {"task": "chess"}, "lab.unknown_task"),
        (CLASSICAL, {"metric": "elo"}, "lab.unknown_metric"),
    ],
)
def test_what_cannot_be_measured(
    candidate: Candidate, more: dict[str, object], code: str, planted: Prepared, tmp_path: Path
) -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(Problem) as caught:
        run(candidate, planted, tmp_path, **more)
    assert caught.value.code == code


@pytest.mark.torch
def test_an_unknown_method_of_tuning(planted: Prepared, tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        run(tune("magic"), planted, tmp_path, tiny_bert)
    assert caught.value.code == "lab.cannot_measure" and "lora" in str(caught.value.limit)


def test_without_scikit_learn_there_is_a_problem(
    planted: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [m for m in sys.modules if m.startswith("sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(Problem, match=r"lab\.missing_library"):
        run(CLASSICAL, planted, tmp_path)
