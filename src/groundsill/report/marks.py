"""A small library of SVG marks: scales, ticks, axes, lines, bands, points, bars, text, legend.

Every mark is a string; colours are CSS classes (`k0` to `k7`), so that light, dark and print need no second drawing.
Output is deterministic. All text is escaped here and nowhere else.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from groundsill.report.tongue import clean

SIZE = 12.0  # px of text at the chart's own width


@dataclass(frozen=True)
class Scale:
    """Domain [low, high] to pixels [start, end]. `signed` is a log scale for both signs, straight within +-`bend`."""

    low: float
    high: float
    start: float
    end: float
    kind: Literal["linear", "log", "signed"] = "linear"
    bend: float = 1.0

    def _bent(self, x: float) -> float:
        if self.kind == "log":
            return math.log10(max(x, 1e-300))
        return math.asinh(x / self.bend) if self.kind == "signed" else x

    def __call__(self, x: float) -> float:
        low, high = self._bent(self.low), self._bent(self.high)
        share = (self._bent(min(max(x, self.low), self.high)) - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, count: int = 5) -> list[float]:
        """Round values inside the domain, about `count` of them."""
        if self.kind == "linear":
            return nice(self.low, self.high, count)
        sides = [(1.0, max(self.low, self.bend if self.kind == "signed" else self.low), self.high)]
        if self.kind == "signed":
            sides = [(-1.0, self.bend, -self.low), *sides]
        found = [0.0] if self.kind == "signed" and self.low <= 0 <= self.high else []
        for sign, low, high in sides:
            if 0 < low <= high:
                powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
                steps = (1, 2, 5) if len(powers) <= 3 and self.kind == "log" else (1,)
                every = max(1, math.ceil(len(powers) * len(sides) / (count + 1)))
                found += [sign * s * 10.0**p for p in powers if p % every == 0 for s in steps]
        return sorted(t for t in found if self.low <= t <= self.high)


def nice(low: float, high: float, count: int = 5) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten within [low, high]."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) if abs(step) < 1e6 else i * step for i in range(first, last + 1)]


def px(value: float) -> str:
    """A coordinate with one decimal; what is not finite has no place and goes to 0."""
    if not math.isfinite(value):
        return "0"
    return f"{value:.1f}".rstrip("0").rstrip(".")


def width(text: str, size: float = SIZE) -> float:
    """Estimated width of `text` in px: a Chinese character is one em wide, others a little over half."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return size * (wide + 0.6 * (len(text) - wide))


def fit(text: str, room: float, size: float = SIZE) -> str:
    """`text`, cut with an ellipsis where it is wider than `room` px."""
    if width(text, size) <= room:
        return text
    while text and width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def text(x: float, y: float, words: str, *, anchor: str = "start", look: str = "", size: float = SIZE) -> str:
    """Words with their baseline at (x, y)."""
    more = f' class="{look}"' if look else ""
    side = f' text-anchor="{anchor}"' if anchor != "start" else ""
    scale = f' font-size="{px(size)}"' if size != SIZE else ""
    return f'<text x="{px(x)}" y="{px(y)}"{side}{scale}{more}>{escape(clean(words))}</text>'


def rule(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    """A straight line."""
    return f'<path d="M{px(x1)} {px(y1)}L{px(x2)} {px(y2)}" class="{look}"/>'


def line(points: Iterable[tuple[float, float]], look: str) -> str:
    """A line through `points`."""
    return f'<path d="M{"L".join(f"{px(x)} {px(y)}" for x, y in points)}" class="line {look}"/>'


def band(xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], look: str) -> str:
    """The area between two lines, in px."""
    there = list(zip(xs, highs, strict=True))
    back = list(zip(xs, lows, strict=True))[::-1]
    return f'<path d="M{"L".join(f"{px(x)} {px(y)}" for x, y in there + back)}Z" class="area {look}"/>'


def bar(x1: float, y: float, x2: float, height: float, look: str) -> str:
    """A horizontal bar from x1 to x2, in either order."""
    left, wide = min(x1, x2), abs(x2 - x1)
    return f'<rect x="{px(left)}" y="{px(y)}" width="{px(wide)}" height="{px(height)}" class="fill {look}"/>'


def dot(x: float, y: float, shape: str, look: str) -> str:
    """A point: `full` or `hollow` circle, `diamond`, `square`."""
    if shape in ("full", "hollow"):
        return f'<circle cx="{px(x)}" cy="{px(y)}" r="3.6" class="{shape} {look}"/>'
    turn = f' transform="rotate(45 {px(x)} {px(y)})"' if shape == "diamond" else ""
    return f'<rect x="{px(x - 3.3)}" y="{px(y - 3.3)}" width="6.6" height="6.6"{turn} class="hollow {look}"/>'


def x_axis(scale: Scale, y: float, form: Callable[[float], str], label: str, count: int = 5) -> str:
    """Axis line, ticks and label under `y`. Tick labels that would touch are left out."""
    parts, free = [rule(scale.start, y, scale.end, y, "axis")], -math.inf
    for tick in scale.ticks(count):
        words, x = form(tick), scale(tick)
        half = width(words) / 2
        middle = min(x, scale.end + 10 - half)  # the last label stays inside the picture
        if middle - half < free:
            continue
        free = middle + half + 8
        parts += [rule(x, y, x, y + 4, "axis"), text(middle, y + 17, words, anchor="middle", look="tick")]
    return "".join(parts) + text((scale.start + scale.end) / 2, y + 34, label, anchor="middle", look="tick")


def y_axis(scale: Scale, x: float, right: float, form: Callable[[float], str], count: int = 5) -> str:
    """Grid lines with their values to the left of `x`."""
    return "".join(
        rule(x, scale(t), right, scale(t), "grid") + text(x - 6, scale(t) + 4, form(t), anchor="end", look="tick")
        for t in scale.ticks(count)
    )


def legend(items: Sequence[tuple[str, str]], x: float, y: float, room: float) -> tuple[str, float]:
    """Marks (a path, rect or circle drawn around 0, 0) with words, wrapped to `room` px. Gives the svg and its height."""
    parts, left, top = [], x, y
    for mark, words in items:
        words = fit(words, room - 24)
        need = 22 + width(words) + 12
        if left > x and left + need - 12 > x + room:
            left, top = x, top + 18
        parts.append(f'<g transform="translate({px(left + 8)} {px(top)})">{mark}</g>')
        parts.append(text(left + 22, top + 4, words, look="tick"))
        left += need
    return "".join(parts), top - y + 18 if items else 0.0


def svg(wide: float, high: float, title: str, about: str, body: str, name: str) -> str:
    """The picture, with a title and a description for people who do not see it. `name` is unique on the page."""
    heads = f'<title id="{name}t">{escape(clean(title))}</title><desc id="{name}d">{escape(clean(about))}</desc>'
    box = f'viewBox="0 0 {px(wide)} {px(high)}" font-size="{px(SIZE)}"'
    return f'<svg {box} role="img" aria-labelledby="{name}t" aria-describedby="{name}d">{heads}{body}</svg>'
