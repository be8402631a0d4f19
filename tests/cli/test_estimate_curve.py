"""`groundsill estimate curve` as a user calls it, in both languages, with its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from groundsill.cli._estimate_curve import curve

POINTS = "labels,value,seed\n" + "".join(
    f"{n},{0.88 - 0.9 * n**-0.35 + d:.4f},{s}\n" for n in (200, 400, 800, 1600) for s, d in ((1, 0.004), (2, -0.004))
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundsill.scaling.mixture.SIZE", 250)


def test_text_in_both_languages_and_a_plot(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text(POINTS, encoding="utf-8")
    args = [str(path), "--target", "0.8", "--plot", str(tmp_path / "out.svg")]
    english, chinese = (CliRunner().invoke(curve, [*args, "--lang", tongue]) for tongue in ("en", "zh"))
    assert english.exit_code == chinese.exit_code == 0, english.output
    for words in ("Forecast:", "Labels for 0.8", "Back-test", "points", "90 % of cases", "(16x)"):
        assert words in english.output
    for words in ("预测：", "达到 0.8", "回测"):
        assert words in chinese.output
    assert "estimate." not in english.output + chinese.output and "scaling." not in english.output
    assert (tmp_path / "out.svg").read_text(encoding="utf-8").startswith("<svg xmlns")


def test_json_and_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("labels,value\n100,0.5\n200,0.55\n", encoding="utf-8")
    done = CliRunner().invoke(curve, [str(path), "--json"], standalone_mode=False)
    data = json.loads(done.output)
    assert data["curves"][0]["problem"]["code"] == "scaling.too_few_rungs"
    assert done.return_value == 3
