"""What holds for the whole room: words for every code, and no torch where none is needed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import groundsill
from groundsill.terms.problem import Problem
from groundsill.words import LANGUAGES, explain

ROOT = Path(groundsill.__file__).parent
SOURCES = [*(ROOT / "lab").rglob("*.py"), *(ROOT / "tuning").rglob("*.py")]
EVENTS = {"data.read_as", "data.class_only_in_test"} | {
    f"lab.{name}"
    for name in [
        "measuring",
        "progress",
        "progress_cost",
        "progress_energy",
        "encoding",
        "scoring",
        "converting",
        "checkpoint_passed",
        "forecast_and_actual",
        "look",
        "resumed",
        "trained",
        "trial",
        "trial_dropped",
        "unknown_tokens",
        "weights_unreached",
    ]
}


def codes() -> set[str]:
    """Every code that stands in the source of these rooms."""
    found = re.compile(r'"((?:data|lab|tuning)\.[a-z_0-9]+)"')
    return {code for path in SOURCES for code in found.findall(path.read_text(encoding="utf-8"))}


def words(language: str) -> dict[str, dict[str, str]]:
    tables = {}
    for room in ("data", "lab", "tuning"):
        text = (ROOT / "words" / language / f"{room}.toml").read_text(encoding="utf-8")
        tables |= {f"{room}.{key}": table for key, table in tomllib.loads(text).items()}
    return tables


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words_and_every_word_a_code(language: str) -> None:
    assert set(words(language)) == codes()
    for code, table in words(language).items():
        assert table.get("what") and (code in EVENTS) != bool(table.get("fix")), code


def test_both_languages_use_the_same_places() -> None:
    places = re.compile(r"\{(\w+)")
    for code in codes():
        for part in ("what", "fix"):
            used = [set(places.findall(words(language)[code].get(part, ""))) for language in LANGUAGES]
            assert used[0] == used[1], (code, part)


def test_a_sentence() -> None:
    problem = Problem("data.missing_column", at="a.csv", got="txt", limit="text, label", near="text")
    assert explain(problem) == "a.csv: There is no column txt. The columns are: text, label. Did you mean: text?"


def test_data_and_metrics_load_without_torch_and_scikit_learn() -> None:
    code = (
        "import sys, groundsill.lab.data, groundsill.lab.metrics, groundsill.lab.training, groundsill.lab.prompting, "
        "groundsill.lab.models, groundsill.lab.tasks.text_classification, groundsill.tuning.lora;"
        "print([m for m in ('torch', 'transformers', 'sklearn', 'pyarrow', 'peft') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_without_torch_there_is_a_problem_with_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    from groundsill.lab.models import need_torch

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(Problem) as caught:
        need_torch()
    assert caught.value.code == "lab.no_torch" and int(caught.value.exit) == 3
    assert "pip install" in explain(caught.value)
