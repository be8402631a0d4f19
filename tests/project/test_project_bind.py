"""From names to facts: references, defaults, rates, gates, runs and choices, with a small catalogue."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.project.project_fakes import (
    CARD,
    CLASSICAL,
    GOOD,
    HEAD,
    PAPER,
    FakeCatalogue,
    line_of,
    made_run,
    read_text,
)

from groundsill.project.bind import bind
from groundsill.project.case import Case, Entrant
from groundsill.project.entrants import FAR, GRID, label_grid
from groundsill.project.evidence import line_of as evidence_line
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.quantity import Exactly, Range, ThreePoint
from groundsill.terms.run import Run
from groundsill.terms.source import Source


def bound(
    folder: Path,
    text: str = GOOD,
    *,
    runs: tuple[Run, ...] = (),
    card: Card | None = CARD,
    catalogue: FakeCatalogue | None = None,
    today: str = "",
) -> Case:
    return bind(read_text(folder, text), catalogue or FakeCatalogue(), runs, card, today=today)


def entrant(case: Case, name: str) -> Entrant:
    return next(e for e in case.entrants if e.candidate.id == name)


def problem_of(folder: Path, text: str, **more: object) -> Problem:
    with pytest.raises(Problem) as raised:
        bound(folder, text, **more)  # type: ignore[arg-type]
    return raised.value


def test_references_keep_their_source_and_take_the_name_of_the_case(tmp_path: Path) -> None:
    wage = bound(tmp_path).facts["price.staff:ml-engineer"]
    assert (wage.name, wage.source, wage.grade) == ("price.staff:ml-engineer", PAPER, "reported")
    assert wage.place == "catalogue: wages/ml-engineer/us"


def test_every_number_that_routes_look_for_is_there(tmp_path: Path) -> None:
    case = bound(tmp_path)
    wanted = {
        "effort.classical.build", "effort.tune.month", "site.pue", "site.utilisation", "labels.workers", "labels.test",
        "accelerator.cpu.memory_bytes", "price.accelerator:cpu", "model.small.licence", "class_share.Intimate",
    }  # fmt: skip
    assert wanted <= set(case.facts)
    assert case.facts["effort.tune.month"].unit == "staff-month"
    assert case.facts["labels.test"].value == Exactly(1000.0)
    assert case.facts["class_share.Intimate"].value == Exactly(10_000 / 22_000)
    assert "labels.workers" in case.facts["price.labels"].note
    assert entrant(case, "tune/head/small").names == {"accelerator": "cpu", "serve": "cpu"}


def test_the_users_own_effort_beats_the_judged_fact(tmp_path: Path) -> None:
    case = bound(tmp_path, GOOD.replace("[hardware]", '[team.build]\nclassical = "0.25 to 1 staff-month"\n[hardware]'))
    assert case.facts["effort.classical.build"].grade == "user"
    assert case.facts["effort.tune.build"].grade == "reported"


def test_doing_nothing_is_always_there_once(tmp_path: Path) -> None:
    assert [e.candidate.id for e in bound(tmp_path).entrants] == ["none", "classical", "tune/head/small"]
    own = bound(tmp_path, GOOD.replace("[finance]", '[[candidate]]\nroute = "none"\n[finance]'))
    assert [e.candidate.id for e in own.entrants].count("none") == 1


def test_without_workers_one_is_written_down(tmp_path: Path) -> None:
    fact = bound(tmp_path, GOOD.replace("workers = 3\n", "")).facts["labels.workers"]
    assert fact.value == Exactly(1.0)
    assert fact.place == f"groundsill.toml:{line_of(GOOD, '[labels]')}"


@pytest.mark.parametrize(
    ("old", "new", "code", "where"),
    [
        ("prices/labels/text", "prices/labels/txt", "catalogue.unknown_fact", "price ="),
        ("wages/ml-engineer/us", "prices/labels/text", "project.wrong_unit", "wage ="),
        ("wages/ml-engineer/us", "wages/by-hour/us", "project.wrong_unit", "wage ="),
        ("people = 1", 'people = 1\nloaded_cost_factor = "fact:sites/default/utilisation"', "project.out_of_range", "loaded"),
        ("small", "smal", "catalogue.unknown_model", "model ="),
        ('train = "cpu"', 'train = "cpx"', "catalogue.unknown_accelerator", "train ="),
        ('train = "cpu"', "", "project.missing_key", "[hardware]"),
        ('cpu = "0.1 USD/hour"', "", "project.no_price", "train ="),
        ('price = "fact:prices/labels/text"', "", "project.no_price", "[labels]"),
        ('[use.class."Intimate"]', '[use.class."Intimat"]', "project.unknown_class", "Intimat"),
        ('"0.1 USD/hour"', '"0.1 KRW/hour"', "project.no_rate", "cpu ="),
        ('train = "cpu"', 'train = "cpu"\nowned = true', "project.no_price", "owned = true"),
    ],
)  # fmt: skip
def test_what_cannot_be_bound_is_named_with_its_line(tmp_path: Path, old: str, new: str, code: str, where: str) -> None:
    text = GOOD.replace(old, new)
    raised = problem_of(tmp_path, text)
    found = next(p for p in getattr(raised, "problems", (raised,)) if p.code == code)
    assert found.at == f"groundsill.toml:{line_of(text, where)}"


def test_owned_machines_have_no_rent_but_use_electricity(tmp_path: Path) -> None:
    text = GOOD.replace('train = "cpu"', 'train = "cpu"\nowned = true').replace('cpu = "0.1 USD/hour"', "")
    case = bound(tmp_path, text.replace("[finance]", '[prices]\nenergy = "fact:prices/energy/us"\n[finance]'))
    rent = case.facts["price.accelerator:cpu"]
    assert rent.value == Exactly(0.0) and rent.place.endswith(f":{line_of(text, 'owned = true')}")


def test_foreign_prices_bring_their_rate(tmp_path: Path) -> None:
    assert not any(n.startswith("fx.") for n in bound(tmp_path).facts)
    text = GOOD.replace("prices/labels/text", "prices/labels/china")
    rate = bound(tmp_path, text).facts["fx.CNY"]
    assert rate.value == ThreePoint(1 / 7.5, 1 / 7.0, 1 / 6.5)  # the catalogue has it the other way round
    assert rate.unit == "USD/CNY"
    own = bound(tmp_path, text.replace("[finance]", "[finance.fx]\nCNY = 0.14\n[finance]")).facts["fx.CNY"]
    assert (own.value, own.grade) == (Exactly(0.14), "user")
    china = bound(tmp_path, GOOD.replace('currency = "USD"', 'currency = "CNY"')).facts["fx.USD"]
    assert china.value == ThreePoint(6.5, 7.0, 7.5)


def test_a_price_past_its_shelf_life_is_a_warning(tmp_path: Path) -> None:
    assert not bound(tmp_path).warnings
    assert not bound(tmp_path, today="2024-12-31").warnings
    stale = bound(tmp_path, today="2025-01-01").warnings
    assert [(w.code, w.got, w.limit) for w in stale] == [("project.price_stale", 366, 365)]


@pytest.mark.parametrize(
    ("old", "new", "licence", "closed", "code"),
    [
        ("months = 36", "months = 36", "no", {"tune/head/small"}, "project.model_licence_forbids"),
        ("months = 36", "months = 36\ncommercial = false", "no", set(), ""),
        ("commercial_use = true", "commercial_use = false", "yes", {"classical", "tune/head/small"}, "project.data_licence_forbids"),
        ("commercial_use = true", "commercial_use = true\nmay_leave = false", "yes", {"prompt/zero-shot/hosted/a/b"}, "project.data_may_not_leave"),
        ('"CC0-1.0"\ncommercial_use = true', '"CC-BY-NC-4.0"', "yes", {"classical", "tune/head/small"}, "project.data_licence_forbids"),
        ("months = 36", "months = 36", "yes", set(), ""),
    ],
)  # fmt: skip
def test_gates_close_before_any_money_is_counted(
    tmp_path: Path, old: str, new: str, licence: str, closed: set[str], code: str
) -> None:
    text = GOOD.replace(old, new) + '[[candidate]]\nroute = "prompt"\nmethod = "zero-shot"\nmodel = "hosted/a/b"\n'
    case = bound(tmp_path, text, catalogue=FakeCatalogue(commercial_use=licence))
    assert {e.candidate.id for e in case.entrants if e.closed} == closed
    assert {e.closed.code for e in case.entrants if e.closed} == ({code} if code else set())


def test_conditions_of_a_licence_are_a_warning(tmp_path: Path) -> None:
    case = bound(tmp_path, catalogue=FakeCatalogue(commercial_use="conditions"))
    assert [(w.code, w.more["note"]) for w in case.warnings] == [("project.licence_conditions", "no weapons")]
    assert all(e.closed is None for e in case.entrants)


def test_a_licence_that_nobody_looked_at_is_a_warning(tmp_path: Path) -> None:
    case = bound(tmp_path, GOOD.replace("commercial_use = true\n", ""))
    assert [(w.code, w.got) for w in case.warnings] == [("project.data_licence_unknown", "CC0-1.0")]
    assert not bound(
        tmp_path, GOOD.replace("commercial_use = true\n", "").replace("months = 36", "months = 36\ncommercial = false")
    ).warnings


def test_runs_go_to_their_candidate_and_strangers_are_set_aside(tmp_path: Path) -> None:
    runs = (
        made_run(labels=200), made_run(labels=400), made_run(CLASSICAL, labels=200),
        made_run(seed=1, data_hash="other"), made_run(seed=2, test_id="other"), made_run(seed=3, metric="macro-f1"),
        made_run(seed=4, task="score-average"), made_run(seed=5, data_hash="other"),
    )  # fmt: skip
    case = bound(tmp_path, runs=runs)
    assert entrant(case, "tune/head/small").runs == runs[:2]
    assert entrant(case, "classical").runs == runs[2:3]
    assert {w.code: w.got for w in case.warnings} == {
        "project.runs_aside_data": 2, "project.runs_aside_test": 1, "project.runs_aside_metric": 1, "project.runs_aside_task": 1,
    }  # fmt: skip


def test_a_prompt_counts_on_a_part_of_the_test_set(tmp_path: Path) -> None:
    prompt = Candidate("prompt", "zero-shot", "small")
    text = GOOD + '[[candidate]]\nroute = "prompt"\nmethod = "zero-shot"\nmodel = "small"\n'
    run = made_run(prompt, labels=0, test_id="part", test_rows=200)
    case = bound(tmp_path, text, runs=(run,))
    assert entrant(case, prompt.id).runs == (run,)
    assert entrant(case, prompt.id).choices == ({},)


def test_imported_runs_that_name_no_rows_count_with_a_warning(tmp_path: Path) -> None:
    run = made_run(source=Source("mlflow", "imported"), data_hash="", test_id="")
    case = bound(tmp_path, runs=(run,))
    assert entrant(case, HEAD.id).runs == (run,)
    assert [(w.code, w.got) for w in case.warnings] == [("project.runs_aside_unnamed", 1)]


def write_evidence(folder: Path, *lines: str) -> str:
    (folder / "runs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return GOOD.replace("[finance]", '[evidence]\nruns = ["runs.jsonl"]\n[finance]')


def test_shipped_runs_count_and_own_ones_on_the_same_cell_win(tmp_path: Path) -> None:
    shipped = Source("r", "shipped")
    same, more = made_run(value=0.71, source=shipped), made_run(labels=800, source=shipped)
    told = made_run(labels=1600)
    text = write_evidence(tmp_path, *map(evidence_line, (same, more, told)))
    own = made_run(value=0.7)
    found = entrant(bound(tmp_path, text, runs=(own,)), HEAD.id).runs
    assert found[:2] == (own, more)
    assert found[2] == replace(told, source=Source("r", "imported"))  # "measured" means on this machine


def test_a_changed_run_is_an_integrity_problem(tmp_path: Path) -> None:
    entry = json.loads(evidence_line(made_run()))
    entry["run"]["value"] = 0.99
    raised = problem_of(tmp_path, write_evidence(tmp_path, evidence_line(made_run(labels=400)), json.dumps(entry)))
    assert (raised.code, raised.exit, raised.at) == ("project.evidence_changed", Exit.INTEGRITY, "runs.jsonl:2")


@pytest.mark.parametrize("line", ["{", "[]", '{"sha256": "x"}', "7", "[" * 100_000])
def test_a_line_that_is_no_run_is_named(tmp_path: Path, line: str) -> None:
    raised = problem_of(tmp_path, write_evidence(tmp_path, line))
    assert (raised.code, raised.at) == ("project.evidence_bad_line", "runs.jsonl:1")


def test_a_missing_evidence_file_is_named(tmp_path: Path) -> None:
    text = GOOD.replace("[finance]", '[evidence]\nruns = ["runs.jsonl"]\n[finance]')
    raised = problem_of(tmp_path, text)
    assert (raised.code, raised.at) == ("project.evidence_missing", f"groundsill.toml:{line_of(text, 'runs =')}")


def test_chance_is_a_fact_of_the_card(tmp_path: Path) -> None:
    anchor = entrant(bound(tmp_path), HEAD.id).anchor
    assert anchor.chance is not None
    assert (anchor.chance.value, anchor.chance.place) == (Exactly(0.44), "reviews.csv")
    macro = entrant(bound(tmp_path, GOOD.replace('"accuracy"', '"macro-f1"')), HEAD.id).anchor
    assert macro.chance is not None and macro.chance.value == Exactly(0.5)


def test_label_choices_follow_the_rungs_and_the_limit(tmp_path: Path) -> None:
    case = bound(tmp_path, runs=(made_run(labels=200), made_run(labels=400)))
    grid = [c["labels"] for c in entrant(case, HEAD.id).choices]
    assert grid == [200, 400, 800, 1600, 3200, 6400, 12800]  # 32 x 400, below the limit of 20,000
    assert entrant(case, "classical").choices == ({},)


@given(st.integers(1, 1000), st.floats(1, 1000), st.integers(1, 10**7))
def test_the_grid_rises_and_stays_inside(smallest: int, ratio: float, limit: int) -> None:
    largest = float(int(smallest * ratio))
    grid = label_grid(smallest, largest, limit)
    assert 1 <= len(grid) <= GRID
    assert all(a < b for a, b in pairwise(grid))
    assert grid[-1] == min(FAR * largest, limit)
    assert grid[0] == min(smallest, grid[-1])


PLAN = """\
name = "plan"
[task]
kind = "score-average"
metric = "core4"
target = 0.6
confidence = 0.7
[use]
requests_per_month = "1M"
months = 48
[market]
requests_per_month = "1B to 2B"
price_per_request = "0.001 USD/request"
adoption = "0.1 to 0.9"
[team]
role = "ml-engineer"
wage = "fact:wages/ml-engineer/us"
[hardware]
serve = "h100"
[hardware.price]
h100 = "2 to 4 USD/hour"
[finance]
currency = "USD"
discount_rate_per_year = 0.1
[[candidate]]
route = "pretrain"
model = "small"
accelerator = "h100"
accelerators = {choose = [256, 512, 1024]}
tokens = "2T"
[[candidate]]
route = "tune"
method = "full"
model = "small"
accelerator = "h100"
quality = "0.6 to 0.7"
"""


def published(route: str, model: str, **more: object) -> Run:
    base = Run(
        Candidate(route, "", model),
        "core4",
        "core4",
        {"parameters": 7e9, "tokens": 1e12},
        PAPER,
        value=0.6,
        chance=0.25,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def test_a_plan_without_data_passes_through_the_same_types(tmp_path: Path) -> None:
    runs = (
        published("pretrain", "a"), published("pretrain", "b", value=0.65), published("tune", "small"), published("tune", "other"),
        published("pretrain", "c", task="pretraining", value=None, hardware="h100", measures={"accelerator_seconds": 1e9}),
    )  # fmt: skip
    case = bound(tmp_path, PLAN, card=None, catalogue=FakeCatalogue(published=runs))
    plan, tune = case.entrants[1:]
    assert plan.choices == ({"accelerators": 256.0}, {"accelerators": 512.0}, {"accelerators": 1024.0})
    assert plan.runs == runs[:2] and tune.runs == runs[2:3]
    assert case.published == runs
    assert case.facts[plan.fact("tokens")].value == Exactly(2e12)
    assert case.facts[tune.fact("quality")].value == Range(0.6, 0.7)
    assert plan.anchor.chance is not None and plan.anchor.chance.value == Exactly(0.25)
    assert case.card is None and not any(n.startswith("labels.") for n in case.facts)


def test_an_average_that_nobody_published_is_named(tmp_path: Path) -> None:
    raised = problem_of(tmp_path, PLAN, card=None)
    assert (raised.code, raised.at) == ("project.unknown_average", f"groundsill.toml:{line_of(PLAN, 'metric =')}")
