"""The JSON: complete, by its schema, every number explained; and what moved between two of them."""

from __future__ import annotations

import copy
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.report.report_checks import faults
from tests.report.report_fakes import HEAD, PROMPT, assessment

from groundsill.report import schema
from groundsill.report.against import against
from groundsill.report.data import to_data, unpacked
from groundsill.report.explain import explain, numbers, trace
from groundsill.report.formats import json as as_json
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Interval, Range

PUBLISHED = Path(__file__).parents[2] / "docs" / "report-schema.json"


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    """As `explain` and `against` see it: the file, with every trail in its place."""
    return unpacked(json.loads(as_json.render(assessment(), "en")))


def test_each_trail_is_stored_once(data: dict[str, Any]) -> None:
    stored = json.loads(as_json.render(assessment(), "en"))
    assert len({tuple(t) for t in stored["trails"]}) == len(stored["trails"]) > 5
    assert isinstance(stored["verdict"]["trail"], int)
    assert data == json.loads(json.dumps(to_data(assessment(), "en")))
    for told in (explain(stored, "results.2.value.npv.median"), explain(data, "results.2.value.npv.median")):
        assert any("use.requests_per_month" in line for line in told)
    assert explain(stored, "swings.0.worth") == explain(data, "swings.0.worth")
    assert against(stored, data) == against(data, data)
    broken = stored | {"trails": stored["trails"][:1]}
    with pytest.raises(Problem) as caught:
        explain(broken, "swings.0.worth")
    assert caught.value.code == "report.not_a_report"


