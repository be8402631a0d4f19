"""Tagged words, pairs and texts to write, tuned and measured from end to end on tiny models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lab.forms import made

from groundsill.lab.data import Prepared
from groundsill.lab.training import measure, speed
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Event
from groundsill.terms.problem import Problem
from groundsill.terms.run import Run

pytestmark = pytest.mark.torch
KIND = {"words": "token-classification", "pair": "sentence-pair", "target": "text-generation"}
METRIC = {"words": "entity-f1", "pair": "accuracy", "target": "exact-match"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Prepared]:
    """A table of each form."""
    folder = tmp_path_factory.mktemp("tables")
    return {form: made(folder, form) for form in KIND}


def run(candidate: Candidate, data: Prepared, work: Path, model: Path | None = None, **more: Any) -> Run:
    """One measurement of 120 labels, or as `more` says."""
    form = data.test.form
    given = {"task": KIND[form], "metric": METRIC[form], "labels": 120, "seed": 0, "shape": None, "hardware": "test"}
    return measure(candidate, data, model=model, work=work, **{**given, **more})


def tune(method: str, **recipe: Any) -> Candidate:
    return Candidate("tune", method, "tiny", tuple(sorted(recipe.items())))


@pytest.mark.parametrize(("form", "method"), [("words", "window-logistic"), ("pair", "tfidf-logistic")])
def test_the_classical_route_learns_tagged_words_and_pairs(
    form: str, method: str, tables: dict[str, Prepared], tmp_path: Path
) -> None:
    found = run(Candidate("classical", method), tables[form], tmp_path)
    assert found.value is not None and found.value > (0.95 if form == "words" else found.chance + 0.1)  # type: ignore[operator]
    assert found.stderr > 0 and found.measures["trainable_weights"] > 0  # type: ignore[operator]


@pytest.mark.parametrize("method", ["head", "full", "lora", "prompt_tuning"])
@pytest.mark.parametrize("form", ["words", "pair"])
def test_words_and_pairs_are_tuned(
    form: str, method: str, tables: dict[str, Prepared], tiny_bert: Path, tmp_path: Path
) -> None:
    data = tables[form]
    epochs = {} if method == "head" else {"epochs": 2}
    found = run(tune(method, **epochs), data, tmp_path, tiny_bert)
    again = run(tune(method, **epochs), data, tmp_path, tiny_bert)
    assert found.value == again.value and found.chance == data.card.chance and found.test_rows == len(data.test)
    if form == "words" and method != "prompt_tuning":  # the kind of a word can be read from its own state
        assert found.value is not None and found.value > 0.9
    parts, classes = (4 if form == "pair" else 1), len(data.classes)
    head = parts * 32 * classes + classes
    expected = {"head": head, "lora": 2 * 8 * 4 * 32 + head, "prompt_tuning": 20 * 32 + head}
    assert found.measures["trainable_weights"] == expected.get(method, found.measures["trainable_weights"])
    for key in ("train_seconds", "score_seconds_per_row", "train_flops", "score_flops_per_row", "model_bytes"):
        assert found.measures[key] > 0, key


@pytest.mark.parametrize("method", ["full", "lora", "prefix"])
def test_a_writer_learns_to_name_what_it_read(
    method: str, tables: dict[str, Prepared], tiny_writer: Path, tmp_path: Path
) -> None:
    data = tables["target"]
    rate = {"full": 0.01, "lora": 0.02, "prefix": 0.02}[method]
    found = run(tune(method, epochs=8 if method == "full" else 1, rate=rate), data, tmp_path, tiny_writer)
    assert found.chance is not None and found.value is not None and found.test_rows == len(data.test)
    assert set(found.scores) == {"chrf", "bleu", "rouge-l"} and found.measures["score_flops_per_row"] > 0
    if method == "full":
        assert found.value > found.chance + 0.1
    from groundsill.lab.evaluation import answers

    kept = answers.kept_texts(tmp_path, found.id, len(data.test))
    assert kept is not None and np.mean([a == b for a, b in zip(kept, data.test.targets, strict=True)]) == found.value


@pytest.mark.parametrize("method", ["lora", "prompt_tuning"])
def test_kept_states_and_reading_again_write_the_same(method: str, tiny_writer: Path) -> None:
    """Rows of unlike lengths together, with kept states, write what each writes alone by reading all again."""
    import torch

    from groundsill import tuning
    from groundsill.lab.models.net import build_writer
    from groundsill.lab.models.write import _last, _reread, write
    from groundsill.terms.shelf import shelf

    net = build_writer(tiny_writer)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        shelf(tuning)[method].attach(net, rank=3)
        for weight in net.parameters():
            if weight.requires_grad:
                torch.nn.init.normal_(weight, std=0.3)
    rows = [[5, 6, 7], [8, 9], [5] * 11, [12]]
    made_texts = write(net, rows, pad=0, ends=frozenset({3}), most=6, kind="fp32", budget=200)
    with torch.inference_mode():
        alone = [_reread(lambda some: _last(net, some, 0), [row], frozenset({3}), 6)[0] for row in rows]
    assert made_texts.answers == alone and len({tuple(a) for a in alone}) > 1


@pytest.mark.parametrize(
    ("form", "method"), [("words", "head"), ("words", "lora"), ("pair", "head"), ("target", "lora")]
)
def test_speed_of_the_other_forms(
    form: str, method: str, tables: dict[str, Prepared], tiny_bert: Path, tiny_writer: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from groundsill.lab.training import probe

    monkeypatch.setattr(probe, "LOOK_SECONDS", 0.05)
    model = tiny_writer if form == "target" else tiny_bert
    found = speed(tune(method), tables[form], model=model, shape=None, work=tmp_path, task=KIND[form])
    assert found.train_seconds_per_row > 0 and found.score_seconds_per_row > 0
    assert (found.encode_seconds_per_row > 0) == (form != "target")


@pytest.mark.parametrize("shots", [0, 2])
def test_a_prompt_writes_too(shots: int, tables: dict[str, Prepared], tiny_writer: Path, tmp_path: Path) -> None:
    from groundsill.lab import prompting
    from groundsill.lab.evaluation import answers

    data, candidate = tables["target"], Candidate("prompt", "few-shot" if shots else "zero-shot", "tiny")
    common = {
        "task": "text-generation",
        "metric": "rouge-l",
        "seed": 0,
        "shape": None,
        "hardware": "test",
        "shots": shots,
    }
    found = prompting.measure(candidate, data, model=tiny_writer, rows=10, work=tmp_path, **common)
    assert found.at == {"labels": float(shots)} and found.test_rows == 10 and found.measures["score_flops_per_row"] > 0
    kept = answers.kept_texts(tmp_path, found.id, 10)
    assert kept is not None and all(len(text.split()) <= 2 for text in kept)  # one word and the end
    with pytest.raises(Problem, match=r"lab\.cannot_measure"):  # tags are not written
        prompting.measure(
            candidate, tables["words"], model=tiny_writer, work=tmp_path, **{**common, "task": "token-classification"}
        )


def test_a_prompt_chooses_for_pairs(tables: dict[str, Prepared], tiny_writer: Path, tmp_path: Path) -> None:
    from groundsill.lab import prompting

    found = prompting.measure(
        Candidate("prompt", "few-shot", "tiny"), tables["pair"], task="sentence-pair", metric="accuracy", shots=2, seed=0,
        model=tiny_writer, shape=None, hardware="test", rows=20, work=tmp_path,
    )  # fmt: skip
    assert found.value is not None and 0 <= found.value <= 1 and found.test_rows == 20


def test_words_that_are_cut_off_get_the_usual_tag(tables: dict[str, Prepared], tiny_bert: Path, tmp_path: Path) -> None:
    whole = run(tune("head"), tables["words"], tmp_path, tiny_bert)
    cut = run(tune("head", longest=4), tables["words"], tmp_path, tiny_bert)
    assert not whole.note and "cut off" in cut.note
    assert cut.value is not None and whole.value is not None and 0.2 < cut.value < whole.value


def test_settings_of_the_loop_reach_the_objective(tables: dict[str, Prepared], tiny_bert: Path, tmp_path: Path) -> None:
    plain = run(tune("lora", epochs=1), tables["words"], tmp_path, tiny_bert)
    other = run(tune("lora", epochs=1, balanced=True, smoothing=0.3), tables["words"], tmp_path, tiny_bert)
    from groundsill.lab.evaluation import answers

    words = len(tables["words"].test.labels)
    both = [answers.kept(tmp_path, r.id, words) for r in (plain, other)]
    assert both[0] is not None and both[1] is not None and not np.allclose(both[0], both[1])


@pytest.mark.parametrize(
    ("code", "form", "candidate", "more"),
    [
        ("lab.wrong_form", "words", tune("lora"), {"task": "text-classification", "metric": "accuracy"}),
        ("lab.unknown_metric", "words", tune("lora"), {"metric": "chrf"}),
        ("lab.unknown_metric", "target", tune("lora"), {"metric": "accuracy"}),
        ("lab.cannot_measure", "target", Candidate("classical", "tfidf-logistic"), {}),
        ("lab.cannot_measure", "words", Candidate("classical", "tfidf-logistic"), {}),
        ("lab.no_model", "words", tune("lora"), {"model": None}),
    ],
)
def test_what_cannot_be_measured_is_named(
    code: str, form: str, candidate: Candidate, more: dict[str, Any], tables: dict[str, Prepared], tiny_bert: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    with pytest.raises(Problem) as caught:
        run(candidate, tables[form], tmp_path, **{"model": tiny_bert, **more})
    assert caught.value.code == code


def test_a_tokenizer_of_another_model_is_found_out(
    tables: dict[str, Prepared], tiny_bert: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    from groundsill.lab.models import shape_of

    small = replace(shape_of(tiny_bert), vocabulary=5)
    for form in ("words", "pair"):
        with pytest.raises(Problem, match=r"lab\.tokenizer_mismatch"):
            run(tune("lora"), tables[form], tmp_path, tiny_bert, shape=small)


def test_a_tokenizer_without_an_end_is_named(tables: dict[str, Prepared], tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"lab\.no_end"):
        run(tune("lora"), tables["target"], tmp_path, tiny_llama)


def test_a_model_that_does_not_know_the_script_is_told_of(tiny_bert: Path) -> None:
    from groundsill.lab.training.job import tell_unknown

    told: list[Event] = []
    tell_unknown(tiny_bert, ["我们 喜欢 the"], told.append)
    assert [e.code for e in told] == ["lab.unknown_tokens"] and told[0].values["share"] > 0.5  # type: ignore[operator]
    tell_unknown(tiny_bert, ["the old apple"], told.append)
    assert len(told) == 1
