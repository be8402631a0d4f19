"""`groundsill estimate`: text, JSON, exit codes, both languages, completion, and what it does not load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from groundsill.api.estimate_types import Choice
from groundsill.cli._estimate import AcceleratorName
from groundsill.cli._estimate_tables import _thinned, number, percent, short, table

TRAIN = ("train", "llama-2-7b", "--accelerator", "a100-sxm-80gb", "--count", "64", "--tokens", "1T", "--draws", "300")


def run(*args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """One call as a user makes it."""
    clean = {k: v for k, v in os.environ.items() if k not in ("LANG", "LC_ALL", "LC_MESSAGES")}
    return subprocess.run(
        [sys.executable, "-m", "groundsill", "estimate", *args], capture_output=True, text=True, cwd=cwd, timeout=120,
        env={**clean, "PYTHONUTF8": "1"}, encoding="utf-8",
    )  # fmt: skip


def test_an_estimate_in_both_languages() -> None:
    english, chinese = run(*TRAIN).stdout, run(*TRAIN, "--lang", "zh").stdout
    for words in (
        "calendar days",
        "80 % of cases",
        "Rule of thumb, MFU 0.40",
        "Nearest published runs",
        "Memory: fits",
    ):
        assert words in english
    for words in ("日历天数", "80% 的情况", "经验法则", "最接近的已发表运行", "内存："):
        assert words in chinese
    assert "estimate." not in english + chinese  # a code without its words


@pytest.mark.parametrize(
    "args",
    [
        TRAIN,
        ("tune", "llama-2-7b", "--method", "qlora", "--accelerator", "rtx-4090", "--sequence", "512", "--draws", "300"),
        ("serve", "llama-3.1-8b", "--accelerator", "l40s", "--rate", "1", "--draws", "300"),
        ("plan", "llama-2-7b", "--accelerator", "a100-sxm-80gb", "--count", "16", "--count", "32", "--tokens", "1B",
         "--batch", "64", "--draws", "300"),
    ],
)  # fmt: skip
def test_json_and_text(args: tuple[str, ...]) -> None:
    data = json.loads(run(*args, "--json").stdout)
    assert data["model"] == args[1]
    shown = run(*args)
    assert shown.returncode == 0
    assert shown.stdout.count("\n") > 8
    assert "Traceback" not in shown.stderr and "estimate." not in shown.stdout


@pytest.mark.parametrize(
    ("args", "exit_code", "code"),
    [
        (("train", "lama-2-7b"), 3, "catalogue.unknown_model"),
        (("train", "llama-2-7b", "--accelerator", "h1000"), 3, "catalogue.unknown_accelerator"),
        (("train", "llama-2-7b", "--count", "-8"), 3, "estimate.not_positive"),
        (("train", "llama-2-7b", "--count", "24", "--batch", "48", "--tensor", "3"), 3, "resources.plan_heads"),
        (("train", "llama-2-7b", "--count", "64", "--pipeline", "64"), 3, "resources.plan_stages"),
        (
            ("train", "llama-2-7b", "--accelerator", "a100-sxm-80gb", "--precision", "fp8"),
            3,
            "accelerator.no_precision",
        ),
        (("plan", "gpt-3-175b", "--accelerator", "t4", "--count", "1", "--batch", "8"), 3, "resources.no_plan_fits"),
        (("serve", "llama-3.1-405b", "--accelerator", "t4", "--count", "1"), 3, "resources.serving_no_room"),
    ],
)
def test_problems_have_a_name_and_an_exit_code(args: tuple[str, ...], exit_code: int, code: str) -> None:
    for language in ("en", "zh"):
        done = run(*args, "--json", "--lang", language)
        assert done.returncode == exit_code
        told = json.loads(done.stderr)
        assert told["problem"] == code
        assert told["text"] and code not in told["text"] and "{" not in told["text"]


def test_a_choice_that_is_none_is_a_usage_error() -> None:
    assert run("tune", "llama-2-7b", "--method", "magic").returncode == 2
    assert run("train").returncode == 2


def test_every_kind_explains_itself_with_an_example() -> None:
    for kind in ("train", "tune", "serve", "plan", "calibrate"):
        done = run(kind, "--help")
        assert done.returncode == 0 and f"Example: groundsill estimate {kind}" in done.stdout.replace("\n  ", " ")


def test_an_estimate_loads_no_heavy_package() -> None:
    code = (
        "import sys, groundsill.cli as c\n"
        f"try: c.main(['estimate', *{list(TRAIN)!r}])\nexcept SystemExit as e: assert not e.code\n"
        "bad = {'scipy', 'pydantic', 'rich', 'torch', 'sqlite3', 'genai_prices', 'numpy.ma'} & set(sys.modules)\n"
        "sys.exit(','.join(sorted(bad)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_names_are_completed() -> None:
    found = AcceleratorName().shell_complete(None, None, "h100")  # type: ignore[arg-type]
    assert "h100-sxm-80gb" in {item.value for item in found}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.01234, "0.0123"), (0.5, "0.500"), (9.999, "10.0"), (123.4, "123"), (12345, "12,300"), (1.5e6, "1.5M"),
     (2e12, "2T"), (999_999, "1,000,000"), (float("nan"), "?"), (3e-6, "3.00e-06")],
)  # fmt: skip
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_words_around_numbers() -> None:
    assert [short(v) for v in (2.0, 2.5, 100.0, 1e6)] == ["2", "2.5", "100", "1M"]
    assert [percent(v) for v in (1.0, 0.999, 0.5, 0.001, 0.0)] == [">99%", ">99%", "50%", "<1%", "<1%"]


def test_chinese_and_latin_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    table([["天数", "1"], ["days", "100"]])
    assert capsys.readouterr().out == "天数    1\ndays  100\n"


def test_a_long_frontier_is_thinned_to_what_is_worth_its_price() -> None:
    choices = [Choice({}, 1.0 + i, 1.0, 1.0 + i / 100, 1.0, None) for i in range(300)]
    shown = _thinned(choices)
    assert len(shown) == 12 and shown[0] is choices[0]
    assert max(c.hours for c in shown) <= 2.0
    assert _thinned(choices[:5]) == choices[:5]
