"""Sentences and numbers in one language: 1.2k and 3.4M in English, 万 and 亿 in Chinese, money with its currency."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Interval
from groundsill.words import explain, say

SCALES = {
    "en": ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")),
    "zh": ((1e12, "万亿"), (1e8, "亿"), (1e4, "万")),
}
LARGEST = {"en": 1e15, "zh": 1e16}  # beyond this a power of ten reads better than a word
DASH = "–"
SMALLEST = 1e-4
MOST_RATE = 10.0  # 1000 % a year: beyond it an internal rate of return says nothing more
MINUS = "\u2212"
CHINESE = "\u3000-\u303f\u4e00-\u9fff\uff00-\uffef"
BETWEEN = re.compile(f"(?<=[{CHINESE}]) +(?=[{CHINESE}])")
PLACE = re.compile(r"\{[a-z_]+\}")
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)


def clean(text: object) -> str:
    """Text without control characters, lone surrogates and direction overrides, which no format can show safely."""
    return UNPRINTABLE.sub("", str(text))


class Shown(float):
    """A number that prints itself shortly inside a sentence of another room; an explicit format still works."""

    language: str

    def __new__(cls, value: float, language: str) -> Shown:
        """`value`, to be shown in `language`."""
        shown = super().__new__(cls, value)
        shown.language = language
        return shown

    def __format__(self, spec: str) -> str:
        return float.__format__(self, spec) if spec else number(float(self), self.language)


def number(value: float, language: str = "en", digits: int = 3) -> str:
    """`value` with about `digits` significant digits: 41k, 3.4M; 4.1万, 1.2亿."""
    if not math.isfinite(value):
        return DASH
    rounded = float(f"{value:.{digits}g}")
    size = abs(rounded)
    if size >= LARGEST.get(language, 1e15) or 0 < size < SMALLEST:
        text = f"{rounded:.{digits - 1}e}"
        mantissa, power = text.split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{int(power)}".replace("-", MINUS)
    for factor, word in SCALES.get(language, SCALES["en"]):
        if size >= factor:
            return _plain(rounded / factor, digits) + word
    return _plain(rounded, digits)


def _plain(value: float, digits: int) -> str:
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    leading = -math.floor(math.log10(abs(value))) - 1 if 0 < abs(value) < 1 else 0
    text = f"{value:.{max(0, digits - whole + leading)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "0") else text.replace("-", MINUS)


@dataclass(frozen=True)
class Tongue:
    """One language and one currency."""

    language: str
    currency: str = ""

    def say(self, code: str, **values: Any) -> str:
        """The sentence of `report.<code>`, places filled."""
        return self._tight(say(f"report.{code}", self.language, **values))

    def word(self, code: str, default: str, **values: Any) -> str:
        """The words of a full code (`labels.method.lora`), or `default` where no language has any."""
        text = say(code, self.language, **values)
        return default if text == code or PLACE.search(text) else self._tight(text)

    def _tight(self, text: str) -> str:
        """Chinese takes no space between two of its own characters; the templates have one for Latin words."""
        return BETWEEN.sub("", text) if self.language == "zh" else text

    def number(self, value: float | None) -> str:
        """A number, a dash where there is none."""
        return DASH if value is None else number(value, self.language)

    def rough(self, value: float) -> str:
        """A number with two significant digits, for amounts that nobody knows better."""
        return number(value, self.language, 2)

    def capital(self, text: str) -> str:
        """The text as the start of a sentence or row."""
        return text[:1].upper() + text[1:]

    def money(self, value: float | None) -> str:
        """1.2M USD."""
        return DASH if value is None else f"{self.number(value)} {self.currency}".rstrip()

    def percent(self, value: float | None) -> str:
        """A chance. Never 0% or 100%: the draws are finite."""
        if value is None or not math.isfinite(value):
            return DASH
        return "<1%" if value < 0.005 else ">99%" if value > 0.995 else f"{100 * value:.0f}%"

    def share(self, value: float | None) -> str:
        """A rate or share that may well be 0 or above 1."""
        return DASH if value is None or not math.isfinite(value) else f"{self.number(100 * value)}%"

    def rate(self, value: float) -> str:
        """A rate of return, cut off where it no longer means anything."""
        return f">{100 * MOST_RATE:.0f}%" if value > MOST_RATE else self.share(value)

    def months(self, value: float) -> str:
        """A number of months with its word."""
        return self.say("months", n=self.rough(value)) if value >= 1 else self.say("under_month")

    def quality(self, value: float | None) -> str:
        """A metric: three decimals for fractions."""
        if value is None or not math.isfinite(value):
            return DASH
        return f"{value:.3f}".replace("-", MINUS) if abs(value) < 10 else self.number(value)

    def span(self, low: str, high: str) -> str:
        """`low to high`."""
        return low if low == high else self.say("span", low=low, high=high)

    def interval(self, value: Interval | None, form: Callable[[float], str] | None = None, unit: str = "") -> str:
        """Median with its 90 % interval; the unit is said once."""
        if value is None:
            return DASH
        show = form or self.number
        middle, low, high = (show(v) for v in (value.median, value.low, value.high))
        middle = f"{middle} {unit}".rstrip()
        return middle if low == high else self.say("interval", median=middle, low=low, high=high)

    def cash(self, value: Interval | None) -> str:
        """An interval of money."""
        return self.interval(value, unit=self.currency)

    def amount(self, value: float | None, unit: str) -> str:
        """A number with the unit that the user wrote."""
        if value is None:
            return DASH
        return self.number(value) + self.unit(unit)

    def unit(self, unit: str) -> str:
        """A unit as it stands after a number: `%`, ` staff-months`, ` USD/hour`; "" where the name says it."""
        if unit in ("", "1", "%", "month-count"):
            return "%" if unit == "%" else ""
        return " " + self.word(f"labels.unit.{unit}", clean(unit))

    def problem(self, problem: Problem | None, *, placed: bool = True) -> str:
        """A problem as sentences, with its place unless that is told elsewhere; numbers in it are short. A code without
        words is told plainly, never shown raw."""
        if problem is None:
            return ""
        values: dict[str, Any] = {k: self._shown(v) for k, v in problem.values().items()}
        at, got, limit = (values.pop(k) for k in ("at", "got", "limit"))
        at = str(at) if placed else ""
        shown = Problem(problem.code, at=at, got=got, limit=limit, exit=problem.exit, **values)
        text = explain(shown, self.language)
        if problem.code not in text and not PLACE.search(text):
            return clean(text)
        what = clean(problem.code.partition(".")[2].replace("_", " ") or problem.code)
        parts = [f"{at}:"] if at else []
        parts.append(self.say("no_words", what=what))
        parts += [self.say("no_words_got", got=got, limit=limit)] if str(got) or str(limit) else []
        return clean(self.say("gap").join(parts))

    def _shown(self, value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return value
        return Shown(value, self.language) if math.isfinite(value) else DASH

    def value(self, data: Mapping[str, Any] | str | None, unit: str = "") -> str:
        """The value of a fact as plain data (see `data.plain`): `20k to 60k`, a name, an event with its chance."""
        if data is None or isinstance(data, str):
            return clean(data or DASH)
        kind, n = data["kind"], self.number
        unit_text = self.unit(unit)
        if kind == "exactly":
            return n(data["value"]) + unit_text
        if kind == "range":
            return self.span(n(data["low"]), n(data["high"])) + unit_text
        if kind == "threepoint":
            return self.say("three_point", p10=n(data["p10"]), p50=n(data["p50"]), p90=n(data["p90"])) + unit_text
        if kind == "pert":
            return self.say("pert", low=n(data["low"]), mode=n(data["mode"]), high=n(data["high"])) + unit_text
        if kind == "mixture":
            parts = zip(data["parts"], data["weights"], strict=True)
            return ", ".join(self.say("event", chance=self.percent(w), size=self.value(p, unit)) for p, w in parts)
        if kind == "chance":
            return self.say("event", chance=self.percent(data["chance"]), size=self.value(data["size"], unit))
        return self.say("choose", options=", ".join(n(v) for v in data["options"])) + unit_text
