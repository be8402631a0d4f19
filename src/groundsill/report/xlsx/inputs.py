"""The sheet of inputs: one blue named cell each, what the model makes of it, its range, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from groundsill.report.xlsx.book import Book, Given
from groundsill.report.xlsx.labels import quoted
from groundsill.report.xlsx.paint import Page, Painter, number_format

COLUMNS = ("input", "value", "unit_of_input", "low", "median", "high", "factor", "in_model", "model_unit", "name",
           "issued", "told", "grade", "date", "source", "key")  # fmt: skip
VALUE, LOW, FACTOR, MODEL, NAME, ISSUED, TOLD = 1, 3, 6, 7, 9, 10, 11
HEAD, FIRST = 6, 7  # rows counted from 0
_NUMBERS = frozenset({"value", "low", "median", "high", "factor", "in_model", "issued"})

_INDENTED = frozenset({"unit_of_input", "model_unit", "name", "told"})


def places(book: Book) -> Mapping[str, int]:
    """Spreadsheet row (from 1) of each input by the name of its cell."""
    row, found = FIRST + 1, dict[str, int]()
    for _, inputs in _groups(book):
        row += 1
        for given in inputs:
            found[given.name] = row
            row += 1
        row += 1
    return found


def _groups(book: Book) -> list[tuple[str, Sequence[Given]]]:
    return [(book.word("inputs_shared"), book.shared), *((track.title, track.own) for track in book.tracks)]


def write(painter: Painter, book: Book) -> None:
    """The whole sheet, and the names of its cells."""
    page = painter.sheet(book.word("tab_inputs"))
    page.text(0, 0, book.word("inputs_title"), "title")
    for row, code in enumerate(("inputs_note_mean", "inputs_note_why", "inputs_note_forecast"), 1):
        page.text(row, 0, book.word(code), "note")
    page.text(4, 0, book.word("inputs_legend"), "input")
    for place, code in enumerate(COLUMNS):
        look = "number_head" if code in _NUMBERS else "unit_head" if code in _INDENTED else "head"
        page.text(HEAD, place, book.word(f"column_{code}"), look)
    page.tall(HEAD)
    rows = places(book)
    row = FIRST
    for title, inputs in _groups(book):
        page.text(row, 0, title, "part")
        row += 1
        for given in inputs:
            _input(painter, page, book, given, rows[given.name] - 1)
            row += 1
        row += 1
    page.widths(52, 15, 17, 13, 13, 13, 13, 15, 13, 34, 15, 34, 12, 12, 44, 34)
    page.sheet.freeze_panes(FIRST, 1)


def _input(painter: Painter, page: Page, book: Book, given: Given, row: int) -> None:
    t, fact = book.view.tongue, given.fact
    sheet = quoted(page.name)
    form = number_format(given.value)
    page.text(row, 0, given.label)
    page.number(row, VALUE, given.value, "input", form)
    page.text(row, 2, t.unit(given.unit).strip() or t.word(f"labels.unit.{given.unit}", given.unit), "unit")
    for place, value in enumerate((given.low, given.median, given.high), LOW):
        page.number(row, place, value, "still", number_format(value))
    if given.converted:
        others = "".join(f"*{fold}" for fold in _fold_names(book, given))
        value = given.value * given.factor
        for fold in given.times:
            value *= next(g.value for g in book.shared if g.key == fold)
        page.number(row, FACTOR, given.factor, "still", "0.######E+00")
        page.formula(row, MODEL, f"B{row + 1}*G{row + 1}{others}", value)
        page.text(row, MODEL + 1, given.model_unit, "unit")
        painter.name(given.read, f"{sheet}!$H${row + 1}")
    painter.name(given.name, f"{sheet}!$B${row + 1}")
    page.text(row, NAME, given.read, "unit")
    page.number(row, ISSUED, given.value, "still", form)
    page.text(row, TOLD, given.told, "unit")
    page.text(row, TOLD + 4, given.key, "still")
    if fact is None:
        behind = t.say("comma").join(given.trail[:6])
        page.text(row, TOLD + 3, book.word("own_source", names=behind) if behind else book.word("own_source_plain"))
        return
    page.text(row, TOLD + 1, t.word(f"labels.grade.{fact.grade}", fact.grade))
    page.text(row, TOLD + 2, fact.date or fact.source.published or fact.source.read)
    title = fact.source.title or t.word(f"labels.source.{fact.source.kind}", fact.source.kind)
    page.text(row, TOLD + 3, t.say("comma").join(p for p in (title, fact.place) if p))


def _fold_names(book: Book, given: Given) -> list[str]:
    return [g.name for fold in given.times for g in book.shared if g.key == fold]


def changed(book: Book) -> str:
    """How many inputs are no longer what was issued, as a formula."""
    rows = places(book).values()
    if not rows:
        return "0"
    sheet, first, last = quoted(book.word("tab_inputs")), min(rows), max(rows)
    values, issued = f"{sheet}!$B${first}:$B${last}", f"{sheet}!$K${first}:$K${last}"
    return f"SUMPRODUCT(--({values}<>{issued}))"
