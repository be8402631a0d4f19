"""Calibration, examples, answers and the choice of a prompt: arithmetic, without a model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab import tasks
from groundsill.lab.data import Prepared, Split
from groundsill.lab.prompting import calibrate, choose, examples, rows_to_settle
from groundsill.lab.prompting.choose import Tried
from groundsill.lab.prompting.setting import Setting, setting_of
from groundsill.lab.prompting.tree import END, tree
from groundsill.lab.prompting.words import own_words, token_names
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array
from groundsill.words import LANGUAGES


def biased(
    rows: int, seed: int = 0, bias: Sequence[float] = (3.0, 0.0, -2.0), signal: float = 2.0
) -> tuple[Array, Any]:
    """Scores of a model that knows the class but prefers some answers; classes .5, .3, .2."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, rows, p=[0.5, 0.3, 0.2]).astype(np.int32)
    return rng.normal(0, 1, (rows, 3)) + signal * np.eye(3)[labels] + np.array(bias), labels


def test_contextual_calibration_is_the_published_one() -> None:
    """W = diag(p)^-1 of the mean over content-free inputs, then the largest wins (Zhao et al. 2021, section 5)."""
    empty, scores = np.log([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1]]), np.log([[0.6, 0.3, 0.1], [0.5, 0.2, 0.3]])
    p = np.array([0.6, 0.3, 0.1])
    by_hand = np.array([[0.6, 0.3, 0.1], [0.5, 0.2, 0.3]]) / p
    found = calibrate.correction("contextual", scores, None, empty).apply(scores)
    assert np.allclose(np.exp(found), by_hand / by_hand.sum(axis=1, keepdims=True))


def test_batch_calibration_is_the_published_one() -> None:
    """The mean probability over the batch is divided out (Zhou et al. 2023, eq. 4 and 5)."""
    scores, _ = biased(50)
    p = np.exp(calibrate.normalised(scores))
    found = calibrate.correction("batch", scores, None, None).apply(scores)
    assert (found.argmax(axis=1) == (p / p.mean(axis=0)).argmax(axis=1)).all()


@given(st.integers(0, 1000), st.lists(st.integers(0, 40), min_size=3, max_size=3))
def test_shares_meet_the_shares(seed: int, counts: list[int]) -> None:
    scores, _ = biased(40, seed)
    bias = calibrate.shares(scores, np.array(counts, dtype=float))
    mean = np.exp(calibrate.normalised(scores + bias)).mean(axis=0)
    assert np.allclose(mean, (np.array(counts) + 1) / (sum(counts) + 3), atol=1e-6)


def test_a_constant_preference_is_taken_away_by_every_method() -> None:
    scores, labels = biased(4000, 1)
    plain, labels_plain = biased(4000, 1, bias=(0, 0, 0))
    best = float((plain.argmax(axis=1) == labels_plain).mean())
    assert float((scores.argmax(axis=1) == labels).mean()) < best - 0.1
    empty = np.tile([3.0, 0.0, -2.0], (2, 1))
    found = calibrate.compare(calibrate.METHODS, scores, labels, empty, "accuracy", ("a", "b", "c"))
    assert set(found) == set(calibrate.METHODS)
    for method in ("contextual", "shares", "scaled"):
        assert found[method].value > best - 0.01, method
    assert found["batch"].value > found["none"].value + 0.1
    assert found["scaled"].value >= found["batch"].value


def test_a_model_that_knows_nothing_comes_down_to_the_largest_class() -> None:
    scores, labels = biased(400, 2, signal=0.0)
    made = calibrate.scaled(scores, labels)
    other, other_labels = biased(4000, 3, signal=0.0)
    right = float((made.apply(other).argmax(axis=1) == other_labels).mean())
    assert made.factor < 0.3 and right > 0.48
    assert float((other.argmax(axis=1) == other_labels).mean()) < 0.5


def test_what_a_method_needs_it_must_get() -> None:
    for method in ("contextual", "shares", "scaled", "magic"):
        with pytest.raises(ValueError, match=method):
            calibrate.correction(method, np.zeros((2, 3)), None, None)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=40), st.integers(0, 45), st.integers(0, 5))
