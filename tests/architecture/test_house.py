"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "groundsill"
MODULES = sorted(SOURCE.rglob("*.py"))
ANALYSIS = (
    "terms",
    "words",
    "catalogue",
    "project",
    "resources",
    "scaling",
    "finance",
    "tuning",
    "routes",
    "assess",
    "report",
    "api",
    "cli",
)
TERMS = {"accelerator", "config_json", "network", "shape_config", "whole_file", "anchor", "candidate", "card", "curve", "draws", "event", "fact", "forecast", "mixture", "needs", "problem", "quantity", "run", "shape", "shelf", "source"}  # fmt: skip


def test_files_stay_under_400_lines() -> None:
    long = [f"{p.relative_to(ROOT)}: {n}" for p in MODULES if (n := p.read_text().count("\n")) > 400]
    assert not long


def test_functions_stay_under_60_lines() -> None:
    long = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > 60:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {lines}")
    assert not long


def test_public_functions_and_modules_have_docstrings() -> None:
    bare = []
    for path in MODULES:
        tree = ast.parse(path.read_text())
        if not ast.get_docstring(tree):
            bare.append(str(path.relative_to(ROOT)))
        for node in tree.body:
            if (
                isinstance(node, (ast.FunctionDef, ast.ClassDef))
                and node.name[0] != "_"
                and not ast.get_docstring(node)
            ):
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert not bare


def test_terms_are_a_closed_list() -> None:
    assert {p.stem for p in (SOURCE / "terms").glob("*.py")} - {"__init__"} == TERMS


def _codes() -> dict[str, str]:
    """Codes given to Problem(...) and Event(...) in the source, with one place each."""
    found: dict[str, str] = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Problem", "Event", "say") and node.args:
                first = node.args[0]
                if (
                    isinstance(first, ast.Constant)
                    and isinstance(first.value, str)
                    and re.fullmatch(r"[a-z]+\.[a-z_]+", first.value)
                ):
                    found[first.value] = f"{path.relative_to(ROOT)}:{node.lineno}"
    return found


def _words(language: str) -> dict[str, set[str]]:
    """code -> its parts (`what`, `fix`)."""
    tables = {}
    for path in sorted((SOURCE / "words" / language).glob("*.toml")):
        for key, parts in tomllib.loads(path.read_text(encoding="utf-8")).items():
            tables[f"{path.stem}.{key}"] = set(parts)
    return tables


def test_every_code_has_its_words() -> None:
    english = _words("en")
    assert len(_codes()) > 20
    assert {c: at for c, at in _codes().items() if c not in english} == {}


def test_both_languages_say_the_same_things() -> None:
    assert _words("en") == _words("zh")


def test_places_in_sentences_agree_between_languages() -> None:
    places = re.compile(r"\{(\w+)[^}]*\}")
    wrong = []
    for path in sorted((SOURCE / "words" / "en").glob("*.toml")):
        english = tomllib.loads(path.read_text(encoding="utf-8"))
        chinese = tomllib.loads((SOURCE / "words" / "zh" / path.name).read_text(encoding="utf-8"))
        for key, parts in english.items():
            for part, text in parts.items():
                if set(places.findall(text)) != set(places.findall(chinese[key][part])):
                    wrong.append(f"{path.stem}.{key}.{part}")
    assert not wrong


@pytest.mark.parametrize("room", ANALYSIS)
def test_the_analysis_never_loads_torch(room: str) -> None:
    """The linter sees imports in the text; this sees what is really loaded."""
    code = (
        "import sys, pkgutil, importlib, groundsill." + room + " as room\n"
        "for m in pkgutil.walk_packages(room.__path__, room.__name__ + '.'): importlib.import_module(m.name)\n"
        "bad = {'torch', 'transformers', 'sklearn', 'scipy.stats'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(bad)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_nothing_names_a_workplace_path_or_unfinished_work() -> None:
    banned = re.compile(
        "|".join(["/wo" + "rk/", r"\.lib" + "rary", "TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error"])
    )
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    texts = [
        ROOT / f
        for f in tracked
        if f.endswith((".py", ".md", ".toml", ".txt", "Makefile")) and "requirements/" not in f
    ]
    hits = [str(p.relative_to(ROOT)) for p in texts if p.is_file() and banned.search(p.read_text(encoding="utf-8"))]
    assert not hits
