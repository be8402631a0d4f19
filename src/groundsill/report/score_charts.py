"""Charts of answers and their scores: lines in the unit square (ROC, precision-recall, reliability), and a table of counts
as squares (confusion). Colours are classes of the style sheet; every text passes `marks`, which escapes it."""

from __future__ import annotations

from dataclasses import dataclass

from groundsill.report import marks
from groundsill.report.marks import Scale

SIDE, LEFT, TOP = 360.0, 46.0, 14.0
SHADES = 5  # steps of a square's shade
MOST_NAMED = 5  # columns that have room for a name


@dataclass(frozen=True)
class PlaneLine:
    """A line through points of the unit square. ranges: low and high at each point, drawn as whiskers; empty for none.
    colour: 0 to 7."""

    name: str
    points: tuple[tuple[float, float], ...]
    colour: int
    ranges: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class PlaneData:
    """Lines in the unit square. diagonal: words of the line from corner to corner, "" for none."""

    lines: tuple[PlaneLine, ...]
    x_label: str
    y_label: str
    diagonal: str


@dataclass(frozen=True)
class HeatData:
    """Counts as squares, row by row; each is shaded by its share of its row. rows, columns: names; where columns are many,
    rows are numbered and columns show the number."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[float, ...], ...]
    x_label: str
    y_label: str


def plane(d: PlaneData) -> tuple[str, float]:
    """The lines as SVG marks, and the height of the picture."""
    x, y = Scale(0, 1, LEFT, SIDE - 12), Scale(0, 1, TOP + SIDE - 12 - LEFT, TOP)
    body = marks.y_axis(y, LEFT, SIDE - 12, lambda v: f"{v:.1f}") + marks.x_axis(
        x, y.start, lambda v: f"{v:.1f}", d.x_label
    )
    items = []
    if d.diagonal:
        body += marks.rule(x(0), y(0), x(1), y(1), "chance")
        items.append((marks.rule(-8, 0, 8, 0, "chance"), d.diagonal))
    for one in d.lines:
        k = f"k{one.colour}"
        if len(one.points) > 1:
            body += marks.line([(x(a), y(b)) for a, b in one.points], k)
        for (a, b), (low, high) in zip(one.points, one.ranges, strict=False):
            body += marks.rule(x(a), y(low), x(a), y(high), f"whisker {k}") + marks.dot(x(a), y(b), "full", k)
        items.append((marks.rule(-8, 0, 8, 0, f"line {k}"), one.name))
    body += marks.text(LEFT + 4, TOP - 3, d.y_label, look="tick halo")
    drawn, high_ = marks.legend(items, 12, y.start + 56, SIDE - 24)
    return body + drawn, y.start + 56 + high_


def heat(d: HeatData) -> tuple[str, float]:
    """The squares as SVG marks, and the height of the picture."""
    narrow = len(d.columns) > MOST_NAMED
    rows = [f"{i} {name}" for i, name in enumerate(d.rows, 1)] if narrow else list(d.rows)
    left = min(112.0 if narrow else 130.0, max(marks.width(name) for name in rows) + 18)
    each = (SIDE - 12 - left) / len(d.columns)
    high = min(44.0, max(22.0, each))
    body = marks.text(12, TOP, marks.fit(d.y_label, SIDE - 24), look="tick")
    top = TOP + 10
    for i, (name, counts) in enumerate(zip(rows, d.counts, strict=True)):
        y, total = top + i * high, sum(counts)
        body += marks.text(left - 6, y + high / 2 + 4, marks.fit(name, left - 14), anchor="end", look="tick")
        for j, count in enumerate(counts):
            share = count / total if total else 0.0
            a = left + j * each
            look = "k0" if d.rows[i] != d.columns[j] else "k1"
            for _ in range(round(share * SHADES)):  # transparent layers, so that a shade needs no colour of its own
                body += marks.band([a + 1, a + each - 1], [y + high - 1] * 2, [y + 1] * 2, look)
            words = f"{count:.0f}" if count == round(count) else f"{count:.1f}"
            size = 11.0 if each > 30 else 9.0
            shown = marks.fit(words, each + 4, size) if count else ""
            body += marks.text(a + each / 2, y + high / 2 + 4, shown, anchor="middle", look="halo", size=size)
    bottom = top + len(d.rows) * high
    for j, name in enumerate(d.columns):
        # numbers of the rows where names have no room; what is no row (no answer) has none
        words = marks.fit(name, each - 4) if not narrow else str(d.rows.index(name) + 1) if name in d.rows else "–"
        body += marks.text(left + (j + 0.5) * each, bottom + 15, words, anchor="middle", look="tick")
    body += marks.text((left + SIDE - 12) / 2, bottom + 35, d.x_label, anchor="middle", look="tick")
    return body, bottom + 45
