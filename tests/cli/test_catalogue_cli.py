"""`groundsill catalogue`: facts as people and programs see them."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from groundsill import api
from groundsill.cli.commands.catalogue import command


def run(*args: str) -> Result:
    return CliRunner().invoke(command, list(args), standalone_mode=False)


def test_accelerators_are_a_table_and_json() -> None:
    lines = run("accelerators").output.splitlines()
    rows = {line.split()[0]: line.split() for line in lines[1:]}
    assert len(rows) == len(api.accelerators()) >= 45
    assert rows["h100-sxm-80gb"][1:4] == ["hopper", "989.4", "bf16"]
    assert "-" in rows["apple-m1-max"]  # no link
    data = {m["id"]: m for m in json.loads(run("accelerators", "--json").output)}
    assert data["h100-sxm-80gb"]["peak_flops_per_s"]["fp8"] == 1978.9e12
    assert data["cpu-2-core"]["grade"] == "judged"


def test_show_takes_an_id_a_file_or_a_name() -> None:
    assert "memory_bytes_per_s" in run("show", "h100-sxm-80gb").output
    assert len(json.loads(run("show", "prices/rent", "--json").output)) > 80
    one = json.loads(run("show", "prices/rent/h100-sxm-80gb.market", "--json").output)
    assert (one["unit"], one["shelf_life_days"]) == ("USD/hour", 300)
    assert "genai-prices" in run("show", "prices/api/openai/gpt-5-mini/in").output
    old = run("show", "prices/rent/tpu-v3.gcp").output
    assert "look it up again" in old


def test_unknown_names_suggest_three() -> None:
    for name, near in (("h100", "h100-sxm-80gb"), ("prices/rent/h100", "prices/rent/h100-sxm-80gb.market")):
        found = run("show", name)
        assert found.exception is not None
        assert near in str(found.exception.more["near"])  # type: ignore[attr-defined]
        assert len(str(found.exception.more["near"]).split(", ")) == 3  # type: ignore[attr-defined]


def test_check_counts_what_is_past_its_shelf_life() -> None:
    short, long = run("check"), run("check", "--expired")
    assert short.return_value == 0
    assert len(short.output.splitlines()) == 1
    assert "prices/rent/a100-sxm-40gb.aws" in long.output
    marked = json.loads(run("check", "--json").output)
    assert marked
    assert all(p["warning"] for p in marked)
