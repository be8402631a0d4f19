"""The workbook as it is written: its formulas, computed by the tests' own small spreadsheet, say what Python says."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook, load_workbook
from tests.report.report_cases import empty
from tests.report.report_fakes import assessment
from tests.report.sheet_reader import Sheets
from tests.report.workbook_cases import EXAMPLES, EXTRAS, by_hand, example, truth
from tests.report.workbook_checks import agrees, inputs_of, route_tabs

from groundsill import api, report
from groundsill.assess.assessment import Assessment
from groundsill.finance.rows import inputs_of as read_by
from groundsill.report.xlsx.book import Priced, book
from groundsill.report.xlsx.write import workbook
from groundsill.terms.candidate import Candidate
from groundsill.terms.fact import Fact
from groundsill.terms.quantity import Exactly
from groundsill.terms.source import Source

Case = tuple[Assessment, tuple[Priced, ...]]
EVIL = [
    '=HYPERLINK("http://evil.example","x")',
    "+1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "https://evil.example",
    "＝1+1",
]


def opened(data: bytes, values: bool = False) -> Workbook:
    return load_workbook(io.BytesIO(data), data_only=values)


@pytest.fixture(scope="module")
def plan_7b(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return example("pretrain-7b", tmp_path_factory.mktemp("plan"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("extra", EXTRAS)
def test_every_row_and_output_is_what_python_says(extra: str, language: str) -> None:
    a, options = by_hand(**EXTRAS[extra])
    sheets = Sheets(opened(workbook(a, options, language)))
    agrees(sheets, book(a, options, language), options)


def test_the_plan_as_it_ships(plan_7b: Case) -> None:
    """Every formula of an example is computed, and stored values are what it gives."""
    a, options = plan_7b
    data = workbook(a, options, "en")
    sheets, stored = Sheets(opened(data)), opened(data, values=True)
    agrees(sheets, book(a, options, "en"), options)
    count = 0
    for sheet in sheets.book.worksheets:  # type: ignore[union-attr]
        for cell in (c for row in sheet.iter_rows() for c in row if c.data_type == "f"):
            value, kept = sheets.cell(sheet.title, cell.coordinate), stored[sheet.title][cell.coordinate].value
            assert kept is not None, f"{sheet.title}!{cell.coordinate}"
            if isinstance(value, str):
                assert kept == value
            else:
                scale = max(abs(value), 1e-9 * abs(a.verdict.npv.mean if a.verdict.npv else 1.0))
                assert kept == pytest.approx(value, rel=1e-9, abs=1e-9 * scale), f"{sheet.title}!{cell.coordinate}"
            count += 1
    assert count > 5000


def test_an_input_that_is_changed_moves_the_value_as_in_python() -> None:
    a, options = by_hand()
    made = book(a, options, "en")
    sheets = Sheets(opened(workbook(a, options, "en")))
    before = sheets.name("output_npv_1")
    given = next(g for g in made.shared if g.key == "use.value_per_right")
    sheets.set(given.name, 1.7 * given.value)
    agrees(sheets, made, options)
    assert sheets.name("output_npv_1") > before * 1.2
    assert sheets.name("inputs_changed") == 1


def test_one_formula_a_row() -> None:
    """From month 1 on each row's formulas are copies of one another."""
    a, options = by_hand()
    made = opened(workbook(a, options, "en"))
    for name in route_tabs(made):
        for row in made[name].iter_rows(min_row=6, min_col=8):
            texts = {_relative(c.value, c.column_letter) for c in row if c.data_type == "f"}
            assert len(texts) <= 1, texts


def _relative(text: str, column: str) -> str:
    from openpyxl.utils import column_index_from_string as index

    here = index(column)
    return re.sub(r"(?<![\w$'])([A-Z]{1,2})(\$?\d+)\b", lambda m: f"[{index(m[1]) - here}]{m[2]}", text)


