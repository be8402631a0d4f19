"""Rows that are no single text with a class: pairs, tagged words, texts to write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lab.forms import made, rows

from groundsill.lab.data import FORMS, DataSpec, Split, read
from groundsill.lab.data.rows import packed, split_of
from groundsill.project import table
from groundsill.terms.problem import Problem


def test_words_are_read_with_their_tags(tmp_path: Path) -> None:
    data = made(tmp_path, "words")
    assert data.classes == ("B-FRUIT", "B-METAL", "I-METAL", "O") and data.card.chance == 0.0
    for side in (data.pool, data.test):
        assert side.form == "words" and side.starts[-1] == len(side.labels) == sum(map(len, side.words))
        for row, said in zip(side.words, side.said(data.classes), strict=True):
            expected = ["O"] * len(row)
            for i, word in enumerate(row):
                if word in ("apple", "pear", "plum"):
                    expected[i] = "B-FRUIT"
                elif word in ("iron", "zinc", "gold"):
                    expected[i] = "I-METAL" if expected[i - 1] == "B-METAL" and i else "B-METAL"
            assert said.split() == expected
    given_tags = sum(len(r["label"]) for r in rows("words", 240))
    assert sum(data.card.classes.values()) == given_tags - _lost(data, given_tags)


def _lost(data: Any, given_tags: int) -> int:
    """Words of rows that were met twice."""
    return given_tags - len(data.pool.labels) - len(data.test.labels)


def test_a_row_taken_out_keeps_its_own_tags(tmp_path: Path) -> None:
    pool = made(tmp_path, "words").pool
    some = pool.take(np.array([5, 0, 7]))
    assert some.words == (pool.words[5], pool.words[0], pool.words[7])
    for place, row in enumerate((5, 0, 7)):
        ours = some.labels[some.starts[place] : some.starts[place + 1]]
        assert ours.tolist() == pool.labels[pool.starts[row] : pool.starts[row + 1]].tolist()
    assert len(pool.take(np.zeros(0, dtype=np.int64)).labels) == 0


def test_one_word_a_line_and_words_with_blanks_read_the_same(tmp_path: Path) -> None:
    some = rows("words", 200)
    lines = "\n\n".join("\n".join(f"{w} x {t}" for w, t in zip(r["text"], r["label"], strict=True)) for r in some)
    (tmp_path / "a.conll").write_text(f"-DOCSTART- x O\n\n{lines}\n", encoding="utf-8")
    cells = [(" ".join(r["text"]), " ".join(r["label"])) for r in some]
    (tmp_path / "b.csv").write_text("words,tags\n" + "\n".join(",".join(c) for c in cells) + "\n", encoding="utf-8")
    both = [read(DataSpec(name, ("words",), "tags", form="words"), tmp_path) for name in ("a.conll", "b.csv")]
    assert both[0].card.data_hash == both[1].card.data_hash and both[0].pool.words == both[1].pool.words
    (tmp_path / "bad.conll").write_text("lonely\n", encoding="utf-8")
    with pytest.raises(Problem, match=r"data\.bad_line"):
        read(DataSpec("bad.conll", ("words",), "tags", form="words"), tmp_path)


def test_both_texts_of_a_pair_stay_apart(tmp_path: Path) -> None:
    data = made(tmp_path, "pair")
    assert data.pool.form == "pair" and set(data.classes) == {"one", "far"}
    assert data.pool.texts[0] == f"{data.pool.firsts[0]}\n{data.pool.seconds[0]}"
    assert data.card.chance == max(data.card.test_classes.values()) / len(data.test)
    swapped = [{"a": r["b"], "b": r["a"], "label": r["label"]} for r in rows("pair", 240)]
    (tmp_path / "s.jsonl").write_text("\n".join(json.dumps(r) for r in swapped), encoding="utf-8")
    other = read(DataSpec("s.jsonl", ("a", "b"), "label", form="pair", test_rows=60), tmp_path)
    assert other.card.data_hash != data.card.data_hash  # which text stands first belongs to the row


def test_a_text_to_write_is_no_class(tmp_path: Path) -> None:
    data = made(tmp_path, "target")
    assert data.classes == () and data.card.classes == {} and not len(data.pool.labels)
    assert data.pool.targets[0] in data.pool.texts[0].split()
    assert data.test.said(()) == list(data.test.targets)
    assert data.pool.take(np.array([3])).targets == data.pool.targets[3:4]


@pytest.mark.parametrize(
    ("code", "form", "lines", "more"),
    [
        ("data.words_and_tags", "words", [{"text": ["a", "b"], "label": ["O"]}], {}),
        ("data.one_class", "words", [{"text": [f"w{i}", "b"], "label": ["O", "O"]} for i in range(60)], {}),
        ("data.no_text", "words", [{"text": ["", " "], "label": ["O", "O"]}], {}),
        ("data.bad_value", "words", [{"text": [["a"]], "label": ["O"]}], {}),
        ("data.one_class", "target", [{"text": f"t{i}", "label": "always"} for i in range(60)], {}),
        ("data.no_label", "target", [{"text": f"t{i}", "label": " "} for i in range(60)], {}),
        ("data.no_text", "target", [{"text": " ", "label": "b"}], {}),
        ("data.too_few_rows", "target", [{"text": f"t{i}", "label": f"l{i}"} for i in range(9)], {}),
        ("data.columns_of_form", "pair", [{"text": "a", "label": "b"}], {}),
        ("data.no_text", "pair", [{"text": "a", "other": "", "label": "b"}], {"text": ("text", "other")}),
        ("data.bad_form", "sound", [{"text": "a", "label": "b"}], {}),
    ],
)
def test_rows_that_do_not_fit_are_named(
    code: str, form: str, lines: list[dict[str, Any]], more: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps(r) for r in lines), encoding="utf-8")
    with pytest.raises(Problem) as caught:
        read(DataSpec("t.jsonl", **{"text": ("text",), "label": "label", "form": form, **more}), tmp_path)
    assert caught.value.code == code


def test_a_test_file_of_tagged_words_is_read_like_the_table(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text(
        "".join(json.dumps(r) + "\n" for r in rows("words", 90, seed=9)), encoding="utf-8"
    )
    data = made(tmp_path, "words", test_file="test.jsonl", test_rows=0)
    assert data.card.test_kind == "file" and not set(data.pool.texts) & set(data.test.texts)


WORD = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=6)


@given(st.lists(st.lists(WORD, min_size=1, max_size=5), min_size=1, max_size=5))
def test_packed_words_come_back_whole(table_rows: list[list[str]]) -> None:
    both = [packed("words", (row, ["O"] * len(row)), "") for row in table_rows]
    split = split_of("words", [b[0] for b in both], [b[1] for b in both], {"O": 0})
    assert split.words == tuple(tuple(row) for row in table_rows) and len(split.labels) == sum(map(len, table_rows))


def test_a_project_names_the_forms_that_the_lab_reads() -> None:
    from groundsill.lab import tasks
    from groundsill.project import checks
    from groundsill.terms.shelf import shelf

    kinds = {module.KIND: module for module in shelf(tasks).values()}
    assert {kind: module.FORM for kind, module in kinds.items()} == table.FORMS
    assert set(table.FORMS.values()) == set(FORMS)
    assert set(checks.METRICS) == set(kinds)
    for kind, names in checks.METRICS.items():
        assert set(names) <= set(kinds[kind].metrics(("B-X", "O"))), kind


def test_what_holds_no_rows_has_a_form() -> None:
    assert Split((), np.zeros(0, dtype=np.int32)).form == "class"