def test_balanced_examples(labels: list[int], n: int, seed: int) -> None:
    given_labels = np.array(labels, dtype=np.int32)
    rows = examples.balanced(given_labels, n, seed)
    assert len(rows) == min(n, len(labels)) == len(set(rows.tolist()))
    counts = np.bincount(given_labels[rows], minlength=4)
    there = np.bincount(given_labels, minlength=4)
    for a in range(4):
        for b in range(4):
            assert counts[a] <= counts[b] + 1 or counts[b] == there[b]  # ahead only of a class that has no more rows
    assert rows.tolist() == examples.balanced(given_labels, n + 3, seed)[: len(rows)].tolist()


def test_nearest_examples_stand_next_to_the_question() -> None:
    store = ("the red dress fits", "这条裙子很好看", "zinc and iron", "a red dress, too long", "这件上衣不好")
    found = examples.nearest(store, ["red dress", "裙子好看"], 2)
    assert set(found[0]) == {0, 3} and found[1][-1] == 1
    assert examples.closest(np.array([[0.1, 0.9, 0.9, 0.2]]), 3).tolist() == [[3, 2, 1]]


def test_orders_differ_and_begin_with_the_given_one() -> None:
    found = examples.orders(4, 5, 0)
    assert found[0].tolist() == [0, 1, 2, 3] and len({tuple(o) for o in found}) == 5
    assert len(examples.orders(2, 9, 0)) == 2 and len(examples.orders(0, 3, 0)) == 1


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple), min_size=1, max_size=8, unique=True))
def test_the_tree_reads_no_path_twice_and_misses_none(answers: list[tuple[int, ...]]) -> None:
    made = tree(answers)
    for answer, number in zip(answers, made.path_of, strict=True):
        assert len(answer) == 1 or made.paths[number][: len(answer) - 1] == answer[:-1]
    for path in made.paths:
        assert any(a[:-1] == path for a in answers)
        assert not any(other != path and other[: len(path)] == path for other in made.paths)
    walked = set()
    heads: list[tuple[int, ...]] = [()]
    while heads:
        head = heads.pop()
        for token in made.allowed(head):
            if token == END:
                walked.add(head)
            else:
                heads.append((*head, token))
    assert walked == set(answers) and made.allowed((9,)) == ()


def test_the_tree_refuses_what_is_no_choice() -> None:
    for answers in ([[1], []], [[1, 2], [1, 2]]):
        with pytest.raises(ValueError, match="different"):
            tree(answers)


def test_own_words_tell_the_classes_apart() -> None:
    names = [" the", " good", " bad", "!!", " fine", ""]
    log_p = np.log(np.full((4, 6), 0.01, dtype=np.float32))
    log_p[:, 0], log_p[:, 3] = np.log(0.5), np.log(0.3)  # likely everywhere: no use
    log_p[:2, 1] = log_p[2:, 2] = np.log(0.2)
    log_p[:2, 4] = np.log(0.05)
    assert own_words(log_p, np.array([0, 0, 1, 1]), 2, names) == ("good", "bad")
    assert own_words(log_p, np.array([0, 0, 0, 0]), 2, names) is None
    assert own_words(log_p[:, :2], np.array([0, 0, 1, 1]), 2, ["", "!!"]) is None


def test_token_names() -> None:
    class Coder:
        words = ("Ġred", "dish", "▁tree", None)

        def convert_ids_to_tokens(self, ids: list[int]) -> list[str | None]:
            return [self.words[i] for i in ids]

        def convert_tokens_to_string(self, marks: list[str]) -> str:
            return marks[0].replace("Ġ", " ").replace("▁", " ")

        def __len__(self) -> int:
            return len(self.words)

    assert token_names(Coder(), 5, True) == [" red", "", " tree", "", ""]
    assert token_names(Coder(), 4, False) == [" red", "dish", " tree", ""]


def test_templates_have_the_same_parts_in_both_languages() -> None:
    parts = [tasks.wordings("text-classification", language) for language in LANGUAGES]
    assert list(parts[0]) == list(parts[1]) and next(iter(parts[0])) == "list"
    for name in parts[0]:
        assert set(parts[0][name]) == set(parts[1][name]) == {"task", "text", "answer", "between"}
        for language in LANGUAGES:
            words = tasks.wording("text-classification", language, name)
            assert "{classes}" in words["task"] and "{text}" in words["text"]
            prompt = tasks.find("text-classification").prompt(("A", "B"), ["{x}"], np.array([1]), language, name)
            assert "{x}" in prompt.examples[0][0] and prompt.examples[0][1] == "B"
    with pytest.raises(Problem) as caught:
        tasks.wording("text-classification", "en", "poem")
    assert caught.value.code == "prompting.unknown_template"