def test_inputs_are_blue_named_and_sourced() -> None:
    a, options = by_hand()
    made, data = book(a, options, "en"), workbook(a, options, "en")
    held = opened(data)
    for given in made.given:
        ((sheet, cell),) = held.defined_names[given.name].destinations
        here = held[sheet][cell]
        assert here.value == given.value and here.data_type == "n" and here.font.color.rgb == "FF0000FF"
        assert given.read in held.defined_names
    read = {key for option in options for key in read_by(option.sheet.program.rows.values())}
    assert read <= {given.key for given in made.given}
    assert next(g for g in made.shared if g.key == "finance.discount_rate_per_year").value == pytest.approx(10.0), (
        "in %"
    )
    sources = {c.value for row in held["Sources"].iter_rows(min_row=5) for c in row[:1]}
    assert set(a.facts) <= sources


def test_exchange_rates_and_workers_stay_live() -> None:
    """What was folded into a price when it was drawn is an input of its own."""
    rng = np.random.default_rng(5)
    workers, rate, label = 3.0, rng.uniform(0.13, 0.15, 40), rng.uniform(0.1, 0.5, 40)
    a, options = by_hand(price__labels=label * workers * rate, labels__workers=workers, fx__CNY=rate)
    source = Source("x", "user")
    facts = dict(a.facts)
    facts["price.labels"] = replace(facts["price.labels"], unit="CNY/label")
    facts["labels.workers"] = Fact("labels.workers", Exactly(3.0), "", source, "user")
    facts["fx.CNY"] = Fact("fx.CNY", Exactly(0.14), "USD/CNY", source, "user")
    a = replace(a, facts=facts)
    made = book(a, options, "en")
    price = next(g for g in made.shared if g.key == "price.labels")
    assert price.times == ("fx.CNY", "labels.workers") and price.model_unit == "USD/label"
    assert price.value == pytest.approx(float((label * rate).mean() / rate.mean()))
    sheets = Sheets(opened(workbook(a, options, "en")))
    before = sheets.name("price_labels_si")
    assert before == pytest.approx(float(np.mean(label * workers * rate)))
    sheets.set("labels_workers", 5.0)
    assert sheets.name("price_labels_si") == pytest.approx(before * 5 / 3)
    agrees(sheets, made, options)


def test_checks_turn_red() -> None:
    """A formula that no longer says what Python said is seen, and so is a row that was left out of the sum."""
    a, options = by_hand()
    data = workbook(a, options, "en")
    good = Sheets(opened(data))
    assert good.name("inputs_changed") == 0 and good.cell("Checks", "B6") == "holds" == good.cell("Summary", "B7")
    held = opened(data)
    tab = route_tabs(held)[0]
    rows = {row[1].value: row[0].row for row in held[tab].iter_rows(min_row=6)}
    cell = held[tab].cell(rows["cost_wrong"], 20)
    cell.value = cell.value + "*2"
    assert Sheets(held).cell("Checks", "B6") == "WRONG"
    held = opened(data)
    held[tab].cell(rows["net"], 20).value = "=0"
    assert Sheets(held).cell("Summary", "B7") == "WRONG"
    rules = held["Checks"].conditional_formatting
    reds = [r for group in rules for r in group.rules if r.dxf is not None and r.dxf.fill.bgColor.rgb == "FFC00000"]
    assert reds and all("WRONG" in r.formula[0] for r in reds)


@pytest.mark.parametrize("evil", EVIL)
def test_text_of_the_user_is_never_a_formula_or_a_link(evil: str) -> None:
    a, options = by_hand(**{f"risk__{evil}": 10.0})
    bad = Candidate("tune", evil, evil)
    source = Source("x", "imported", evil, evil, evil, evil, evil, evil)
    facts = {k: replace(f, place=evil, note=evil, basis=evil, date=evil, source=source) for k, f in a.facts.items()}
    facts[evil] = facts["price.labels"]
    facts["link"] = replace(
        facts["price.labels"], source=replace(source, kind="publication", address='https://x.example/a">b')
    )
    results = tuple(replace(r, candidate=bad) if r.candidate == options[0].candidate else r for r in a.results)
    a = replace(
        a, name=evil, metric=evil, made=evil, facts=facts, results=results, verdict=replace(a.verdict, candidate=bad)
    )
    data = workbook(a, (replace(options[0], candidate=bad), *options[1:]), "en")
    held = opened(data)
    seen = 0
    for sheet in held.worksheets:
        assert not set(sheet.title) & set("=@[]:*?/\\'")
        for cell in (c for row in sheet.iter_rows() for c in row):
            assert cell.hyperlink is None, cell.value
            if cell.data_type == "f":
                bare = re.sub(r"'[^']*'!", "", cell.value)  # a sheet's name stands in quotes and holds none
                assert evil not in bare and "HYPERLINK(" not in bare and "|" not in bare
            elif isinstance(cell.value, str) and cell.value.lstrip().startswith(("=", "+", "-", "@", "＝")):
                assert cell.data_type in ("s", "inlineStr") or cell.quotePrefix
                assert cell.quotePrefix, "stays text when it is edited"
                seen += 1
    assert seen or evil.startswith("https")
    with zipfile.ZipFile(io.BytesIO(data)) as files:
        for name in files.namelist():
            assert not (name.endswith(".rels") and b"External" in files.read(name)), name
    agrees(
        Sheets(held),
        book(a, (replace(options[0], candidate=bad), *options[1:]), "en"),
        (replace(options[0], candidate=bad), *options[1:]),
    )


