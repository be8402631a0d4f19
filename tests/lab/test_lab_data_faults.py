"""Bad input: each fault is a named problem that says what and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundsill.lab.data import DataSpec, read, sniff, subset
from groundsill.terms.problem import Problem

GOOD = [f"some text {i},{'a' if i % 2 else 'b'}" for i in range(80)]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)


def fault(folder: Path, content: str | bytes, name: str = "d.csv", **more: object) -> Problem:
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    settings: dict[str, object] = {"path": name, "text": ("text",), "label": "label", **more}
    with pytest.raises(Problem) as caught:
        read(DataSpec(**settings), folder)  # type: ignore[arg-type]
    return caught.value


def table(*lines: str, header: str = "text,label") -> str:
    return "\n".join([header, *lines]) + "\n"


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (PNG, "d.csv", "data.not_what_it_says"),
        (b"PAR1" + bytes(50), "d.csv", "data.not_what_it_says"),
        (b"PK\x03\x04" + bytes(50), "d.csv", "data.not_what_it_says"),
        (b"text,label\nx\0y,a\n", "d.csv", "data.not_what_it_says"),
        (b"text,label\na,b\n", "d.parquet", "data.not_what_it_says"),
        (b"PAR1" + bytes(50), "d.parquet", "data.bad_file"),
        (b"", "d.csv", "data.empty_file"),
        (b"  \n\n", "d.csv", "data.empty_file"),
        (b"text,label\n", "d.csv", "data.empty_file"),
        (b"text,label\n", "d.xlsx", "data.unknown_form"),
        (b"text,label\nok,a\n\xff\xff\xff,b\n", "d.csv", "data.encoding"),
        (table(*(f",{i % 2}" for i in range(60))), "d.csv", "data.no_text"),
        (table(*(f"text {i}," for i in range(60))), "d.csv", "data.no_label"),
        (table(*(f"text {i},a" for i in range(60))), "d.csv", "data.one_class"),
        (table(*(f"text {i},{i % 2}" for i in range(20))), "d.csv", "data.too_few_rows"),
        (table(*(f"text {i},{i * 1.37}" for i in range(60))), "d.csv", "data.label_not_a_class"),
        (table(*GOOD, header="text,label,text"), "d.csv", "data.double_column"),
        ('{"text": ["a"], "label": "x"}\n', "d.jsonl", "data.bad_value"),
        ("[1, 2]\n", "d.jsonl", "data.bad_line"),
        ("[" * 100_000 + "\n", "d.jsonl", "data.bad_line"),
    ],
)  # fmt: skip
def test_faults_of_the_table(tmp_path: Path, content: str | bytes, name: str, code: str) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    assert fault(tmp_path, content, name).code == code


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text("x")
    with pytest.raises(Problem) as caught:
        read(DataSpec("review.csv", ("text",), "label"), tmp_path)
    assert caught.value.code == "data.file_missing" and "reviews.csv" in str(caught.value.more["near"])


@pytest.mark.parametrize("name", ["package:no_such_package_here/x.csv", "package:os/x.csv"])
def test_a_missing_package_comes_with_its_pip_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(Problem) as caught:
        read(DataSpec(name, ("text",), "label"), tmp_path)
    assert caught.value.code == "data.package_missing"
    assert caught.value.more["pip"] == caught.value.got.replace("_", "-")  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["package:email/../../etc/passwd", "package:email", "package:a b/x.csv"])
def test_a_package_path_stays_inside(tmp_path: Path, name: str) -> None:
    with pytest.raises(Problem, match=r"data\.bad_package"):
        read(DataSpec(name, ("text",), "label"), tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("d.csv", table(*GOOD)), ("d.jsonl", "\n".join('{"text": "t", "label": "y"}' for _ in range(60)))],
)
def test_a_missing_column_comes_with_near_names(tmp_path: Path, name: str, content: str) -> None:
    found = fault(tmp_path, content, name, text=("Texts",))
    assert (found.code, found.got, found.more["near"]) == ("data.missing_column", "Texts", "text")
    assert found.limit == "text, label"


@pytest.mark.parametrize(
    ("bad", "line"),
    [("one field", 82), ("a,b,c", 82), ('"open quote,a', 82), ('"x"y,a', 82)],
)
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, bad: str, line: int) -> None:
    found = fault(tmp_path, table(*GOOD, bad, *GOOD[:3]))
    assert (found.code, found.at) == ("data.bad_line", f"d.csv:{line}")


def test_lines_are_counted_through_fields_that_span_several(tmp_path: Path) -> None:
    found = fault(tmp_path, table('"two\nlines",a', "x,y,z"))
    assert (found.code, found.at) == ("data.bad_line", "d.csv:4")


def test_a_bad_line_of_json(tmp_path: Path) -> None:
    good = '{"text": "t", "label": "y"}'
    assert fault(tmp_path, f"{good}\n\n{good}\n{{oops\n", "d.jsonl").at == "d.jsonl:4"


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    found = fault(tmp_path, b"text,label\n" + b"ok,a\n" * 5 + b"\xff\xff,a\n")
    assert (found.code, found.got) == ("data.encoding", 7)


@pytest.mark.parametrize("name", ["d.csv", "d.jsonl"])
def test_a_giant_field_is_refused(tmp_path: Path, name: str) -> None:
    giant = "x" * 1_000_001
    content = table(*GOOD, f"{giant},a") if name == "d.csv" else f'{{"text": "{giant}", "label": "a"}}'
    found = fault(tmp_path, content, name)
    assert (found.code, found.limit) == ("data.giant_field", 1_000_000)


def test_a_class_met_once_is_named(tmp_path: Path) -> None:
    found = fault(tmp_path, table(*GOOD, "lonely,rare class"))
    assert (found.code, found.got, found.more["count"]) == ("data.class_once", "rare class", 1)


def test_dates_must_be_dates(tmp_path: Path) -> None:
    rows = [f"{line},2026-01-0{1 + i % 9}" for i, line in enumerate(GOOD)]
    content = table(*rows, "x,a,soon", header="text,label,day")
    assert fault(tmp_path, content, test_after="2026-01-05", test_column="day").code == "data.not_a_date"
    early = fault(tmp_path, table(*rows, header="text,label,day"), test_after="2027-01-01", test_column="day")
    assert early.code == "data.side_empty"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"path": ""}, "data.path_or_files"),
        ({"files": {"a": "x.txt"}}, "data.path_or_files"),
        ({"text": ()}, "data.columns_not_named"),
        ({"label": "text"}, "data.label_is_text"),
        ({"test_after": "2026-01-01"}, "data.test_unclear"),
        ({"test_rows": -1}, "data.negative_test_rows"),
    ],
)
def test_a_spec_that_contradicts_itself(tmp_path: Path, more: dict[str, object], code: str) -> None:
    assert fault(tmp_path, table(*GOOD), **more).code == code


def test_subsets_beyond_the_pool() -> None:
    with pytest.raises(Problem, match=r"data\.subset_too_large"):
        subset(10, 11, 0)


def test_sniffing_a_table(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    lines = [f"{i},{i % 4},long review text with number {i} in it,{'new york' if i % 2 else 'rome'},{'ab'[i % 2]}"
             for i in range(60)]  # fmt: skip
    path.write_text(table(*lines, header="id,stars,review,city,category"))
    guess = sniff(path)
    assert (guess.text, guess.label, guess.classes) == ("review", "category", 2)
    assert guess.label_others == ("city", "stars") and guess.rows == 60


@pytest.mark.parametrize(
    ("lines", "code"),
    [([f"{i},a{i % 2}" for i in range(60)], "data.no_text_column"),
     ([f"words {i},words again {i}" for i in range(60)], "data.no_label_column")],
)  # fmt: skip
def test_sniffing_says_what_it_did_not_find(tmp_path: Path, lines: list[str], code: str) -> None:
    (tmp_path / "d.csv").write_text(table(*lines))
    with pytest.raises(Problem) as caught:
        sniff(tmp_path / "d.csv")
    assert caught.value.code == code
