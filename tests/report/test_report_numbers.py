"""Numbers, names and marks: what is shown is what is meant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.report import marks
from groundsill.report.marks import Scale
from groundsill.report.names import Names, need_text, people_unit
from groundsill.report.tongue import MINUS, SCALES, Tongue, clean, number
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import HOUR, MONTH, Interval

EN, ZH = Tongue("en", "USD"), Tongue("zh", "CNY")


@pytest.mark.parametrize(
    ("value", "en", "zh"),
    [
        (0, "0", "0"),
        (-0.0, "0", "0"),
        (41e3, "41k", "4.1万"),
        (999.6, "1k", "1000"),
        (1234, "1.23k", "1230"),
        (9999, "10k", "1万"),
        (3.4e6, "3.4M", "340万"),
        (1.2e8, "120M", "1.2亿"),
        (2e12, "2T", "2万亿"),
        (-15800, f"{MINUS}15.8k", f"{MINUS}1.58万"),
        (0.0123456, "0.0123", "0.0123"),
        (4.95e-4, "0.000495", "0.000495"),
        (2.3e-5, f"2.3e{MINUS}5", f"2.3e{MINUS}5"),
        (6e23, "6e23", "6e23"),
        (math.nan, "–", "–"),
        (math.inf, "–", "–"),
    ],
)
def test_numbers_in_both_languages(value: float, en: str, zh: str) -> None:
    assert (number(value, "en"), number(value, "zh")) == (en, zh)


def _read(text: str, language: str) -> float:
    """The number back from its text."""
    text = text.replace(MINUS, "-")
    for factor, word in SCALES[language]:
        if text.endswith(word):
            return float(text.removesuffix(word)) * factor
    return float(text)


@given(st.floats(-1e20, 1e20), st.sampled_from(["en", "zh"]))
def test_a_shown_number_is_within_half_a_percent(value: float, language: str) -> None:
    shown = number(value, language)
    assert _read(shown, language) == pytest.approx(value, rel=0.00501, abs=1e-300)
    assert len(shown) <= 10


def test_money_chances_and_intervals() -> None:
    assert EN.money(-1.2e6) == f"{MINUS}1.2M USD"
    assert ZH.money(1.2e6) == "120万 CNY"
    assert [EN.percent(p) for p in (0.0, 0.004, 0.83, 0.999, None)] == ["<1%", "<1%", "83%", ">99%", "–"]
    assert EN.cash(Interval(-1e3, 2e3, 5e3, 2e3)) == f"2k USD ({MINUS}1k to 5k)"
    assert EN.interval(Interval(3, 3, 3, 3)) == "3"


def test_rates_and_months_are_not_shown_beyond_sense() -> None:
    assert [EN.rate(r) for r in (0.12, 1.1, 3.2e10)] == ["12%", "110%", ">1000%"]
    assert [EN.months(m) for m in (14.2, 0.08)] == ["14 months", "under 1 month"]


def test_needs_come_in_units_of_people() -> None:
    names = Names.of(EN, ())
    assert people_unit("s", "staff:ml-engineer")[0] == MONTH
    assert people_unit("s", "accelerator:h100")[0] == HOUR
    amount = Interval(MONTH, 2 * MONTH, 4 * MONTH, 2 * MONTH)
    assert need_text(names, amount, "s", "staff:ml-engineer") == "2 staff-months (1 to 4)"
    assert need_text(names, Interval(3.6e6, 3.6e6, 3.6e6, 3.6e6), "J", "energy") == "1 kWh"


def test_names_of_things() -> None:
    lora, head = Candidate("tune", "lora", "mini"), Candidate("tune", "head", "mini")
    names = Names.of(EN, (lora, head, Candidate("tune", "lora", "large")))
    assert names.candidate(lora) == "LoRA tuning, mini"
    assert names.short(lora) == "LoRA tuning, mini", "two models: the short name would not be clear"
    assert names.short(head) == "new head on a frozen encoder"
    assert names.candidate("no/such") == "no/such"
    assert names.candidate(Candidate("prompt", "zero-shot", "hosted/a/b")) == "hosted model: zero-shot, a/b"
    assert names.input("price.staff:ml-engineer") == "price of machine learning engineer time"
    assert names.input("use.class.Trend.value_per_right") == "value of a right decision, class Trend"
    assert names.input(f"quality.{lora.id}") == "quality: LoRA tuning, mini"
    assert names.input("effort.tune.build") == "staff work to build: tuning"
    assert names.input("site.some_new_thing") == "site some new thing"
    assert names.row("build.labels+") == "until first use: labels"
    assert names.row("risk.rework") == "risk: rework"


def test_a_problem_without_words_shows_no_code() -> None:
    said = EN.problem(Problem("nosuchroom.too_odd", at="a.toml:3", got=0.123456, limit="x"))
    assert "nosuchroom" not in said and "too odd" in said and "0.123" in said and "a.toml:3" in said
    assert "too odd" in ZH.problem(Problem("nosuchroom.too_odd"))


def test_a_problem_shows_short_numbers_in_its_sentence() -> None:
    said = EN.problem(Problem("report.no_room", got=123456.789))
    assert "123k" in said and "456" not in said


@given(st.text())
def test_cleaned_text_can_be_written(text: str) -> None:
    shown = clean(text)
    shown.encode("utf-8")
    assert "\x00" not in shown and "\u202e" not in shown


spans = st.tuples(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9)).map(lambda p: (p[0], p[0] + p[1]))


@given(spans, st.integers(2, 9))
def test_ticks_lie_inside_in_order_and_are_few(span: tuple[float, float], count: int) -> None:
    low, high = span
    ticks = marks.nice(low, high, count)
    slack = 1e-6 * max(abs(low), abs(high), 1)
    assert ticks == sorted(ticks) and len(ticks) <= count + 1
    assert all(low - slack <= t <= high + slack for t in ticks)


@given(st.sampled_from(["linear", "log", "signed"]), st.floats(1e-3, 1e6), st.floats(1.5, 1e6), st.data())
def test_a_scale_keeps_order_and_stays_inside(kind: str, low: float, times: float, data: st.DataObject) -> None:
    scale = Scale(-low if kind == "signed" else low, low * times, 10, 300, kind, bend=low)  # type: ignore[arg-type]
    a, b = sorted(data.draw(st.tuples(*[st.floats(-2 * low * times, 2 * low * times)] * 2)))
    assert 10 - 1e-6 <= scale(a) <= scale(b) + 1e-6 and scale(b) <= 300 + 1e-6
    assert scale(scale.low) == pytest.approx(10) and scale(scale.high) == pytest.approx(300)
    slack = 1e-9 * low
    assert all(scale.low - slack <= t <= scale.high + slack for t in scale.ticks())


def test_log_ticks_by_hand() -> None:
    assert Scale(100, 12800, 0, 1, "log").ticks(5) == [100, 1000, 10000]
    assert Scale(100, 1000, 0, 1, "log").ticks(5) == [100, 200, 500, 1000]
    assert marks.nice(0, 10, 5) == [0, 2, 4, 6, 8, 10]


@given(st.text(min_size=1), st.floats(20, 200))
def test_fitted_words_fit(words: str, room: float) -> None:
    assert marks.width(marks.fit(words, room)) <= max(room, marks.width("…"))


def test_chinese_is_wider_than_latin() -> None:
    assert marks.width("标注") > marks.width("ab")
    assert marks.text(0, 0, "<b>标注") == '<text x="0" y="0">&lt;b&gt;标注</text>'