def test_recipes() -> None:
    def of(method: str = "few-shot", **recipe: Any) -> Setting:
        return setting_of(Candidate("prompt", method, "m", tuple(sorted(recipe.items()))), 6)

    assert of() == Setting(shots=6) and not of().open
    assert of(labels=200.0) == Setting(shots=None, choice="balanced", calibration="chosen", labels=200)
    assert of("zero-shot", labels=50).shots == 0 and of(calibration="batch").calibration == "batch"
    for recipe, code in (
        ({"calibration": "chosen"}, "prompting.needs_labels"),
        ({"calibration": "scaled"}, "prompting.needs_labels"),
        ({"choice": "nearest"}, "prompting.needs_labels"),
        ({"calibration": "magic"}, "prompting.bad_recipe"),
        ({"orders": 0}, "prompting.bad_recipe"),
        ({"shots": 1.5}, "prompting.bad_recipe"),
        ({"rate": 1}, "prompting.bad_recipe"),
        ({"words": "good"}, "prompting.bad_recipe"),
    ):
        with pytest.raises(Problem) as caught:
            of(**recipe)
        assert caught.value.code == code, recipe


class Fake:
    """Knows the class of a text as well as its examples let it, and prefers `fruit`."""

    def __init__(self, table: Prepared, most: int = 99) -> None:
        pairs = zip((*table.pool.texts, *table.test.texts), (*table.pool.labels, *table.test.labels), strict=True)
        self.known, self.most, self.asked = dict(pairs), most, 0

    def __call__(self, texts: Sequence[str], shown: Sequence[Split], template: str, words: tuple[str, ...]) -> Array:
        self.asked += len(texts)
        if len(shown[0]) > self.most:
            raise Problem("lab.prompt_too_long", got=len(shown[0]), limit=self.most)
        out = np.zeros((len(texts), 3))
        for i, text in enumerate(texts):
            few = shown[i if len(shown) > 1 else 0]
            rng = np.random.default_rng([len(text), *text.encode(), len(few)])
            signal = (1.5 if template == "question" else 0.0) + 1.2 * min(len(few), 4) + (3.0 if words else 0.0)
            out[i] = rng.normal(0, 1, 3) + np.array([4.0, 0, 0])
            if text in self.known:
                out[i, self.known[text]] += signal
        return out

    def templates(self) -> tuple[str, ...]:
        return "list", "question"

    def words(self, rows: Split) -> tuple[str, ...] | None:
        return None


def test_a_prompt_is_chosen_by_rows_that_are_no_test_rows(planted: Prepared) -> None:
    ask = Fake(planted)
    own = planted.pool.take(np.arange(120))
    setting = Setting(template="chosen", shots=None, choice="balanced", calibration="chosen", labels=120)
    fitted = choose.fit(ask, planted.pool, planted.classes, "accuracy", setting, 0, own)
    assert (fitted.labels, fitted.held_out, len(fitted.store)) == (120, 60, 60)
    assert fitted.setting.template == "question" and fitted.setting.calibration != "none"
    assert fitted.setting.shots in (2, 4)  # more than four bring nothing here
    assert {t.shots for t in fitted.tried} == {0, 1, 2, 4, 8, 16}
    truth = planted.test.labels
    plain = Setting(shots=0)
    before = choose.apply(ask, choose.fit(ask, planted.pool, planted.classes, "", plain, 0, own), planted.test.texts)
    after = choose.apply(ask, fitted, planted.test.texts)
    assert (before.argmax(axis=1) == truth).mean() < 0.5 < 0.8 < (after.argmax(axis=1) == truth).mean()
    record = json.loads(json.dumps(fitted.record(planted.classes)))
    assert len(record["examples"]) == fitted.setting.shots and len(record["bias"]) == 3
    assert not {text for text, _ in record["examples"]} & set(own.texts[:60])