def test_published_schema_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == schema.text(), (
        "run: python -m groundsill.report.schema > docs/report-schema.json"
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_report_keeps_the_schema(language: str) -> None:
    root = schema.schema()
    assert faults(json.loads(as_json.render(assessment(), language)), root, root) == []


def test_the_schema_can_fail() -> None:
    root = schema.schema()
    bad = json.loads(as_json.render(assessment(), "en"))
    del bad["verdict"]["trail"]
    bad["results"][0]["status"] = "great"
    bad["settings"]["seed"]["value"] = "one"
    bad["results"][2]["extra"] = 1
    found = faults(bad, root, root)
    assert len(found) == 4, found


def test_numbers_that_are_not_finite_become_null() -> None:
    a = assessment()
    odd = replace(a.results[2], quality=Interval(math.nan, 0.8, math.inf, 0.8))
    found = to_data(replace(a, results=(odd,)))["results"][0]["quality"]
    assert found == {"low": None, "median": 0.8, "high": None, "mean": 0.8}


def test_net_benefit_is_given_as_quantiles_only(data: dict[str, Any]) -> None:
    a = assessment()
    assert "net_benefit" not in data and len(data["options"]) == len(a.options)
    for o, row in enumerate(data["options"]):
        expected = Interval.of(a.net_benefit[:, o, 1])
        assert row["net_benefit"]["operate"]["median"] == pytest.approx(expected.median)
    assert len(json.dumps(data["options"])) < 20_000


def test_problems_are_codes_and_words_of_the_language() -> None:
    for language, word in (("en", "found"), ("zh", "实际")):
        problem = next(r for r in to_data(assessment(), language)["results"] if r["status"] == "refused")["problem"]
        assert set(problem) == {"code", "at", "got", "limit", "text"}
        assert problem["code"] == "scaling.at_chance" and problem["got"] == 0.43
        assert word in problem["text"] or "0.43" in problem["text"]


def test_every_number_leads_to_a_fact_a_run_or_a_line(data: dict[str, Any]) -> None:
    """The promise of the report, walked number by number; the sentence of `explain` names what it led to."""
    paths = list(numbers(data))
    assert len(paths) > 3000
    lost = [p for p in paths if not trace(data, p).led]
    assert lost == []
    assert [p for p in paths if trace(data, p).missing] == []


def test_doing_nothing_rests_on_the_comparison() -> None:
    a = assessment()
    bare = replace(a.results[0], trail=(), value=None)
    found = to_data(replace(a, results=(bare, *a.results[1:])))
    assert found["results"][0]["trail"] == list(a.verdict.trail)
    assert trace(found, "results.0.p_best").led


def test_the_walk_can_fail(data: dict[str, Any]) -> None:
    bad = copy.deepcopy(data)
    bad["results"][2]["value"]["trail"], bad["results"][2]["trail"] = [], []
    assert not trace(bad, "results.2.value.npv.median").led
    bad["results"][2]["trail"] = ["no.such"]
    assert trace(bad, "results.2.value.npv.median").missing == ("no.such",)


def test_explaining_in_words_names_the_source(data: dict[str, Any]) -> None:
    """One number of every kind (lists by their first), through `explain` itself."""
    kinds: dict[str, str] = {}
    for path in numbers(data):
        kinds.setdefault(re.sub(r"\.\d+", ".#", path), path)
    for path in kinds.values():
        found, lines = trace(data, path), "\n".join(explain(data, path))
        for name in found.facts:
            assert f"fact {name} = " in lines and data["facts"][name]["source"]["title"] in lines
        assert not found.runs or any(f"run {name} " in lines for name in found.runs)
        assert not found.text or found.text[:16] in lines or path.startswith("card")


def test_explain_shows_place_address_date_and_run(data: dict[str, Any]) -> None:
    lines = "\n".join(explain(data, "results.2.value.npv.median"))
    assert lines.startswith("results.2.value.npv.median = 2") and " USD" in lines.splitlines()[0]
    assert "groundsill.toml:15" in lines and "20k to 60k" in lines
    assert "https://example.org/wages" in lines and "2025-05-01" in lines
    lines = "\n".join(explain(data, "results.2.curve.rungs.4.value"))
    assert "shipped with the example" in lines and "2 cores, 8 GiB" in lines and "at 3.2k labels" in lines
    assert "运行" in "\n".join(explain(data, "results.2.curve.rungs.4.value", "zh"))


def test_explain_takes_inputs_candidates_and_runs(data: dict[str, Any]) -> None:
    assert explain(data, "use.requests_per_month")[0] == "fact use.requests_per_month = 20k to 60k"
    assert any("p_target = 0.86" in line for line in explain(data, HEAD.id))
    run = next(iter(data["runs"]))
    assert run in explain(data, run[:8])[0]
    assert "setting" in "\n".join(explain(data, "settings.seed.value"))
    assert "9f2c9f2c" in "\n".join(explain(data, "card.rows"))
    assert "price.labels" in "\n".join(explain(data, "warnings.0.got"))


def test_explain_refuses_what_is_not_there(data: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        explain(data, "use.request_per_month")
    assert caught.value.code == "report.unknown_name" and "use.requests_per_month" in str(caught.value.limit)
    with pytest.raises(Problem) as caught:
        explain({"schema": "other"}, "x")
    assert caught.value.code == "report.not_a_report"


def test_numbers_have_units(data: dict[str, Any]) -> None:
    expected = {
        "results.2.value.npv.median": "USD",
        "results.2.needs.1.amount.low": "s",
        "results.2.needs.0.amount.low": "label",
        "results.2.needs.1.cost.low": "USD",
        "results.2.curve.reach.median": "label",
        "results.2.curve.held_out.0": "label",
        "results.2.curve.held_out.1.low": "accuracy",
        "results.2.quality.median": "accuracy",
        "results.2.p_target": "1",
        "thresholds.3.value": "USD/month",
        "swings.0.npv_low": "USD",
        "swings.0.low": "USD",
        "settings.months.value": "month",
        "facts.price.labels.value.low": "USD/label",
    }
    assert {p: trace(data, p).unit for p in expected} == expected
    run = next(iter(data["runs"]))
    assert trace(data, f"runs.{run}.measures.train_seconds").unit == "s"


def _wider(facts: dict[str, Fact]) -> None:
    facts["use.requests_per_month"] = replace(facts["use.requests_per_month"], value=Range(40e3, 90e3))
    facts["price.labels"] = replace(facts["price.labels"], value=Range(0.02, 0.081))
    del facts["price.energy"]


def test_nothing_moved(data: dict[str, Any]) -> None:
    assert against(data, data) == ["Nothing moved: same verdict, same values, same facts and runs."]


def test_against_says_what_moved_and_why(data: dict[str, Any]) -> None:
    a = assessment(_wider, months=48)
    results = list(a.results)
    value = results[2].value
    assert value is not None
    results[2] = replace(results[2], value=replace(value, npv=Interval(1e3, 40e3, 80e3, 41e3), p_positive=0.97))
    runs = dict(list(a.runs.items())[3:])
    new = to_data(replace(a, results=tuple(results[:-1]), runs=runs, verdict=replace(a.verdict, code="invest")))
    lines = against(data, new)
    text = "\n".join(lines)
    assert lines[0] == "Verdict: measure first before, invest now."
    assert "net present value from 21k USD to 40k USD" in text and "chance to pay from 86% to 97%" in text
    assert "hosted model: zero-shot, example/large-1: no longer a candidate" in text
    assert "Setting months: 36 → 48." in text
    causes = lines[lines.index("What changed in the sources, largest first:") + 1 :]
    assert [c.strip().split(":")[0] for c in causes] == [
        "price of energy",
        "3 runs (measured now) of classical model",
        "requests per month",
        "price of labels",
    ]
    because = next(line for line in lines if line.strip().startswith("Its sources"))
    assert "requests per month: 20k to 60k → 40k to 90k" in because and "3 runs" not in because
    assert any("从 2.1万 USD 变为 4万 USD" in line for line in against(data, new, "zh"))


def test_against_notices_a_status_that_changed(data: dict[str, Any]) -> None:
    a = assessment()
    results = tuple(replace(r, status="closed") if r.candidate == PROMPT else r for r in a.results)
    text = "\n".join(against(data, to_data(replace(a, results=results))))
    assert "refused before, closed now" in text and "None of its sources changed" in text
