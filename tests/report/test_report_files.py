"""Writing: all or nothing, safe cells, clear problems."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.report_fakes import HEAD, assessment

from groundsill import report
from groundsill.report.formats import csv as as_csv
from groundsill.report.formats.csv import safe
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Exit, Problem


def test_all_formats_are_written_and_the_same_bytes_again(tmp_path: Path) -> None:
    paths = report.write(assessment(), tmp_path / "deep" / "report")
    assert [p.name for p in paths] == ["report.html", "report.md", "report.json", "cash.csv"]
    first = [p.read_bytes() for p in paths]
    assert [p.read_bytes() for p in report.write(assessment(), tmp_path / "deep" / "report")] == first
    assert sorted(p.name for p in paths[0].parent.iterdir()) == sorted(p.name for p in paths)
    assert json.loads(first[2])["schema"] == "groundsill.report/2"


def test_language_and_formats_can_be_chosen(tmp_path: Path) -> None:
    (path,) = report.write(assessment(), tmp_path, language="zh", formats=("md",))
    assert "结论" in path.read_text(encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["report.md"]


@pytest.mark.parametrize(
    ("over", "code"),
    [({"language": "tlh"}, "report.unknown_language"), ({"formats": ("md", "docx")}, "report.unknown_format")],
)
def test_what_we_cannot_do_is_said_before_anything_is_written(
    tmp_path: Path, over: dict[str, object], code: str
) -> None:
    with pytest.raises(Problem) as caught:
        report.write(assessment(), tmp_path / "r", **over)  # type: ignore[arg-type]
    assert caught.value.code == code and caught.value.exit == Exit.USAGE and not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("number", "code", "leaves"), [(errno.ENOSPC, "report.no_room", 5), (errno.EACCES, "report.cannot_write", 3)]
)
def test_a_full_disk_leaves_the_old_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, leaves: int
) -> None:
    paths = report.write(assessment(), tmp_path)
    old = {p: p.read_bytes() for p in paths}

    def full(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Problem) as caught:
        report.write(replace(assessment(), name="other"), tmp_path)
    assert caught.value.code == code and caught.value.exit == leaves and str(tmp_path) in caught.value.at
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == old


def test_a_folder_that_is_a_file_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("x")
    with pytest.raises(Problem) as caught:
        report.write(assessment(), tmp_path / "report")
    assert caught.value.code == "report.cannot_write"


def test_cash_table_holds_every_row_and_month() -> None:
    a = assessment()
    rows = list(csv.DictReader(io.StringIO(as_csv.render(a, "en"))))
    value = a.result(HEAD.id).value
    assert value is not None
    mine = [r for r in rows if r["candidate"] == HEAD.id and r["row"] == "value_right"]
    assert [float(r["mean"]) for r in mine] == pytest.approx(value.rows["value_right"])
    assert [int(r["month"]) for r in mine] == list(range(a.months + 1))
    assert {r["row"] for r in rows if r["candidate"] == HEAD.id} == set(value.rows)


def test_cash_table_is_safe_in_a_spreadsheet() -> None:
    a = assessment()
    row = a.result(HEAD.id)
    assert row.value is not None
    evil = replace(
        row,
        candidate=Candidate('=HYPERLINK("http://x")', "m"),
        value=replace(row.value, rows={"@SUM(1)": (-5.0, math.nan), "+a": (1.0,), "fine": (2.0,)}),
    )
    rows = list(csv.DictReader(io.StringIO(as_csv.render(replace(a, results=(evil,), currency="-X"), "en"))))
    assert {r["candidate"][0] for r in rows} == {"'"} and {r["row"] for r in rows} == {"'@SUM(1)", "'+a", "fine"}
    assert [r["mean"] for r in rows] == ["-5", "", "1", "2"], "numbers stay numbers"
    assert {r["currency"] for r in rows} == {"'-X"}


@given(st.text())
def test_no_text_cell_starts_a_formula(text: str) -> None:
    cell = safe(text).lstrip(" ")
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_browser_finds_no_fault(tmp_path: Path, language: str) -> None:
    """Opened in a real browser: nothing on its console, the content policy is kept, the page does not scroll sideways."""
    (path,) = report.write(assessment(), tmp_path, language=language, formats=("html",))
    probe = tmp_path / "probe.html"
    frame = f'<iframe id="f" src="{path.name}" width="390" height="3000"></iframe>'
    script = (
        "<script>onload=()=>{const d=f.contentDocument.documentElement;"
        "document.title=d.scrollWidth+' '+f.contentDocument.querySelectorAll('svg').length}</script>"
    )
    probe.write_text(frame + script, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--allow-file-access-from-files",
             f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--v=0", "--dump-dom"]  # fmt: skip
    for page in (path, probe):
        done = subprocess.run(
            ["chromium", *flags, page.as_uri()], capture_output=True, text=True, timeout=120, check=True
        )
        assert "CONSOLE" not in done.stderr, done.stderr
    title = done.stdout.split("<title>")[1].split("</title>")[0]
    width, pictures = (int(v) for v in title.split())
    assert width <= 390 and pictures == 12