def test_examples_that_do_not_fit_end_the_curve(planted: Prepared) -> None:
    own = planted.pool.take(np.arange(60))
    setting = Setting(shots=None, choice="balanced", calibration="none", labels=60)
    fitted = choose.fit(Fake(planted, most=2), planted.pool, planted.classes, "accuracy", setting, 0, own)
    assert {t.shots for t in fitted.tried} == {0, 1, 2}
    with pytest.raises(Problem) as caught:
        choose.fit(Fake(planted), planted.pool, planted.classes, "accuracy", setting, 0, own.take(np.arange(39)))
    assert caught.value.code == "prompting.too_few_labels"


def test_nearest_examples_and_orders(planted: Prepared) -> None:
    ask = Fake(planted)
    own = planted.pool.take(np.arange(40))
    setting = Setting(shots=2, choice="nearest", orders=2, labels=40)
    fitted = choose.fit(ask, planted.pool, planted.classes, "accuracy", setting, 0, own)
    before = ask.asked
    scores = choose.apply(ask, fitted, planted.test.texts[:10])
    assert ask.asked - before == 20 and np.allclose(np.exp(scores).sum(axis=1), 1)
    assert fitted.labels == 40 and fitted.held_out == 0


def test_calibration_without_labels(planted: Prepared) -> None:
    ask = Fake(planted)
    none = planted.pool.take(np.arange(0))
    for how in ("batch", "contextual"):
        setting = Setting(shots=4, calibration=how)
        fitted = choose.fit(ask, planted.pool, planted.classes, "accuracy", setting, 0, none)
        right = choose.apply(ask, fitted, planted.test.texts).argmax(axis=1) == planted.test.labels
        assert right.mean() > 0.8 and fitted.labels == 4


def test_words_that_are_given(planted: Prepared) -> None:
    assert Setting(words="a | b|c").given_words(planted.classes) == ("a", "b", "c")
    assert Setting().given_words(planted.classes) == () == Setting(words="chosen").given_words(planted.classes)
    for words in ("a|b", "a|b|b", "a||c"):
        with pytest.raises(Problem) as caught:
            Setting(words=words).given_words(planted.classes)
        assert caught.value.code == "prompting.bad_recipe"
    none = planted.pool.take(np.arange(0))
    fitted = choose.fit(Fake(planted), planted.pool, planted.classes, "accuracy", Setting(words="a|b|c"), 0, none)
    assert fitted.words == ("a", "b", "c") and fitted.record(planted.classes)["words"] == ["a", "b", "c"]


def test_the_time_to_settle_follows_what_is_asked(planted: Prepared) -> None:
    """Rows that are really asked, without the look back, against the forecast; the three empty texts of a rung are left out."""
    for recipe, wanted in (
        ({"labels": 80}, 40 * (6 + 0.3 * 31)),
        ({"labels": 80, "shots": 2}, 40 * 1.6),
        ({"calibration": "batch", "shots": 0}, 100),
        ({}, 0),
    ):
        candidate = Candidate("prompt", "few-shot", "m", tuple(sorted(recipe.items())))
        assert rows_to_settle(candidate, 6) == pytest.approx(wanted / 2.8)
        setting, ask = setting_of(candidate, 6), Fake(planted)
        own = planted.pool.take(np.arange(setting.labels))
        choose.fit(ask, planted.pool, planted.classes, "accuracy", setting, 0, own)
        rungs = 6 if setting.shots is None else 1
        assert ask.asked in (0, 100, 40 * rungs + 3 * rungs + 3, 40 * rungs + 3 * rungs)


def test_the_smallest_good_number_of_examples() -> None:
    def at(shots: int, value: float) -> Tried:
        return Tried("list", (), shots, "none", value, 0.05)

    curve = [at(0, 0.50), at(2, 0.66), at(4, 0.69), at(8, 0.70)]
    assert choose.smallest_good(curve).shots == 2
    assert choose.smallest_good([at(0, 0.50), at(8, 0.70)]).shots == 8


