"""The command line: help, exit codes, words in the user's language, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from groundsill.cli import ORDER

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "examples" / "pretrain-7b" / "groundsill.toml"


def run(*args: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """One call of the command as a user makes it."""
    import os

    command = [sys.executable, "-m", "groundsill", *args]
    clean = {k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL", "LC_MESSAGES")}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=120, env={**clean, **env}, encoding="utf-8"
    )


def test_the_commands_are_the_files() -> None:
    """Names and order are part of the interface: a new command is added on purpose."""
    shown = run("--help").stdout
    assert [c for c in ORDER if f"\n  {c} " in shown] == list(ORDER)


@pytest.mark.parametrize("command", ORDER)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert "Example" in done.stdout or command == "catalogue"


def test_help_loads_no_heavy_package() -> None:
    code = "import sys, groundsill.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\nbad = {'numpy', 'scipy', 'pydantic', 'rich', 'torch'} & set(sys.modules)\nsys.exit(','.join(bad) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("nonsense",), 2),
        (("assess", "--draws", "5"), 2),
        (("pilot", "--budget", "soon"), 2),
        (("assess", "no-such.toml"), 3),
    ],
)
def test_exit_codes(args: tuple[str, ...], code: int, tmp_path: Path) -> None:
    done = run(*args, cwd=tmp_path)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_problems_speak_the_users_language(tmp_path: Path) -> None:
    assert run("check", "no-such.toml", cwd=tmp_path).stderr.startswith("Problem:")
    assert run("check", "no-such.toml", "--lang", "zh", cwd=tmp_path).stderr.startswith("问题：")
    assert run("check", "no-such.toml", cwd=tmp_path, LANG="zh_CN.UTF-8", PYTHONUTF8="1").stderr.startswith("问题：")


def test_problems_are_json_when_asked(tmp_path: Path) -> None:
    told = json.loads(run("check", "no-such.toml", "--json", cwd=tmp_path).stderr)
    assert told["problem"] == "project.no_file"
    assert told["text"]


def test_several_mistakes_are_all_told(tmp_path: Path) -> None:
    text = PLAN.read_text(encoding="utf-8")
    broken = text.replace('growth_per_year = "0% to 20%"', 'growth_per_year = "20% to 0%"').replace(
        "months = 48", "monhts = 48"
    )
    (tmp_path / "groundsill.toml").write_text(broken, encoding="utf-8")
    done = run("check", cwd=tmp_path)
    assert done.returncode == 3
    assert "monhts" in done.stderr
    assert "20% to 0%" in done.stderr
    assert done.stderr.count("groundsill.toml:") >= 2


def test_a_fact_is_shown_with_its_source() -> None:
    done = run("catalogue", "show", "wages/ml-engineer/us", "--json")
    fact = json.loads(done.stdout)
    assert fact["source"]
    assert fact["unit"] == "USD/year"
    wrong = run("catalogue", "show", "wages/ml-enginer/us")
    assert wrong.returncode == 3
    assert "wages/ml-engineer/us" in wrong.stderr


def test_init_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "groundsill.toml").write_text("mine")
    (tmp_path / "data.csv").write_text("text,label\n" + "".join(f"some words {i},{'ab'[i % 2]}\n" for i in range(60)))
    done = run("init", "data.csv", cwd=tmp_path)
    assert done.returncode == 3
    assert (tmp_path / "groundsill.toml").read_text() == "mine"


def test_doctor_never_fails_for_a_lack() -> None:
    done = run("doctor", "--json")
    assert done.returncode == 0
    assert {f["state"] for f in json.loads(done.stdout)} <= {"ok", "note", "missing"}
