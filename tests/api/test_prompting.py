"""`groundsill prompt` on a hosted model: only under a cap, only where the data may leave, and the run is in the ledger."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests.lab.chat_server import KEY, Reply, Server, said

from groundsill import api
from groundsill.api.prompting import Terms
from groundsill.catalogue.ledger import Ledger
from groundsill.cli import main
from groundsill.terms.problem import Problem

NAME = "prompt/zero-shot/hosted/openai/gpt-4o-mini"
HOSTED = '\n[[candidate]]\nroute = "prompt"\nmethod = "zero-shot"\nmodel = "hosted/openai/gpt-4o-mini"\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    rows = [(f"the {w} number {i} is here", c) for i in range(60) for c, w in (("fruit", "pear"), ("metal", "zinc"))]
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("text", "label"), *rows])
    path = tmp_path / "groundsill.toml"
    api.init(tmp_path / "t.csv", path)
    path.write_text(path.read_text(encoding="utf-8") + HOSTED, encoding="utf-8")
    return path


def reply(body: dict[str, Any], _: int) -> Reply:
    return said("fruit" if "pear" in body["messages"][-1]["content"] else "metal", 40, 1)


def test_a_hosted_prompt_becomes_a_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("no_proxy", "*")
    server = Server(reply)
    try:
        with pytest.raises(SystemExit) as ended:
            main(["prompt", str(project), NAME, "--address", server.address, "--cap", "0.5", "--rows", "20", "--json"])
    finally:
        server.close()
    out, err = capsys.readouterr()
    assert ended.value.code == 0, err
    told = json.loads(out)
    assert told["run"]["value"] == 1.0 and told["run"]["test_rows"] == 20 and len(server.seen) == 20
    assert told["spent"] == pytest.approx(20 * (40 * 0.15e-6 + 0.6e-6), rel=1e-3)  # the list price of 2024-07
    assert KEY not in out + err
    found = [r for r in Ledger(project.parent / ".groundsill").runs() if r.candidate.id == NAME]
    assert [r.value for r in found] == [1.0]


def test_nothing_is_asked_without_terms_or_leave(project: Path) -> None:
    terms = Terms("https://example.org/v1", 1.0)
    text = project.read_text(encoding="utf-8")
    for candidate, given, table, code in (
        (NAME, None, text, "api.no_terms"),
        (NAME, terms, text.replace("may_leave = true", "may_leave = false"), "project.data_may_not_leave"),
        ("prompt/zero-shot/other", terms, text, "api.not_a_prompt"),
        (
            NAME.replace("gpt-4o-mini", "no-such"),
            terms,
            text.replace("gpt-4o-mini", "no-such"),
            "catalogue.unknown_hosted",
        ),
    ):
        project.write_text(table, encoding="utf-8")
        with pytest.raises(Problem) as caught:
            api.prompt(project, candidate, terms=given)
        assert caught.value.code == code


def test_address_and_cap_go_together(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prompt", str(project), NAME, "--address", "https://example.org/v1"])
    assert ended.value.code == 2 and "--cap" in capsys.readouterr().err
