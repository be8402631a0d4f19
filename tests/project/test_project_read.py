"""Reading a project file: facts with their lines, and every mistake by code and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.project.project_fakes import GOOD, line_of, read_text

from groundsill.project.file import MAX_BYTES, read
from groundsill.project.kinds import MONEY, Kind, read_number
from groundsill.project.mistakes import ProblemList
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.quantity import Chance, Exactly, Range


def test_the_users_numbers_become_facts_with_their_lines(tmp_path: Path) -> None:
    project = read_text(tmp_path)
    volume = project.facts["use.requests_per_month"]
    assert (volume.value, volume.unit, volume.grade) == (Range(20e3, 60e3), "request", "user")
    assert (volume.source.kind, volume.source.title) == ("user", "groundsill.toml")
    assert volume.place == f"groundsill.toml:{line_of(GOOD, 'requests_per_month')}"
    assert project.facts["use.growth_per_year"].value == Range(0.0, 0.1)
    assert project.facts["price.accelerator:cpu"].unit == "USD/hour"
    assert project.facts["use.class.Intimate.value_per_right"].value == Exactly(0.1)
    assert project.facts["labels.test"].value == Exactly(1000.0)
    assert (project.target, project.confidence, project.months) == (0.82, 0.8, 36)


def test_references_are_kept_apart_from_numbers(tmp_path: Path) -> None:
    project = read_text(tmp_path)
    assert project.references == {
        "price.labels": "prices/labels/text",
        "price.staff:ml-engineer": "wages/ml-engineer/us",
    }
    assert not set(project.references) & set(project.facts)


def test_a_risk_is_one_fact_with_its_chance(tmp_path: Path) -> None:
    project = read_text(tmp_path)
    assert project.facts["risk.supplier-price"].value == Chance(0.1, Range(20e3, 80e3))
    assert "risk.supplier-price.chance" not in project.facts
    assert project.names["risk.supplier-price"] == "tune/head/small"


def test_what_the_table_reader_needs(tmp_path: Path) -> None:
    spec = read_text(tmp_path).spec
    assert spec is not None
    assert (spec.path, spec.text, spec.label, spec.test_rows) == (
        "reviews.csv",
        ("Title", "Review Text"),
        "Department",
        1000,
    )
    by_date = GOOD.replace("test = {rows = 1000}", 'test = {column = "day", after = 2026-01-01}').replace(
        '["Title", "Review Text"]', '"Body"'
    )
    spec = read_text(tmp_path, by_date).spec
    assert spec is not None
    assert (spec.text, spec.test_column, spec.test_after, spec.test_rows) == (("Body",), "day", "2026-01-01", 0)


def test_the_hash_is_of_the_bytes_and_a_bom_or_crlf_changes_no_line(tmp_path: Path) -> None:
    plain = read_text(tmp_path)
    path = tmp_path / "groundsill.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    windows = read(path)
    assert windows.facts == plain.facts
    assert windows.hash != plain.hash and len(windows.hash) == 64


CHANGES = [
    # what is replaced, by what, code, the line that is named (a fragment of the new text)
    ("months = 36", "month = 36", "project.unknown_key", "month = 36"),
    ("months = 36", "", "project.missing_key", "[use]"),
    ("months = 36", "months = 0", "project.out_of_range", "months = 0"),
    ("months = 36", "months = 3.5", "project.not_whole", "months = 3.5"),
    ("months = 36", 'months = "12 to 36"', "project.not_exact", "months ="),
    ("months = 36", "months = true", "project.wrong_type", "months = true"),
    ("months = 36", "months = [36]", "project.wrong_type", "months = [36]"),
    ("months = 36", "months = nan", "quantity.not_a_number", "months = nan"),
    ("months = 36", "months = " + "9" * 400, "quantity.not_a_number", "months = 9"),
    ("months = 36", 'months = "fact:a/b/c"', "project.no_reference", "months = "),
    ("target = 0.82", "target = 82", "project.out_of_range", "target = 82"),
    ("target = 0.82", 'target = "high"', "quantity.not_a_number", "target ="),
    ("target = 0.82", "target = 2026-01-01", "project.wrong_type", "target ="),
    ('confidence = "80%"', "confidence = -0.1", "project.out_of_range", "confidence"),
    ('kind = "text-classification"', 'kind = "juggling"', "project.unknown_task", "kind ="),
    ('metric = "accuracy"', 'metric = "acuracy"', "project.unknown_metric", "metric ="),
    ('language = "en"', 'language = "fr"', "project.unknown_language", "language ="),
    ('language = "en"', "language = 5", "project.unknown_language", "language ="),
    ('name = "reviews"', 'name = "a\\nb"', "project.bad_name", "name ="),
    ('name = "reviews"', "name = 7", "project.wrong_type", "name ="),
    ("schema = 1", "schema = 2", "project.out_of_range", "schema"),
    ('"20k to 60k"', '"60k to 20k"', "quantity.reversed", "requests_per_month"),
    ('"20k to 60k"', '"20k to 60k USD/hour"', "project.wrong_unit", "requests_per_month"),
    ('"20k to 60k"', '"20k to 60k furlong"', "quantity.unknown_unit", "requests_per_month"),
    ('"20k to 60k"', "{low = 1, high = 2}", "quantity.bad_table", "requests_per_month"),
    ('"20k to 60k"', "{p10 = 3, p50 = 2, p90 = 1}", "quantity.reversed", "requests_per_month"),
    ('"20k to 60k"', "{chance = 1.5, size = 2}", "quantity.not_a_probability", "requests_per_month"),
    ('"20k to 60k"', "{choose = [1, 2]}", "project.not_a_decision", "requests_per_month"),
    ('"20k to 60k"', '"-5 to 10"', "project.out_of_range", "requests_per_month"),
    ('"20k to 60k"', "0", "project.out_of_range", "requests_per_month"),
    ('"0.05 to 0.2 USD/request"', '"-0.2 to 0.1 USD/request"', "project.out_of_range", "cost_per_wrong"),
    ('"0.05 to 0.2 USD/request"', '"0.05 to 0.2 XYZ/request"', "project.unknown_currency", "cost_per_wrong"),
    ('"0.05 to 0.2 USD/request"', "0.05", "project.no_unit", "cost_per_wrong"),
    ('price = "fact:prices/labels/text"', 'price = "12 USD/hour"', "project.wrong_unit", 'price = "12'),
    ('price = "fact:prices/labels/text"', 'price = "fact:labels"', "project.bad_reference", "price ="),
    ('"fact:wages/ml-engineer/us"', '"60 USD/hour"', "project.wrong_unit", "wage ="),
    ('cpu = "0.1 USD/hour"', 'cpu = "0.1 USD/label"', "project.wrong_unit", "cpu ="),
    ('currency = "USD"', 'currency = "USX"', "project.unknown_currency", "currency"),
    ('"8% to 15%"', '"8% to 15"', "project.out_of_range", "discount_rate"),
    ("[finance]", "[finanse]", "project.missing_section", "schema = 1"),
    ('[hardware.price]\ncpu = "0.1 USD/hour"', '[prices]\nelectric = "1 USD/kWh"', "project.unknown_item", "electric"),
    ('[hardware.price]\ncpu = "0.1 USD/hour"', '[team.build]\nclasical = "1 month"', "project.unknown_route", "clasical"),
    ('[hardware.price]\ncpu = "0.1 USD/hour"', '[team.build]\nclassical = "3 day"', "project.wrong_unit", "3 day"),
    ('route = "classical"', 'route = "clasical"', "project.unknown_route", "clasical"),
    ('method = "head"', 'method = "hedd"', "project.unknown_method", "hedd"),
    ('model = "small"', "", "project.missing_key", "[[candidate]]\nroute = \"tune\""),
    ('model = "small"', 'model = "sm all"', "project.bad_name", "sm all"),
    ('[[candidate]]\nroute = "classical"', '[[candidate]]\nroute = "tune"\nmethod = "head"\nmodel = "small"', "project.duplicate_candidate", "last candidate"),
    ("chance = 0.1", "chance = 1.1", "project.out_of_range", "chance = 1.1"),
    ("chance = 0.1", "chance = -1", "project.out_of_range", "chance = -1"),
    ('"20k to 80k USD"', '"-5 USD"', "project.out_of_range", "cost = "),
    ('candidate = "tune/head/small"', 'candidate = "tune/head/smal"', "project.unknown_candidate", "candidate = "),
    ("test = {rows = 1000}", "test = {}", "project.bad_test", "test ="),
    ("test = {rows = 1000}", 'test = {file = "a.csv", column = "b", after = "2026-01-01"}', "project.bad_test", "test ="),
    ("test = {rows = 1000}", 'test = {column = "b", after = "soon"}', "project.bad_date", "test ="),
    ("test = {rows = 1000}", "test = {row = 1000}", "project.unknown_key", "test ="),
    ('path = "reviews.csv"', "", "project.bad_data", "[data]"),
    ('text = ["Title", "Review Text"]', "text = [1]", "project.wrong_type", "text ="),
    ('value_per_right = "0.03 to 0.06 USD/request"', "", "project.no_benefit", "[use]"),
    ('[hardware.price]\ncpu = "0.1 USD/hour"', '[hardware.price]\ncpu = "0.1 USD/hour"\n[prices]\n"accelerator:cpu" = "1 USD/hour"', "project.given_twice", "[prices]"),
    ('[finance]', '[pilot]\nrungs = [400, 200]\n[finance]', "project.bad_rungs", "rungs ="),
    ('[finance]', '[pilot]\nseeds = 0\n[finance]', "project.out_of_range", "seeds ="),
    ('[finance]', '[finance.fx]\nXXX = 2\n[finance]', "project.unknown_currency", "XXX"),
    ("months = 36", "months = 36\nmonths = 12", "project.not_toml", "months = 12"),
    ('name = "reviews"', 'name = "reviews', "project.not_toml", "name ="),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "where"), CHANGES)
def test_each_mistake_has_its_code_and_line(tmp_path: Path, old: str, new: str, code: str, where: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    with pytest.raises(Problem) as raised:
        read_text(tmp_path, text)
    problems = getattr(raised.value, "problems", (raised.value,))
    found = next((p for p in problems if p.code == code), None)
    assert found is not None, [str(p) for p in problems]
    line = _line(text, where)
    assert found.at == f"groundsill.toml:{line}"
    assert found.exit == Exit.INVALID


def _line(text: str, where: str) -> int:
    if where == "last candidate":
        return text[: text.rindex("[[candidate]]")].count("\n") + 1
    if "\n" in where:
        return text[: text.index(where)].count("\n") + 1
    return line_of(text, where)


def test_all_mistakes_are_collected_first_line_first(tmp_path: Path) -> None:
    text = (
        GOOD.replace("months = 36", "month = 36")
        .replace("target = 0.82", "target = 82")
        .replace('"20k to 60k"', '"60k to 20k"')
    )
    with pytest.raises(ProblemList) as raised:
        read_text(tmp_path, text)
    found = raised.value
    assert [p.code for p in found.problems] == [
        "project.out_of_range",
        "project.missing_key",
        "quantity.reversed",
        "project.unknown_key",
    ]
    assert (found.code, found.at) == (found.problems[0].code, found.problems[0].at)
    assert found.more["others"] == found.problems[1:]


def test_an_unknown_key_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(Problem) as raised:
        read_text(tmp_path, GOOD.replace("growth_per_year", "grow_per_year"))
    assert str(raised.value.limit).split(", ")[0] == "growth_per_year"
    assert len(str(raised.value.limit).split(", ")) == 3
    assert raised.value.more["key"] == "use.grow_per_year"


@pytest.mark.parametrize(
    ("data", "code", "at"),
    [
        (b'name = 1\nx = "\xff"\n', "project.not_utf8", "groundsill.toml:2"),
        (GOOD.encode("utf-16"), "project.not_utf8", "groundsill.toml:1"),
        (b"PK\x03\x04\n\0\0\0", "project.binary", "groundsill.toml:2"),
        (b"#" * (MAX_BYTES + 1), "project.too_large", "groundsill.toml"),
        (b"", "project.missing_key", "groundsill.toml:1"),
        (b"a = " + b"[" * 100_000, "project.not_toml", "groundsill.toml"),
        (b"a = " + b"9" * 5_000, "project.not_toml", "groundsill.toml"),
    ],
)
def test_files_that_are_not_what_their_name_says(tmp_path: Path, data: bytes, code: str, at: str) -> None:
    path = tmp_path / "groundsill.toml"
    path.write_bytes(data)
    with pytest.raises(Problem) as raised:
        read(path)
    assert raised.value.code == code
    assert raised.value.at.startswith(at)


def test_no_file_and_no_regular_file(tmp_path: Path) -> None:
    with pytest.raises(Problem) as raised:
        read(tmp_path / "groundsill.toml")
    assert raised.value.code == "project.no_file"
    with pytest.raises(Problem) as raised:
        read(tmp_path)
    assert raised.value.code == "project.not_a_file"


SHARE = Kind(("",), "", "", high=1.0)
PRICE = Kind((f"{MONEY}/label",), "", "", bare=False)
_positive = st.floats(1e-6, 1e9)


@given(_positive, _positive)
def test_ranges_are_read_as_written(a: float, b: float) -> None:
    low, high = sorted((a, b))
    value, unit = read_number(f"{low!r} to {high!r} EUR/label", PRICE)
    assert unit == "EUR/label"
    assert value == (Exactly(low) if low == high else Range(low, high))
    if low < high:
        with pytest.raises(Problem) as raised:
            read_number(f"{high!r} to {low!r} EUR/label", PRICE)
        assert raised.value.code == "quantity.reversed"


@given(st.floats(0, 100), st.floats(0, 100))
def test_percent_is_the_same_however_it_is_written(a: float, b: float) -> None:
    low, high = sorted((round(a, 3), round(b, 3)))
    text = read_number(f"{low}% to {high}%", SHARE)[0]
    short = read_number(f"{low} to {high}%", SHARE)[0]
    assert text == short
    table = read_number({"p10": low, "p50": low, "p90": high, "unit": "%"}, SHARE)
    assert table[1] == "%"


@given(st.floats(1.0, 1e6, exclude_min=True))
def test_a_share_above_one_is_refused(value: float) -> None:
    for raw in (value, f"0 to {value!r}", {"low": 0, "mode": 0.5, "high": value}):
        with pytest.raises(Problem) as raised:
            read_number(raw, SHARE)
        assert raised.value.code == "project.out_of_range"


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_named_problem(text: str) -> None:
    try:
        value, unit = read_number(text, PRICE)
    except Problem as p:
        assert p.code.partition(".")[0] in ("project", "quantity")
    else:
        assert unit.endswith("/label") and value.median >= 0


@given(st.binary(max_size=200))
def test_any_bytes_give_a_problem_and_no_traceback(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "groundsill.toml"
    path.write_bytes(data)
    with pytest.raises(Problem):
        read(path)


_raw = st.sampled_from(["0", "-1", '""', '"x"', "true", "[]", "{}", "[{}]", "{choose = []}", "{choose = [1, 1]}", '{chance = 0.5, size = {choose = [1]}}',
    "2026-01-01", "inf", '"1e999 USD/request"', '"fact:"', '"0 USD/hour"', '{p10 = 1, p50 = 2, p90 = 3, unit = 4}'])  # fmt: skip


@given(st.integers(0, GOOD.count("\n") - 1), _raw, st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_value_on_any_line_is_read_or_named(
    tmp_path_factory: pytest.TempPathFactory, number: int, raw: str, drop: bool
) -> None:
    """Each line of a good file gets a strange value, or is left out: a Project or a Problem with a line, nothing else."""
    lines = GOOD.split("\n")
    key, equals, _ = lines[number].partition(" = ")
    lines[number] = "" if drop or not equals else f"{key} = {raw}"
    try:
        read_text(tmp_path_factory.mktemp("p"), "\n".join(lines))
    except Problem as p:
        for problem in getattr(p, "problems", (p,)):
            assert problem.at.partition(":")[0] == "groundsill.toml" and problem.at.partition(":")[2].isdigit()
