"""The page: complete, in order, the same in both languages."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from tests.report.report_cases import LANGUAGES, tables
from tests.report.report_fakes import HEAD, HOSTED, LORA, assessment

from groundsill import words
from groundsill.assess.assessment import Assessment, Threshold
from groundsill.report.blocks import Chart, CurveData, Heading, Notice, StackData, Table
from groundsill.report.charts import draw
from groundsill.report.formats import md
from groundsill.report.page import page
from groundsill.report.parts.thresholds import standing
from groundsill.report.tongue import Tongue
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly, Interval

WORDS = Path(words.__file__).parent


@pytest.fixture(scope="module")
def example() -> Assessment:
    return assessment()


def test_both_languages_have_the_same_structure(example: Assessment) -> None:
    shapes = []
    for language in LANGUAGES:
        seen = page(example, language)
        shapes.append(
            [
                (type(b).__name__, getattr(b, "id", ""), getattr(b, "tone", ""), len(getattr(b, "rows", ())))
                for b in seen.blocks
            ]
        )
    assert shapes[0] == shapes[1]


def test_chinese_page_is_chinese(example: Assessment) -> None:
    seen = page(example, "zh")
    for block in seen.blocks:
        if isinstance(block, (Heading, Notice)):
            assert re.search("[\u4e00-\u9fff]", block.text), block
    for table in tables(seen):
        for column in table.columns:
            assert re.search("[\u4e00-\u9fff]|%", column) or column in {"LoRA 微调"}, (table.caption, column)


@pytest.mark.parametrize("room", ["report", "labels", "items", "inputs"])
def test_both_languages_have_the_same_words_with_the_same_places(room: str) -> None:
    en, zh = (tomllib.loads((WORDS / language / f"{room}.toml").read_text(encoding="utf-8")) for language in LANGUAGES)
    flat = [{(k, part): v for k, table in _leaves(book) for part, v in table.items()} for book in (en, zh)]
    assert flat[0].keys() == flat[1].keys()
    for key, text in flat[0].items():
        places = [sorted(set(re.findall(r"\{(\w+)\}", t))) for t in (text, flat[1][key])]
        assert places[0] == places[1], key


def _leaves(book: dict[str, dict[str, str]]) -> list[tuple[str, dict[str, str]]]:
    return list(book.items())


def test_the_verdict_comes_first_with_its_confidence_and_the_next_measurement(example: Assessment) -> None:
    blocks = page(example, "en").blocks
    first = blocks[0]
    assert isinstance(first, Notice) and first.look == "verdict" and "86%" in first.text and "new head" in first.text
    figures = blocks[1]
    assert isinstance(figures, Table) and len(figures.rows) == 6
    following = blocks[2]
    assert (
        isinstance(following, Notice) and "value of a right decision" in following.text and "2.1k USD" in following.text
    )
    order = [b.id for b in blocks if isinstance(b, Heading) and b.level == 2]
    assert order == [
        "candidates",
        "curves",
        "needs",
        "value",
        "thresholds",
        "ticket",
        "levers",
        "inputs",
        "decide",
        "stages",
        "waiting",
        "weighed",
        "risks",
        "baseline",
        "sources",
    ]


@pytest.mark.parametrize("code", ["invest", "measure", "do_not_invest", "cannot_say"])
@pytest.mark.parametrize("candidate", [HEAD, None])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verdict_has_a_sentence(
    code: str, candidate: Candidate | None, language: str, example: Assessment
) -> None:
    verdict = replace(example.verdict, code=code, candidate=candidate, choice=None, next=None)  # type: ignore[arg-type]
    first = page(replace(example, verdict=verdict), language).blocks[0]
    assert isinstance(first, Notice) and len(first.text) > 15 and "verdict_" not in first.text + first.title
    assert code == "cannot_say" or "86%" in first.text


def test_refused_and_unknown_rows_stay_with_their_reason(example: Assessment) -> None:
    table, reasons = tables(page(example, "en"))[1:3]
    assert all(any(row[0].startswith(why[0]) for row in table.rows) for why in reasons.rows)
    by_name = {row[0]: row for row in reasons.rows}
    refused = by_name["Prompting: few-shot, smollm2-135m"]
    assert refused[1] == "refused" and "0.43" in refused[-1]
    assert by_name["Hosted model: zero-shot, example/large-1"][1] == "unknown"
    assert "0.912" in by_name["Hosted model: zero-shot, example/large-1"][-1]
    assert len(table.rows) == len(example.results)


def test_closed_rows_are_gates(example: Assessment) -> None:
    closed = replace(
        example.result(HOSTED.id), status="closed", problem=Problem("project.data_may_not_leave", at=HOSTED.id)
    )
    results = tuple(closed if r.candidate == HOSTED else r for r in example.results)
    notices = [b for b in page(replace(example, results=results), "en").blocks if isinstance(b, Notice)]
    assert any(n.title.startswith("Closed: hosted model") and n.tone == "bad" for n in notices)


def test_threshold_sentences(example: Assessment) -> None:
    text = md.render(page(example, "en"))
    assert "Pays only above 41k (requests per month) with 80% confidence; you expect 20k to 60k." in text
    assert "No value from 1k to 1M makes it pay with 80% confidence" in text
    assert "每月请求数高于 4.1万时，才有 80% 的把握划算；您预计 2万至 6万。" in md.render(page(example, "zh"))


@pytest.mark.parametrize(
    ("direction", "value", "now", "expected"),
    [
        (">=", 10.0, (12, 20), "met"),
        (">=", 10.0, (5, 20), "open"),
        (">=", 10.0, (5, 9), "missed"),
        ("<=", 10.0, (5, 9), "met"),
        ("<=", 10.0, (12, 20), "missed"),
        (">=", None, (5, 9), "nowhere"),
        (">=", 1.0, (5, 9), "everywhere"),
        ("<=", 100.0, (5, 9), "everywhere"),
    ],
)
def test_standing_of_a_threshold(direction: str, value: float | None, now: tuple[float, float], expected: str) -> None:
    interval = Interval(now[0], sum(now) / 2, now[1], sum(now) / 2)
    x = Threshold(
        "confidence", HEAD, "use.growth_per_year", "", direction, 0.8, value, value, value, interval, (1.0, 100.0), ()
    )  # type: ignore[arg-type]
    assert standing(x) == expected
    a = assessment(thresholds=(x,))
    for language in LANGUAGES:
        shown = [b for b in page(a, language).blocks if isinstance(b, Table) and b.caption.endswith("all-minilm-l6-v2")]
        row = next(t for t in shown if len(t.columns) == 9).rows[0]
        assert "threshold_" not in row[2] and ("80%" in row[2])


def test_a_cost_that_dwarfs_the_others_is_cut_and_told(example: Assessment) -> None:
    row = example.result(LORA.id)
    dear = tuple(replace(n, cost=Interval(1e8, 1e8, 1e8, 1e8)) for n in row.needs[:1]) + row.needs[1:]
    for needs, cut in ((row.needs, False), (dear, True)):
        results = tuple(replace(r, needs=needs) if r is row else r for r in example.results)
        chart = next(
            b
            for b in page(replace(example, results=results), "en").blocks
            if isinstance(b, Chart) and b.kind == "stack"
        )
        assert isinstance(chart.data, StackData)
        assert (chart.data.longest < 1e6) and ("gap" in chart.note) == cut
        assert ('class="area gap"' in draw(chart, Tongue("en", "USD"), "c")) == cut


def test_a_surface_is_drawn_on_the_axis_of_its_runs(example: Assessment) -> None:
    """Rungs of a surface stand at weights x tokens, its curve at tokens: both are drawn at weights x tokens."""
    row = example.result(LORA.id)
    assert row.curve is not None
    rungs = tuple(replace(g, x=g.x * 7e9) for g in row.curve.rungs)
    curve = replace(row.curve, axis="parameters-tokens", rungs=rungs, reach=None)
    results = tuple(replace(r, curve=curve) if r is row else r for r in example.results)
    size = replace(example.facts["labels.owned"], name="x", value=Exactly(7e9), unit="weight")
    with_size = {**example.facts, f"candidate.{LORA.id}.parameters": size}
    for facts, shown in ((example.facts, 0), (with_size, len(rungs))):
        seen = page(replace(example, results=results, facts=facts), "en")
        data = next(b.data for b in seen.blocks if isinstance(b, Chart) and b.caption.startswith("LoRA"))
        assert isinstance(data, CurveData) and len(data.points) == shown
        assert data.xs[0] == pytest.approx(row.curve.xs[0] * (7e9 if shown else 1))


def test_warnings_name_candidates_and_inputs(example: Assessment) -> None:
    warnings = (
        Problem("x.y", at=f"{HEAD.id}, {LORA.id}"),
        Problem("x.z", at="price.labels"),
        Problem("x.w", at="a.toml:3"),
    )
    table = {t.caption: t for t in tables(page(replace(example, warnings=warnings), "en"))}["Warnings"]
    assert [row[0] for row in table.rows] == [
        "New head on a frozen encoder; LoRA tuning",
        "Price of labels",
        "a.toml:3",
    ]


def test_sources_count_fresh_and_shipped_runs(example: Assessment) -> None:
    text = md.render(page(example, "en"))
    assert "measured now 37, shipped with the example 15" in text
    by_caption = {t.caption: t for t in tables(page(example, "en"))}
    runs = by_caption["Runs (52); those that differ only by seed share a row"]
    assert sum(int(row[2]) for row in runs.rows) == 52
    shown = {i for row in runs.rows for i in row[-1].split()}
    assert shown == {i[:8] for i in example.runs}
    assert len(by_caption["Facts (16)"].rows) == len(example.facts)


def test_flips_follow_the_side_of_the_winner(example: Assessment) -> None:
    text = md.render(page(example, "en"))
    assert "Requests per month: below 18.2k, the best option is doing nothing (you expect 20k to 60k)." in text
    assert "Staff work to build: tuning: above 2.1 staff-months, the best option is classical model" in text


def test_interval_of_one_candidate_is_the_same_in_all_places(example: Assessment) -> None:
    value = example.result(HEAD.id).value
    assert value is not None
    npv: Interval = value.npv
    text = md.render(page(example, "en"))
    assert f"{npv.median / 1e3:.3g}k" in text


def test_the_question_is_answered_in_money(example: Assessment) -> None:
    """2,000 more labels: the question, the worth with its interval, the cost, what is left; unclear where 0 is inside."""
    for language, asked, told in (
        ("en", "label 2k more rows before deciding", "Perhaps"),
        ("zh", "值得再标注 2000 行吗", "说不准"),
    ):
        box = next(b for b in page(example, language).blocks if isinstance(b, Notice) and asked in b.title)
        assert told in box.text and "900" in box.text and "400 USD" in box.text and "620" in box.text


def test_a_loss_box_is_one_sentence(example: Assessment) -> None:
    said = [b.text for b in page(example, "en").blocks if getattr(b, "text", "").endswith("it loses in 14%.")]
    assert len(said) == 1
    assert "requests per month is below 25k and price of labels is above 0.05 USD/label" in said[0]


def test_the_grid_has_a_square_for_every_pair(example: Assessment) -> None:
    chart = next(b for b in page(example, "en").blocks if isinstance(b, Chart) and b.kind == "grid")
    assert draw(chart, Tongue("en", "USD"), "g").count('class="area') == 4
    assert [row[0] for row in chart.table.rows] == ["0.14", "0.06"]  # upwards, as drawn
