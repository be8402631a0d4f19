"""A stranger's csv reaches a report in four commands: init, check, pilot, assess.

The table is real text that nobody prepared for us: docstrings of Python's standard library, labelled by the package that
they come from.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGES = ("asyncio", "email", "http", "importlib", "logging", "multiprocessing", "unittest", "urllib", "xml")


def docstrings(package: str) -> list[str]:
    """Every docstring of a package's functions, classes and methods, once."""
    found: dict[str, None] = {}
    home = importlib.import_module(package)
    for module in pkgutil.iter_modules(home.__path__, package + "."):
        if "__main__" in module.name or "win" in module.name:
            continue
        try:
            inside = importlib.import_module(module.name)
        except ImportError:
            continue
        for _, thing in inspect.getmembers(inside, lambda o: inspect.isclass(o) or inspect.isfunction(o)):
            members = [thing, *(m for _, m in inspect.getmembers(thing, inspect.isfunction))]
            for one in members:
                if one.__doc__ and str(getattr(one, "__module__", "")).startswith(package):
                    found[" ".join(one.__doc__.split())[:500]] = None
    return list(found)


def groundsill(folder: Path, *args: str) -> str:
    """One command in `folder`; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "groundsill", *args], cwd=folder, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_init_check_pilot_assess(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    rows = [(text, package) for package in PACKAGES for text in docstrings(package)]
    with (tmp_path / "notes.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("note", "about"), *rows])
    made = groundsill(tmp_path, "init", "notes.csv")
    assert "text in note, label in about" in made
    assert "YOUR NUMBER" in (tmp_path / "groundsill.toml").read_text(encoding="utf-8")
    assert "can be used" in groundsill(tmp_path, "check")
    assert "new runs" in groundsill(tmp_path, "pilot", "--budget", "60s", "--only", "classical")
    told = groundsill(tmp_path, "assess", "--draws", "2000")
    page = tmp_path / "report" / "report.html"
    assert str(page.relative_to(tmp_path)) in told
    assert page.stat().st_size < 300_000
    again = groundsill(tmp_path, "pilot", "--budget", "60s", "--only", "classical")
    assert "Nothing new" in again
