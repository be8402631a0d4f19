"""What the workbook holds, before a cell is written: routes with their rows and inputs, each input at one number.

An input stands at the mean of its draws. The verdict rests on the mean net present value, and where inputs are
independent and only added and multiplied the mean of the result is the result at the means; an event counts with its
chance, while its median would be nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from groundsill.assess.assessment import Assessment
from groundsill.finance.model import Model
from groundsill.finance.paths import INFLATION, NOMINAL
from groundsill.finance.rows import Expr, inputs_of
from groundsill.finance.sheet import Sheet
from groundsill.report.data import plain
from groundsill.report.names import people_unit
from groundsill.report.view import View
from groundsill.report.xlsx.labels import cell_names, tab
from groundsill.terms.candidate import Candidate
from groundsill.terms.fact import Fact
from groundsill.terms.forecast import Choice
from groundsill.terms.quantity import UNITS, Array, Exactly, quantiles

DIGITS = 12  # of an input: more than any of them deserves, few enough to read
PARTS = ("driver", "benefit", "build", "per_request", "per_month", "per_retune", "risk",
         "residual", "tax")  # fmt: skip  # the order of the rows
_BASE = {"s": "second minute hour day week month year staff-month accelerator-hour", "B": "kB MB GB TB KiB MiB GiB",
         "J": "kWh MWh", "W": "kW", "FLOP": "TFLOP PFLOP", "kg": "g", "token": "Mtoken", "1": "%"}  # fmt: skip
_SI = {unit: base for base, units in _BASE.items() for unit in units.split()}


@dataclass(frozen=True)
class Priced:
    """One option as `assess` valued it. sheet: its rows over all draws, with the sheet of the shared rows as parent."""

    candidate: Candidate
    choice: Choice
    model: Model
    sheet: Sheet


@dataclass(frozen=True)
class Given:
    """One input. name: of its cell; value, low, median, high: in `unit` (90 % interval of the draws); factor: to the
    model's unit, with the inputs `times` multiplied in; fact: None for a number of a forecast, which rests on `trail`."""

    key: str
    name: str
    label: str
    unit: str
    value: float
    low: float
    median: float
    high: float
    factor: float
    times: tuple[str, ...]
    model_unit: str
    told: str
    fact: Fact | None
    trail: tuple[str, ...] = ()

    @property
    def converted(self) -> bool:
        """Whether the model reads it in another unit than it is shown in."""
        return self.factor != 1.0 or bool(self.times)

    @property
    def read(self) -> str:
        """The name that formulas use."""
        return f"{self.name}_si" if self.converted else self.name


@dataclass(frozen=True)
class Line:
    """One row of a route: its values in months 0 to the last, and their present value. money: in the currency of the
    project; cash: it is part of the net cash."""

    name: str
    label: str
    unit: str
    part: str
    expr: Expr
    values: Array
    present: float
    money: bool
    cash: bool


@dataclass(frozen=True)
class Track:
    """One route: its sheet, rows in the order of the sheet, its own inputs, and input -> name used in formulas."""

    number: int
    tab: str
    candidate: Candidate
    title: str
    lines: tuple[Line, ...]
    own: tuple[Given, ...]
    names: Mapping[str, str]

    @cached_property
    def line_of(self) -> Mapping[str, Line]:
        """The rows by name."""
        return {line.name: line for line in self.lines}

    @property
    def cash(self) -> tuple[Line, ...]:
        """Rows that add up to the net cash."""
        return tuple(line for line in self.lines if line.cash)

    @property
    def benefits(self) -> tuple[Line, ...]:
        """Rows of money that comes in."""
        return tuple(line for line in self.cash if line.part == "benefit")

    @property
    def taxes(self) -> tuple[Line, ...]:
        """Rows of tax."""
        return tuple(line for line in self.cash if line.part == "tax")

    @property
    def costs(self) -> tuple[Line, ...]:
        """All other rows of money; what is left at the end lowers them."""
        return tuple(line for line in self.cash if line.part not in ("benefit", "tax"))


@dataclass(frozen=True)
class Book:
    """All of it. money: `real` or `nominal`, "" where inflation is not counted; shared: inputs that all routes read."""

    view: View
    months: int
    money: str
    shared: tuple[Given, ...]
    tracks: tuple[Track, ...]

    @property
    def assessment(self) -> Assessment:
        """What the report is about."""
        return self.view.assessment

    def word(self, code: str, **values: object) -> str:
        """The words of the workbook for a code."""
        return self.view.tongue.word(f"workbook.{code}", code, **values)

    @property
    def given(self) -> tuple[Given, ...]:
        """Every input, shared ones first."""
        return (*self.shared, *(g for track in self.tracks for g in track.own))


