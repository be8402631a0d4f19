"""Every code that these two rooms use has its sentences in both languages, and no sentence lacks a user."""

import re
import tomllib
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2] / "src" / "groundsill"


@pytest.mark.parametrize("room", ["routes", "resources"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_codes_have_words(room: str, language: str) -> None:
    used = set()
    for file in (HOUSE / room).rglob("*.py"):
        for code in re.findall(rf'Problem\(\s*"{room}\.(\w+)"|"{room}\.(note_\w+)"', file.read_text(encoding="utf-8")):
            used.add(code[0] or code[1])
    words = tomllib.loads((HOUSE / "words" / language / f"{room}.toml").read_text(encoding="utf-8"))
    assert used and set(words) == used
    for code, table in words.items():
        assert set(table) == ({"what"} if code.startswith("note_") else {"what", "fix"})
