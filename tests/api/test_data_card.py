"""`groundsill data`: one page in two languages, escaped, with every change of rows and nothing changed."""

from __future__ import annotations

import csv
import json
import re
import tomllib
from pathlib import Path

import pytest

import groundsill
from groundsill import api
from groundsill.api.data_card import page
from groundsill.cli import main
from groundsill.lab.data import DataSpec, read
from groundsill.lab.data.quality import look
from groundsill.words import LANGUAGES

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    rows = [
        (f"{EVIL} the {w} number {i} is here, and everybody can see that it is {w} at once", c)
        for i in range(60)
        for c, w in (("fruit", "pear"), ("metal", "zinc"))
    ]
    rows += [(f"{EVIL} a text that stands here twice over, number {i} of many", "fruit") for i in (1, 1, 2)]
    rows += [("", "fruit"), ("这件衣服很好看，颜色也不错", "metal"), ("ＡＢＣ full width", "metal")]
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    api.init(tmp_path / "t.csv", tmp_path / "groundsill.toml")
    return tmp_path / "groundsill.toml"


def test_the_card_says_what_was_done_and_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (project.parent / "t.csv").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(["data", str(project), "--doubt"])
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    assert "share four fifths" in out and "confident learning" in out
    html, md = ((project.parent / "report" / f"data.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    assert EVIL not in html and "&lt;script&gt;" in html and "default-src 'none'" in html
    for text in (html, md):
        assert "without a text" in text and "the same text again, with the same label" in text
        assert "zh-hans" in text and "full-width letters or signs" in text and "Largest class" in text
    assert (project.parent / "t.csv").read_bytes() == before


def test_json_and_the_other_language(project: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["data", str(project), "--json", "--lang", "zh", "--out", str(tmp_path / "o")])
    told = json.loads(capsys.readouterr().out)
    assert told["card"]["dropped"] == {"duplicate": 1, "empty_text": 1} and told["disagree"] is None
    assert told["writing"]["full_width"] == 2 and told["pairs"] >= 1
    chinese = (tmp_path / "o" / "data.md").read_text(encoding="utf-8")
    assert "数据卡" in chinese and "没有检查标签" in chinese and "Near duplicates" not in chinese


def test_a_test_set_that_is_too_easy_is_called_so(project: Path) -> None:
    table = read(DataSpec(str(project.parent / "t.csv"), ("text",), "label", test_rows=40), project.parent)
    found = look(table)
    assert found.tested_near > 10
    blocks = page(found, "t", "en").blocks
    assert any("easier than the work" in getattr(b, "title", "") for b in blocks)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_page_is_used_and_every_reason_has_words(language: str) -> None:
    root = Path(groundsill.__file__).parent
    known = set(tomllib.loads((root / "words" / language / "quality.toml").read_text(encoding="utf-8")))
    source = (root / "api" / "data_card.py").read_text(encoding="utf-8") + (root / "cli/commands/data.py").read_text(
        encoding="utf-8"
    )
    named = set(re.findall(r"[\"'](?:quality\.)?([a-z_]+)[\"']", source)) | {"side_pool", "side_test"}
    named |= {f"kind_{kind}" for kind in ("random", "date", "file", "group")}
    rooms = "".join(p.read_text(encoding="utf-8") for p in (root / "lab" / "data").glob("*.py"))
    reasons = set(re.findall(r'dropped\["([a-z_]+)"\]', rooms)) | set(
        re.findall(r'remove\([^,]+, "([a-z_]+)"\)', rooms)
    )
    assert len(reasons) >= 7
    assert known == (known & named) | {f"why_{why}" for why in reasons}