def test_addresses_of_the_catalogue_are_links(plan_7b: Case) -> None:
    held = opened(workbook(*plan_7b, "en"))
    links = {c.hyperlink.target for row in held["Sources"].iter_rows() for c in row if c.hyperlink}
    assert links and all(link.startswith("https://") for link in links)
    assert {
        c.hyperlink for sheet in held.worksheets if sheet.title != "Sources" for row in sheet.iter_rows() for c in row
    } == {None}


def test_the_recommended_route_stands_first(plan_7b: Case) -> None:
    a, options = plan_7b
    tracks = book(a, options, "en").tracks
    assert tracks[0].candidate == a.verdict.candidate
    assert {t.candidate for t in tracks} == {r.candidate for r in a.results if r.value and r.candidate.route != "none"}


def test_nothing_assessed_is_said(tmp_path: Path) -> None:
    held = opened(workbook(empty(), (), "zh"))
    assert held.sheetnames == ["摘要", "输入", "结果", "来源", "核对"]
    assert any("没有方案" in str(c.value) for row in held["摘要"].iter_rows() for c in row)


def test_it_is_written_like_the_other_formats(tmp_path: Path) -> None:
    a, options = by_hand()
    paths = report.write(a, tmp_path, formats=("md", "xlsx"), priced=options)
    assert [p.name for p in paths] == ["report.md", "report.xlsx"]
    first = paths[1].read_bytes()
    assert report.write(a, tmp_path, formats=("xlsx",), priced=options)[0].read_bytes() == first, "the same bytes"
    assert [p.name for p in report.write(assessment(), tmp_path / "b")] == [
        "report.html",
        "report.md",
        "report.json",
        "cash.csv",
    ]


def test_writing_workbooks_is_loaded_only_when_asked_for() -> None:
    code = "import sys, groundsill.report.formats.xlsx, groundsill.api.analysis; sys.exit('xlsxwriter' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_means_of_independent_inputs_give_the_mean_value() -> None:
    """Why an input stands at its mean: rows that only add and multiply come out at the mean over the draws."""
    a, options = by_hand(use__growth_per_year=0.1, use__retune_months=7.0)
    made = book(a, options, "en")
    values = inputs_of(Sheets(opened(workbook(a, options, "en"))), made, made.tracks[0])
    option = next(o for o in options if o.candidate == made.tracks[0].candidate)
    drawn = option.sheet.present("net")[0]
    assert truth(option, values).npv == pytest.approx(drawn.mean(), abs=0.2 * drawn.std())


def test_a_workbook_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "pretrain-7b", tmp_path / "p", ignore=shutil.ignore_patterns(".groundsill", "report"))
    project = tmp_path / "p" / "groundsill.toml"
    command = [sys.executable, "-m", "groundsill", "assess", str(project), "--draws", "1000", "--xlsx", "--lang", "zh"]
    asked = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert asked.returncode == 0 and "report.xlsx" in asked.stdout, asked.stderr
    assert load_workbook(tmp_path / "p" / "report" / "report.xlsx").sheetnames[0] == "摘要"
    plain = api.assess(project, draws=1000, out=tmp_path / "plain")
    assert [p.suffix for p in plain.paths] == [".html", ".md", ".json", ".csv"]
