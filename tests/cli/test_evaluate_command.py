"""`groundsill evaluate`, `groundsill estimate model`: text, JSON, page, exit codes, both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from groundsill.cli import main
from groundsill.terms.problem import Exit

CODE = re.compile(r"\b(answers|choice)\.[a-z_]{3,}")  # a code without its words


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """Exit code and both streams of one call."""
    with pytest.raises(SystemExit) as end:
        main([*args])
    seen = capsys.readouterr()
    return int(end.value.code or 0), seen.out, seen.err


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Answers before and after tuning, with scores, to the same 60 rows."""
    made = []
    for name, wrong in (("before", 3), ("after", 10)):
        lines = ["truth,predicted,score:no,score:yes"]
        for i in range(60):
            truth = "yes" if i % 2 else "no"
            right = i % wrong != 0
            said = truth if right else ("no" if i % 2 else "yes")
            yes = 0.8 if said == "yes" else 0.3
            lines.append(f"{truth},{said},{1 - yes:.2f},{yes}")
        made.append(tmp_path / f"{name}.csv")
        made[-1].write_text("\n".join(lines))
    return made[0], made[1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_evaluate_shows_both_routes_and_writes_a_page(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    page = tmp_path / "page.html"
    args = ("evaluate", *map(str, files), "--before", "before", "--plot", str(page), "--lang", language)
    code, text, _ = run(capsys, *args)
    assert code == Exit.OK and page.stat().st_size > 10_000
    assert "0.667" in text and "0.900" in text and "0.233" in text  # accuracies 40 and 54 of 60, and the difference
    assert not CODE.search(text) and not CODE.search(page.read_text(encoding="utf-8"))


def test_evaluate_as_json(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, text, _ = run(capsys, "evaluate", str(files[1]), "--json")
    data = json.loads(text)
    assert code == Exit.OK and data["sheets"][0]["values"]["accuracy"]["value"] == pytest.approx(0.9)
    assert data["sheets"][0]["table"] == [[24, 6, 0], [0, 30, 0]]


def test_bad_answers_end_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("truth,predicted,score:a,score:b\na,a,3.5,-1\n")
    code, _, told = run(capsys, "evaluate", str(file))
    assert code == Exit.INVALID and "bad.csv:2" in told and "softmax" in told


def test_estimate_model_refuses_what_is_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, told = run(capsys, "estimate", "model", str(tmp_path / "none.csv"), "--candidates", "bert-base")
    assert code == Exit.INVALID and "none.csv" in told and not CODE.search(told.replace("[choice.not_a_table]", ""))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_estimate_model_says_what_it_cannot_probe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"row number {i},{'ab'[i % 2]}\n" for i in range(200)))
    args = ("estimate", "model", "t.csv", "--candidates", "bert-base,vit-b-16,llama-3.1-8b", "--labels", "16")
    code, text, _ = run(capsys, *args, "--lang", language)
    assert code == Exit.OK and not CODE.search(text)
    assert "Apache-2.0" in text and ("not stated" in text or "未说明" in text)
    code, text, _ = run(capsys, *args, "--json")
    assert {s["model"]: s["fit"] for s in json.loads(text)["standings"]} == {
        "bert-base": "yes", "llama-3.1-8b": "costly", "vit-b-16": "no",
    }  # fmt: skip
