"""Sides that stay apart: groups, near copies of test rows; and nothing moves where nobody asks for it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.data import DataSpec, read
from groundsill.lab.data.apart import group_rows
from groundsill.lab.data.leakage import find
from groundsill.project.table import TableSpec
from groundsill.terms.problem import Problem


def table(folder: Path, copies: int = 8) -> Path:
    """120 texts by 12 authors; then near copies of the first ones by other authors."""
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(300)]
    rows = []
    for i in range(120):
        text = " ".join(words[j] for j in rng.integers(0, 300, 25))
        rows.append((text, ("yes", "no")[i % 2], f"a{i % 12}"))
    rows += [(rows[i][0] + " indeed", rows[i][1], f"b{i}") for i in range(copies)]
    path = folder / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label", "author"), *rows])
    return path


def test_near_copies_of_test_rows_are_not_learnt_from(tmp_path: Path) -> None:
    path = table(tmp_path, copies=60)
    plain = read(DataSpec(str(path), ("text",), "label", test_rows=40), tmp_path)
    apart = read(DataSpec(str(path), ("text",), "label", test_rows=40, near=0.8), tmp_path)
    before = find(plain)
    assert before.across > 5 and find(apart).across == 0
    assert apart.test.texts == plain.test.texts and apart.card.test_id == plain.card.test_id
    gone = apart.card.dropped["near_test"]
    assert gone == len(plain.pool) - len(apart.pool) and 5 < gone <= before.across
    assert apart.card.data_hash != plain.card.data_hash and "near_test" not in plain.card.dropped
    assert set(apart.pool.texts) < set(plain.pool.texts)


def test_near_copies_of_a_test_file(tmp_path: Path) -> None:
    path = table(tmp_path, copies=0)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    own = tmp_path / "own.csv"
    with own.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([rows[0], *((t + " !", y, a) for t, y, a in rows[1:31])])
    spec = DataSpec(str(path), ("text",), "label", test_rows=0, test_file=str(own), near=0.8)
    made = read(spec, tmp_path)
    assert made.card.dropped["near_test"] == 30 and len(made.test) == 30 and len(made.pool) == 90


def test_groups_stay_on_one_side(tmp_path: Path) -> None:
    path = table(tmp_path)
    made = read(DataSpec(str(path), ("text",), "label", test_rows=35, group="author"), tmp_path)
    with path.open(encoding="utf-8", newline="") as stream:
        author = {row["text"]: row["author"] for row in csv.DictReader(stream)}
    sides = [{author[t] for t in side.texts} for side in (made.pool, made.test)]
    assert not sides[0] & sides[1] and 20 < len(made.test) <= 35 and made.card.test_kind == "group"
    other = read(DataSpec(str(path), ("text",), "label", test_rows=35, group="author", seed=1), tmp_path)
    assert other.test.texts != made.test.texts
    for more in ({"test_after": "2026-01-01", "test_column": "author"}, {"test_file": "x.csv"}):
        with pytest.raises(Problem) as caught:
            read(DataSpec(str(path), ("text",), "label", group="author", **more), tmp_path)  # type: ignore[arg-type]
        assert caught.value.code == "data.test_unclear"


@given(
    st.lists(st.sampled_from(["", "a", "b", "c", "dd"]), min_size=1, max_size=60), st.integers(0, 40), st.integers(0, 9)
)
def test_group_rows(marks: list[str], n: int, seed: int) -> None:
    rows = set(group_rows(marks, n, seed).tolist())
    assert len(rows) <= n
    for mark in set(marks) - {""}:
        inside = {i for i, m in enumerate(marks) if m == mark}
        assert inside <= rows or not inside & rows
    if "" in marks and n >= len(marks):
        assert len(rows) == len(marks)


def test_what_nobody_asks_for_changes_no_stamp() -> None:
    """A card and a pilot of an older version are found by the text of the specification."""
    old = "TableSpec(path='a.csv', text=('t',), label='y', files={}, test_rows=5, test_file='', test_after='', test_column='', seed=0)"
    assert repr(TableSpec("a.csv", ("t",), "y", {}, 5)) == old
    assert repr(TableSpec("a.csv", ("t",), "y", {}, 5, near=0.8)) == old[:-1] + ", near=0.8)"
    assert "group='who'" in repr(TableSpec("a.csv", group="who"))
