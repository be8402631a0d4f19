"""The blocks of a page: what html and md see, with words in one language and a structure that is the same in all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from groundsill.report.score_charts import HeatData, PlaneData

Tone = Literal["", "good", "warn", "bad", "mute"]
Align = Literal["left", "right"]


def aligned(texts: int, numbers: int, after: int = 0) -> tuple[Align, ...]:
    """Alignment of a table: so many columns of text, then of numbers, then of text."""
    left, right, last = ["left"] * texts, ["right"] * numbers, ["left"] * after
    return cast(tuple[Align, ...], (*left, *right, *last))


@dataclass(frozen=True)
class Heading:
    """A title. Level 2 starts a section; `id` is its anchor."""

    level: int
    text: str
    id: str


@dataclass(frozen=True)
class Text:
    """A paragraph of plain text. look: "" or `fine` (small print)."""

    text: str
    look: Literal["", "fine"] = ""


@dataclass(frozen=True)
class Notice:
    """A box: the verdict, a warning, a gate. The tone is also said in words by `title`, never by colour alone."""

    tone: Tone
    title: str
    text: str
    look: Literal["", "verdict"] = ""


@dataclass(frozen=True)
class Table:
    """Rows of plain text. tones: one per row, for its second cell. look: `figures` (label, value, note: shown as large
    key figures), `fold` (closed until asked for). more: sentence with `{rest}` for rows left out of a file that would
    grow too large."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: tuple[Align, ...] = ()
    tones: tuple[Tone, ...] = ()
    look: Literal["", "figures", "fold"] = ""
    more: str = ""


@dataclass(frozen=True)
class Point:
    """A measured point. origin: `fresh`, `shipped`, `imported`, `published`; error: standard error, None if unknown."""

    x: float
    y: float
    error: float | None
    origin: str


@dataclass(frozen=True)
class CurveData:
    """A learning curve: 90 % band and median over `xs`, points, level lines (value, label), labels needed as (5, 50,
    95 %) with None for "not reached"; y_range: of all curves of the page. legend: code of a mark -> its words."""

    xs: tuple[float, ...]
    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]
    points: tuple[Point, ...]
    levels: tuple[tuple[float, str], ...]
    reach: tuple[float | None, float | None, float | None] | None
    x_label: str
    y_label: str
    y_range: tuple[float, float]
    colour: int
    legend: Mapping[str, str]


@dataclass(frozen=True)
class StackData:
    """Stacked bars in currency: one row a candidate, one segment a series. longest: where the axis ends; a bar beyond it
    is drawn with a gap."""

    rows: tuple[tuple[str, tuple[float, ...]], ...]
    series: tuple[str, ...]
    longest: float
    x_label: str


@dataclass(frozen=True)
class StripData:
    """Densities in currency, one row a candidate: (name, colour, quantiles at 0, 1, ..., 100 %). log: on an axis that
    is logarithmic for both signs; then without shapes, which such an axis would distort."""

    rows: tuple[tuple[str, int, tuple[float, ...]], ...]
    log: bool
    x_label: str
    zero: str


@dataclass(frozen=True)
class CashData:
    """Cumulative cash by month: 90 % band and median, in currency."""

    low: tuple[float, ...]
    median: tuple[float, ...]
    high: tuple[float, ...]
    colour: int
    x_label: str
    y_label: str
    legend: Mapping[str, str]


@dataclass(frozen=True)
class Bar:
    """One input of a tornado; colours are those of the best candidate at each end."""

    name: str
    note: str
    low: str
    high: str
    npv_low: float
    npv_high: float
    colour_low: int
    colour_high: int


@dataclass(frozen=True)
class TornadoData:
    """Swings around `base`, in currency, largest first. legend: (name, colour) of the candidates that win somewhere."""

    base: float
    bars: tuple[Bar, ...]
    legend: tuple[tuple[str, int], ...]
    x_label: str
    zero: str


@dataclass(frozen=True)
class Cell:
    """One square of a grid: colour of the candidate that is best there, and a number."""

    colour: int
    text: str


@dataclass(frozen=True)
class GridData:
    """Two inputs, `xs` to the right and `ys` upwards; cells: one row for each of `ys`. legend as in TornadoData."""

    xs: tuple[str, ...]
    ys: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]
    legend: tuple[tuple[str, int], ...]
    x_label: str
    y_label: str


ChartData = CurveData | StackData | StripData | CashData | TornadoData | GridData | PlaneData | HeatData


@dataclass(frozen=True)
class Chart:
    """A picture with its table twin. caption: its title; note: one sentence under it; about: what it shows, for people
    who do not see it."""

    caption: str
    data: ChartData
    table: Table
    note: str = ""
    about: str = ""

    @property
    def kind(self) -> str:
        """`curve`, `stack`, `strip`, `cash`, `tornado`, `grid`, `plane` or `heat`."""
        return type(self.data).__name__.removesuffix("Data").lower()

    @property
    def wide(self) -> bool:
        """Whether it takes half the page rather than a third."""
        return self.kind not in ("curve", "cash", "plane", "heat")


Block = Heading | Text | Notice | Table | Chart


@dataclass(frozen=True)
class Page:
    """A whole report. labels: the few words that a format itself needs (`contents`, `table_twin`, `skip`, `foot`)."""

    title: str
    subtitle: str
    language: str
    currency: str
    blocks: tuple[Block, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