def book(assessment: Assessment, priced: Sequence[Priced], language: str) -> Book:
    """The recommended option first, the others by their mean net present value."""
    view = View.of(assessment, language)
    best = assessment.verdict.candidate
    worth = {r.candidate.id: v.npv.mean for r, v in view.valued()}
    ranked = sorted(priced, key=lambda p: (p.candidate != best, -worth.get(p.candidate.id, 0.0), p.candidate.id))
    shared = _shared(view, ranked)
    point = _si(shared, {})
    used, tracks = [g.name for g in shared] + [g.read for g in shared], list[Track]()
    for number, option in enumerate(ranked, 1):
        track = _track(view, number, option, shared, point, used)
        used += [n for g in track.own for n in (g.name, g.read)]
        tracks.append(track)
    months = ranked[0].sheet.months if ranked else assessment.months
    return Book(view, months, _money(ranked[0].sheet.inputs if ranked else {}), shared, tuple(tracks))


def _money(draws: Mapping[str, object]) -> str:
    if INFLATION not in draws:
        return ""
    return "nominal" if NOMINAL in draws else "real"


def _reads(option: Priced) -> set[str]:
    """Inputs of the option's rows and of the rows it shares."""
    found, sheet = set[str](), option.sheet
    while True:
        found |= set(inputs_of(sheet.program.rows.values()))
        if sheet.parent is None:
            return found
        sheet = sheet.parent


def _shared(view: View, ranked: Sequence[Priced]) -> tuple[Given, ...]:
    """Inputs that come from the draws, with the exchange rates and workers that are folded into them."""
    if not ranked:
        return ()
    draws, facts = ranked[0].sheet.inputs, view.assessment.facts
    keys = {key for option in ranked for key in _reads(option) - set(option.model.own)}
    keys |= {fold for key in keys for fold in _folds(view, key, _fact(facts, key), draws)}
    names = cell_names(sorted(keys))
    folds = {key: _folds(view, key, _fact(facts, key), draws) for key in keys}
    found: dict[str, Given] = {}
    for key in sorted(keys, key=lambda k: (bool(folds[k]), k)):
        times = [found[fold].value for fold in folds[key]]
        found[key] = _of_draws(view, key, names[key], draws[key], _fact(facts, key), folds[key], times)
    return tuple(found[key] for key in sorted(found))


def _fact(facts: Mapping[str, Fact], key: str) -> Fact | None:
    """The fact of an input; a year of an event (`risk.<name>#2`) has that of the event."""
    return facts.get(key.partition("#")[0] if key.startswith("risk.") else key)


def _folds(view: View, key: str, fact: Fact | None, draws: Mapping[str, object]) -> tuple[str, ...]:
    """What was multiplied into an input when it was drawn, as `project.draw` does."""
    if fact is None or key.startswith("fx."):
        return ()
    rate = f"fx.{fact.currency}"
    found = (rate,) if fact.currency not in ("", view.assessment.currency) and rate in draws else ()
    return (*found, "labels.workers") if key == "price.labels" and "labels.workers" in draws else found


def _of_draws(
    view: View, key: str, name: str, drawn: object, fact: Fact | None, folds: tuple[str, ...], times: Iterable[float]
) -> Given:
    t = view.tongue
    unit = fact.unit if fact is not None else "1"
    factor = fact.si_factor if fact is not None and not key.startswith("fx.") else 1.0
    whole = factor * float(np.prod(list(times)))
    shown = np.atleast_1d(np.asarray(drawn, dtype=np.float64)) / whole
    value = _rounded(float(shown.mean()))
    if fact is not None and isinstance(fact.value, Exactly) and np.isclose(value, fact.value.value, rtol=1e-9):
        value = fact.value.value
    base = "/".join(_base(part, fact, folds, t.currency) for part in unit.split("/"))
    told = t.value(plain(fact.value, t), fact.unit) if fact is not None else ""
    label = t.capital(view.names.input(key))
    return Given(key, name, label, unit or "1", value, *_band(shown), factor, folds, base or "1", told, fact)


def _base(part: str, fact: Fact | None, folds: tuple[str, ...], currency: str) -> str:
    part = part.strip()
    if fact is not None and part == fact.currency and any(fold.startswith("fx.") for fold in folds):
        return currency
    return _SI.get(part, part) if part in UNITS else part