@pytest.mark.torch
def test_recipes_with_a_real_net(planted: Prepared, tiny_llama: Path, tmp_path: Path) -> None:
    """Every key of a recipe goes through a model; the same seed gives the same run."""
    from groundsill.lab.prompting import measure

    common: dict[str, Any] = {"task": "text-classification", "metric": "accuracy", "hardware": "test", "shape": None,
                              "seed": 0, "shots": 2, "model": tiny_llama, "rows": 20, "work": tmp_path}  # fmt: skip
    recipes: tuple[dict[str, Any], ...] = (
        {"labels": 60}, {"labels": 40, "choice": "nearest", "shots": 1}, {"calibration": "contextual", "template": "bare"},
        {"calibration": "batch", "choice": "balanced", "orders": 2}, {"labels": 60, "words": "chosen", "shots": 0},
    )  # fmt: skip
    for recipe in recipes:
        candidate = Candidate("prompt", "few-shot", "tiny", tuple(sorted(recipe.items())))
        first, second = (measure(candidate, planted, **common) for _ in range(2))
        assert first.scores == second.scores and first.value == second.value
        assert first.at["labels"] == recipe.get("labels", 2)
        kept = json.loads((tmp_path / "prompts" / f"{first.id}.json").read_text())
        assert kept["setting"]["shots"] == len(kept["examples"]) or recipe.get("choice") == "nearest"
        assert first.note and (first.measures["train_seconds"] > 0) == (recipe.get("calibration") != "none")


@pytest.mark.torch
def test_nearest_examples_share_what_they_can(planted: Prepared, tiny_llama: Path, tmp_path: Path) -> None:
    """Rows with examples of their own get the scores that they would get alone, to 1e-4."""
    from groundsill.lab.prompting.ask import Local

    texts = planted.test.texts[:4]
    ask = Local(
        tiny_llama, planted.classes, task="text-classification", texts=texts, context=256, work=tmp_path, at="t"
    )
    ask.kind = "fp32"
    shown = [planted.pool.take(np.arange(i, i + 2)) for i in range(4)]
    together = ask(texts, shown, "list", ())
    alone = np.vstack([ask([text], [few], "list", ()) for text, few in zip(texts, shown, strict=True)])
    assert np.allclose(together, alone, atol=1e-4)


@pytest.mark.torch
def test_the_naive_loop_gives_the_same_scores(planted: Prepared, tiny_llama: Path) -> None:
    from benchmarks.scoring import naive

    from groundsill.lab.models import tokens
    from groundsill.lab.prompting import likelihood
    from groundsill.lab.prompting.ask import Wording, code

    coder, model = tokens.coder(tiny_llama), likelihood.load(tiny_llama)
    wording = Wording("text-classification", "en", "list", planted.classes, 32)
    coded = code(planted.test.texts[:5], [planted.pool.take(np.arange(2))], wording, coder.tokenizer)
    answers = [*coded.answers, [5, 9, 11], [5, 8]]
    found = likelihood.judge(model, coded.shared, coded.rows, answers, pad=coder.pad, kind="fp32")
    assert np.allclose(found.scores, naive(model, coded.shared, coded.rows, answers, pad=coder.pad), atol=1e-4)


@pytest.mark.torch
def test_a_constrained_search_finds_the_answer_that_scoring_finds(planted: Prepared, tiny_llama: Path) -> None:
    """`Tree.allowed` keeps the search of transformers within the answers; with a beam for each it finds the best one."""
    import torch

    from groundsill.lab.prompting import likelihood

    answers = [[5, 9, 11], [5, 8, 3], [7, 2, 4], [12, 1, 6]]
    made, model, row = tree(answers), likelihood.load(tiny_llama), [3, 4, 10, 11]
    scores = likelihood.judge(model, [1], [row], answers, pad=0, kind="fp32").scores[0]
    with torch.inference_mode():
        found = model.generate(
            torch.tensor([[1, *row]]), attention_mask=torch.ones(1, 5, dtype=torch.int64), num_beams=4, max_new_tokens=3,
            prefix_allowed_tokens_fn=lambda _, ids: list(made.allowed(ids[5:].tolist())), pad_token_id=0, eos_token_id=None,
        )  # fmt: skip
    assert found[0, 5:].tolist() == answers[int(scores.argmax())]


def test_every_sentence_of_the_room_is_used() -> None:
    """That every code has its words is checked for the whole house; here that no sentence outlives its code."""
    import re
    import tomllib

    import groundsill

    root = Path(groundsill.__file__).parent
    text = "".join(p.read_text(encoding="utf-8") for p in (root / "lab").rglob("*.py"))
    for language in LANGUAGES:
        known = tomllib.loads((root / "words" / language / "prompting.toml").read_text(encoding="utf-8"))
        assert set(known) == set(re.findall(r'"prompting\.([a-z_]+)"', text))
