"""Tasks: gold answers score 1 and empty ones 0, whatever the task; entities as seqeval finds them, texts as sacrebleu judges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lab.forms import made

from groundsill.lab import tasks
from groundsill.lab.data import Prepared, Split
from groundsill.lab.evaluation import answers, judge
from groundsill.lab.metrics import entities, texts
from groundsill.terms.problem import Problem
from groundsill.terms.shelf import shelf

KINDS = sorted(module.KIND for module in shelf(tasks).values())


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory, planted: Prepared) -> dict[str, Prepared]:
    """A table of each form."""
    folder = tmp_path_factory.mktemp("tables")
    found = {"class": planted} | {form: made(folder, form) for form in ("pair", "words", "target")}
    short = found["target"]  # one word to write: no text of four words, so no BLEU
    long = Split(short.test.texts, short.test.labels, targets=short.test.texts)
    return found | {"target": replace(short, test=long)}


@pytest.mark.parametrize("kind", KINDS)
def test_gold_scores_one_and_empty_scores_zero(kind: str, tables: dict[str, Prepared]) -> None:
    task, data = tasks.find(kind), tables[tasks.find(kind).FORM]
    for metric in ("", *task.metrics(data.classes)):
        try:
            gold = judge(kind, metric, data.test, task.gold(data.test), data.classes)
        except Problem as e:
            assert e.code == "lab.class_not_tested", metric
            continue
        assert gold.value == pytest.approx(1.0) and 0 < gold.stderr < 0.2, metric
        empty = judge(kind, metric, data.test, task.empty(data.test), data.classes)
        # a correlation is 0 where nothing is answered; all others are shares
        assert empty.value == pytest.approx(0.0, abs=1e-12) and empty.stderr >= 0, metric
    assert set(gold.scores) <= set(task.metrics(data.classes))
    assert 0 <= task.chance(task.METRIC, data.test, data.classes) < 1


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_another_form_are_refused(kind: str, tables: dict[str, Prepared]) -> None:
    own = tasks.find(kind).FORM
    data = tables["words" if own != "words" else "class"]
    with pytest.raises(Problem, match=r"lab\.wrong_form"):
        judge(kind, "", data.test, data.test.labels, data.classes)


def test_chance_of_a_written_text_is_that_of_anothers_answer() -> None:
    test = Split(("a", "b", "c"), np.zeros(0, dtype=np.int32), targets=("one", "one", "two"))
    assert tasks.find("text-generation").chance("exact-match", test, ()) == pytest.approx(1 / 3)
    tagged = Split(("a b",), np.array([1, 0], dtype=np.int32), words=(("a", "b"),))
    kind = tasks.find("token-classification")
    assert kind.chance("entity-f1", tagged, ("B-X", "O")) == 0 and kind.chance("accuracy", tagged, ("B-X", "O")) == 0.5


# Spans as seqeval 1.2.2 `get_entities` gave them for these tags (ends are one further here).
SEEN = (
    ("B-A I-A O B-A", [("A", 0, 2), ("A", 3, 4)]),
    ("I-A I-A O", [("A", 0, 2)]),
    ("B-A B-A I-B", [("A", 0, 1), ("A", 1, 2), ("B", 2, 3)]),
    ("B-A E-A S-A I-A", [("A", 0, 2), ("A", 2, 3), ("A", 3, 4)]),
    ("O O", []),
    ("I-A E-A E-A", [("A", 0, 2), ("A", 2, 3)]),
)


@pytest.mark.parametrize(("tags", "expected"), SEEN)
def test_spans_are_those_of_the_conll_scorer(tags: str, expected: list[Any]) -> None:
    assert entities.spans(tags.split()) == expected


TAG = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B", "E-A", "S-B"])


@given(st.lists(TAG, max_size=12))
def test_spans_never_overlap_and_leave_no_tagged_word_out(tags: list[str]) -> None:
    found = entities.spans(tags)
    inside = [i for _, a, b in found for i in range(a, b)]
    assert inside == [i for i, tag in enumerate(tags) if tag != "O"]


def test_f1_counts_whole_spans_over_all_rows() -> None:
    names = ("B-A", "B-B", "I-A", "O")
    words = (("a", "b", "c"), ("d", "e"))
    truth = np.array([0, 2, 3, 1, 3], dtype=np.int32)  # A of two words; B
    said = np.array([0, 3, 0, 1, 3], dtype=np.int32)  # half of that A, another A, the B
    test = Split(("a b c", "d e"), truth, words=words)
    scored = judge("token-classification", "", test, said, names)
    assert scored.value == pytest.approx(2 * 1 / (3 + 2))
    assert (
        scored.scores["f1:B"] == 1 and scored.scores["f1:A"] == 0 and scored.scores["accuracy"] == pytest.approx(3 / 5)
    )
    with pytest.raises(Problem, match=r"lab\.no_such_class"):
        judge("token-classification", "f1:C", test, said, names)
    with pytest.raises(Problem, match=r"lab\.unknown_metric"):
        judge("token-classification", "macro-f1", test, said, names)
    with pytest.raises(Problem, match=r"lab\.tags_not_entities"):
        judge("token-classification", "entity-f1", test, said, ("NOUN", "VERB", "X", "O"))
    assert tasks.find("token-classification").metrics(("NOUN", "VERB")) == ("accuracy",)


def test_the_error_of_f1_is_that_of_other_test_sets() -> None:
    """Drawn anew 400 times from many rows whose spans hang together by row, F1 spreads as the error says."""
    rng = np.random.default_rng(0)
    there = rng.integers(0, 4, 40_000)
    good = np.where(rng.random(40_000) < 0.7, there, rng.integers(0, 2, 40_000))
    table = np.stack((np.minimum(there, good), good, there), axis=1)
    values = [entities.f1(table[rng.integers(0, 40_000, 200)]).value for _ in range(400)]
    assert entities.f1(table[:200]).stderr == pytest.approx(float(np.std(values)), rel=0.2)


ENGLISH = (
    ("the cat sat on the mat, quietly", "the cat sat on a mat quietly"),
    ("it costs 3,50 euro-ish (really)", "It costs 3,50 euros (really)."),
    ("", "an empty answer"),
)
CHINESE = (
    ("请选择一个文件", "请选择要打开的文件"),
    ("内核状态：空闲", "内核状态：忙碌"),
    ("保存 notebook", "保存笔记本 notebook"),
)
# Corpus scores of sacrebleu 2.6.0 (BLEU with 13a and zh, chrF2).
GOLDEN = ((ENGLISH, 0.2605493233853482, 0.5968549257304687), (CHINESE, 0.33268425935948337, 0.4471000655123266))


@pytest.mark.parametrize(("rows", "bleu", "chrf"), GOLDEN)
def test_bleu_and_chrf_are_those_of_sacrebleu(rows: Any, bleu: float, chrf: float) -> None:
    written, right = zip(*rows, strict=True)
    assert texts.compute("bleu", written, right).value == pytest.approx(bleu, rel=1e-12)
    assert texts.compute("chrf", written, right).value == pytest.approx(chrf, rel=1e-12)


def test_rouge_l_is_the_longest_common_subsequence() -> None:
    """Lin 2004, section 3.1: `police kill the gunman` against `police killed the gunman` shares 3 of 4 words, `the gunman
    kill police` 2 of 4."""
    assert texts.rouge_l("police kill the gunman", "police killed the gunman") == pytest.approx(3 / 4)
    assert texts.rouge_l("the gunman kill police", "police killed the gunman") == pytest.approx(2 / 4)
    assert texts.rouge_l("我喜欢猫", "我喜欢狗") == pytest.approx(3 / 4)
    assert texts.rouge_l("", "a") == 0 and texts.exact(" a  b", "a b") == 1


@given(st.text(max_size=30), st.text(max_size=30))
def test_metrics_of_texts_are_shares(a: str, b: str) -> None:
    for metric in texts.KNOWN:
        found = texts.compute(metric, [a, b], [b, b])
        assert 0 <= found.value <= 1 + 1e-9 and found.stderr >= 0
    assert texts.compute("chrf", [b], [b]).value in (pytest.approx(1), 0.0)  # nothing but blanks cannot be met
    with pytest.raises(Problem, match=r"lab\.unknown_metric"):
        texts.compute("meteor", [a], [b])


def test_written_answers_are_kept_as_they_are(tmp_path: Path) -> None:
    answers.keep_texts(tmp_path, "r", ("好 \n", "", "=1+1"))
    assert answers.kept_texts(tmp_path, "r", 3) == ("好 \n", "", "=1+1")
    assert answers.kept_texts(tmp_path, "r", 2) is None and answers.kept_texts(tmp_path, "s", 3) is None
    (tmp_path / "answers" / "r.json").write_text("[1, 2, 3]", encoding="utf-8")
    assert answers.kept_texts(tmp_path, "r", 3) is None


def test_prompts_ask_in_the_language_of_the_texts() -> None:
    shown = Split(("猫坐着",), np.zeros(0, dtype=np.int32), targets=("the cat sits",))
    for kind in ("translation", "text-generation"):
        task = tasks.find(kind)
        asked = task.prompt(shown, task.language_of(["猫坐着"]))
        assert asked.language == "zh" and asked.examples == ((asked.question("猫坐着"), "the cat sits"),)
        assert "{" not in asked.task + asked.question("{text}").replace("{text}", "")
    pair = tasks.find("sentence-pair")
    asked = pair.prompt(("yes", "no"), ["a\nb"], np.array([1]), "en")
    assert "yes, no" in asked.task and asked.examples[0][1] == "no" and "a\nb" in asked.examples[0][0]