def _band(shown: Array) -> tuple[float, float, float]:
    low, middle, high = (float(v) for v in quantiles(shown, (0.05, 0.5, 0.95)))
    return _rounded(low), _rounded(middle), _rounded(high)


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _si(given: Iterable[Given], others: Mapping[str, float]) -> dict[str, float]:
    """Values in the model's unit, by key: as the workbook's cells compute them."""
    inputs = tuple(given)
    plainly = {g.key: g.value for g in inputs}
    found = dict(others)
    for g in inputs:
        value = g.value * g.factor
        for fold in g.times:
            value *= plainly[fold]
        found[g.key] = value
    return found


def _track(
    view: View, number: int, option: Priced, shared: Sequence[Given], point: Mapping[str, float], used: Sequence[str]
) -> Track:
    model, t = option.model, view.tongue
    keys = sorted(_reads(option) & set(model.own))
    names = cell_names(keys, f"_{number}", used)
    own = tuple(_of_forecast(view, option, key, names[key]) for key in keys)
    at = _si(own, point)
    lines = _lines(view, option, _at(option.sheet, at))
    title = view.names.candidate(option.candidate)
    if option.choice:
        title += t.say("with_choice", choice=view.names.choice(option.choice))
    read = {g.key: g.read for g in (*shared, *own)}
    sheet = tab(number, view.names.short(option.candidate))
    return Track(number, sheet, option.candidate, t.capital(title), lines, own, read)


def _of_forecast(view: View, option: Priced, key: str, name: str) -> Given:
    """An amount, the calendar or the quality of one option."""
    t, (_, need) = view.tongue, option.model.needs.get(key.removeprefix("amount."), ("", None))
    factor, unit, model_unit, trail = 1.0, "1", "1", tuple[str, ...]()
    label = view.names.metric(view.assessment.metric) if key == "quality" else ""
    if need is not None:
        factor, code = people_unit(need.unit, need.item)
        unit = t.say(f"unit_{code}") if code else need.unit
        model_unit, trail = need.unit, _behind(view, need.trail)
        label = view.names.row(key.removeprefix("amount."))
    elif key.endswith("_months"):
        unit = model_unit = t.word("labels.unit.month", "month")
    label = label or t.word(f"workbook.own_{key}", key.replace("_", " ").replace(".", " "))
    shown = np.atleast_1d(np.asarray(option.model.own[key], dtype=np.float64)) / factor
    value = _rounded(float(shown.mean()))
    return Given(key, name, t.capital(label), unit, value, *_band(shown), factor, (), model_unit, "", None, trail)


def _behind(view: View, trail: Iterable[str]) -> tuple[str, ...]:
    """Facts by their key; runs only counted, their keys say nothing to a reader."""
    names, runs = tuple(trail), view.assessment.runs
    known = tuple(name for name in names if name not in runs)
    count = len(names) - len(known)
    return (*known, view.tongue.word("workbook.own_runs", "", n=count)) if count else known


def _at(sheet: Sheet, point: Mapping[str, float]) -> Sheet:
    """The same rows at one number for each input."""
    parent = None if sheet.parent is None else _at(sheet.parent, point)
    return Sheet(sheet.program, point, sheet.months, parent)


def _label(view: View, name: str, code: str) -> str:
    """What a row is called: its own words, or those of its kind with the rest of its name."""
    first, joint, second = name.partition("~")
    if joint:  # one row times another
        code = "finance.row_path" if second.startswith("path.") else ""
        return f"{_label(view, first, '')} × {_label(view, second, code)}"
    own = view.names.row(name)
    kind = view.tongue.word(code, "") if code else ""
    if not kind or own != view.names.item(name.rstrip("+")):
        return own
    family, _, rest = name.partition(".")
    rest = view.names.input(rest) if family == "path" else rest
    return view.tongue.word("workbook.kind_of", kind, kind=kind, which=rest) if rest else kind


def _lines(view: View, option: Priced, sheet: Sheet) -> tuple[Line, ...]:
    """Rows by part, shared ones first; totals last. A part that is new to us stands before the totals."""
    found, here = list[Line](), sheet
    chain = [here]
    while here.parent is not None:
        here = here.parent
        chain.insert(0, here)
    for level in chain:
        for row in level.program.rows.values():
            values = np.broadcast_to(level.value(row.name)[:, 0], (sheet.months + 1,))
            money = row.unit == "currency"
            unit = view.tongue.currency if money else view.tongue.word(f"labels.unit.{row.unit}", row.unit)
            label = view.tongue.capital(_label(view, row.name, row.label))
            cash = row.name in option.model.cash
            present = float(level.present(row.name)[0, 0])
            found.append(Line(row.name, label, unit, row.part, row.expr, values, present, money, cash))
    order = {part: place for place, part in enumerate(PARTS)}
    last = len(PARTS) + 1
    return tuple(sorted(found, key=lambda line: last if line.part == "total" else order.get(line.part, len(PARTS))))
