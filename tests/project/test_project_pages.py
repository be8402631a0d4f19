"""What is generated or written for people: starting file, JSON Schema, page of keys, words."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.project.project_fakes import CARD, read_text

from groundsill.catalogue.load import Catalogue
from groundsill.project.bind import bind
from groundsill.project.document import PAGE_NAME, SCHEMA_NAME, page_text, schema_text
from groundsill.project.starts import STARTS
from groundsill.project.template import quoted, template
from groundsill.terms.problem import Problem
from groundsill.words import LANGUAGES

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "src/groundsill/project"
WORDS = ROOT / "src/groundsill/words"


def start(
    language: str = "en",
    *,
    name: str = "my data",
    text: str | tuple[str, ...] = ("title", "body"),
    label: str = "topic",
) -> str:
    return template(name=name, data="my.csv", text=text, label=label, rows=3000, classes=4, language=language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_starting_file_is_valid_and_says_what_is_not_yours(tmp_path: Path, language: str) -> None:
    project = read_text(tmp_path, start(language))
    assert {w.code for w in project.warnings} == {"project.unchanged_default"}
    assert len(project.warnings) == len(STARTS)
    assert project.spec is not None
    assert (project.spec.text, project.spec.label, project.spec.test_rows) == (("title", "body"), "topic", 600)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_starting_file_binds_to_the_real_catalogue(tmp_path: Path, language: str) -> None:
    case = bind(read_text(tmp_path, start(language)), Catalogue(), (), CARD, today="2026-11-22")
    assert case.entrants[0].candidate.id == "none"
    assert all(e.closed is None for e in case.entrants)
    assert {w.code for w in case.warnings} == {"project.unchanged_default", "project.data_licence_unknown"}


def test_a_number_of_your_own_is_not_warned_about(tmp_path: Path) -> None:
    before = read_text(tmp_path, start()).warnings
    after = read_text(tmp_path, start().replace("months = 36 ", "months = 24 ")).warnings
    kept = read_text(tmp_path, re.sub(r"(months = 36).*", r"\1", start())).warnings
    assert len(after) == len(kept) == len(before) - 1


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_column_name_breaks_the_file(name: str, label: str) -> None:
    try:
        label.encode()
        name.encode()
    except UnicodeEncodeError:
        return
    made = tomllib.loads(start(name=name, label=label, text=label))
    assert made["data"]["label"] == label and made["data"]["text"] == [label]
    assert tomllib.loads(f"k = {quoted(label)}")["k"] == label


def test_an_unknown_language_is_named() -> None:
    for language in ("fr", "../en"):
        with pytest.raises(Problem) as raised:
            start(language)
        assert raised.value.code == "project.unknown_language"


def test_pages_are_current() -> None:
    """Make them anew with: python -c "from pathlib import Path; from groundsill.project.document import write; write(Path('docs'))" """
    assert (ROOT / "docs" / SCHEMA_NAME).read_text(encoding="utf-8") == schema_text()
    assert (ROOT / "docs" / PAGE_NAME).read_text(encoding="utf-8") == page_text()


def test_the_schema_knows_the_starting_file() -> None:
    """Every key of the starting file is in the schema, section by section."""
    schema = json.loads(schema_text())

    def walk(node: dict[str, object], value: object) -> None:
        while "$ref" in node or "anyOf" in node:
            options = node.get("anyOf", [node])
            assert isinstance(options, list)
            node = next((o for o in options if "$ref" in o), options[0])
            if "$ref" not in node:
                break
            node = schema["$defs"][str(node["$ref"]).rpartition("/")[2]]
        properties = node.get("properties")
        if isinstance(value, dict) and isinstance(properties, dict):
            for key, inner in value.items():
                assert key in properties, key
                walk(properties[key], inner)
        if isinstance(value, list) and isinstance(node.get("items"), dict):
            for inner in value:
                walk(node["items"], inner)  # type: ignore[arg-type]

    walk(schema, tomllib.loads(start()))
    assert schema["additionalProperties"] is False


def codes_raised(*folders: Path) -> set[str]:
    text = "".join(p.read_text(encoding="utf-8") for f in folders for p in f.glob("*.py"))
    made = {f"project.runs_aside_{w}" for w in ("task", "data", "metric", "test", "unnamed")}
    return (
        set(re.findall(r'"((?:project|quantity|draws|run|card)\.[a-z_0-9]+)"', text))
        & {
            *re.findall(r'Problem\(\s*"([a-z]+\.[a-z_0-9]+)"', text),
            *re.findall(r'"(project\.unknown_[a-z]+)"', text),
            *re.findall(r'"(project\.missing_[a-z]+)"', text),
        }
        | made
    )


@pytest.mark.parametrize("name", ["clothing-reviews", "chinese-reviews", "pretrain-7b"])
def test_the_examples_bind_to_the_real_catalogue(tmp_path: Path, name: str) -> None:
    """Without their runs: those are checked where they are used."""
    text = (ROOT / "examples" / name / "groundsill.toml").read_text(encoding="utf-8")
    project = read_text(tmp_path, re.sub(r"(?m)^runs = .*$", "", text))
    case = bind(project, Catalogue(), (), None, today="2026-11-22")
    assert [e.candidate for e in case.entrants[1:]] == list(project.candidates)
    assert "project.unchanged_default" not in {w.code for w in case.warnings}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_problem_has_its_words_and_no_word_is_idle(language: str) -> None:
    raised = codes_raised(ROOM, ROOT / "src/groundsill/terms")
    assert len(raised) > 60
    told: dict[str, dict[str, str]] = {}
    for room in ("project", "quantity", "draws", "run", "card"):
        words = tomllib.loads((WORDS / language / f"{room}.toml").read_text(encoding="utf-8"))
        told |= {f"{room}.{key}": table for key, table in words.items()}
    assert set(told) == raised
    assert all(set(table) == {"what", "fix"} for table in told.values())


def test_both_languages_fill_the_same_places() -> None:
    for room in ("project", "quantity", "draws", "run", "card"):
        en, zh = (tomllib.loads((WORDS / lang / f"{room}.toml").read_text(encoding="utf-8")) for lang in ("en", "zh"))
        for key, table in en.items():
            for part, sentence in table.items():
                assert set(re.findall(r"(?<!\{)\{(\w+)\}", sentence)) == set(
                    re.findall(r"(?<!\{)\{(\w+)\}", zh[key][part])
                ), (key, part)
