"""The data card of a project: the state of its table on one page, as html and md."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill import __version__
from groundsill.api.analysis import folder_of
from groundsill.report.blocks import Block, Heading, Notice, Page, Table, Text, aligned
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Exit, Problem
from groundsill.words import say

if TYPE_CHECKING:
    from groundsill.lab.data.quality import Quality

FORMATS = ("html", "md")
NAME = "data"
MANY = 0.01  # share of test rows near to a row that is learnt from, above which the page warns


@dataclass(frozen=True)
class DataDone:
    """What `data` found, and the files it wrote."""

    quality: Quality
    paths: tuple[Path, ...]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {**self.quality.record(), "paths": [str(p) for p in self.paths]}


def data(
    path: Path, *, doubt: bool = False, out: Path | None = None, language: str | None = None, emit: Emit = silent
) -> DataDone:
    """Read the table of a project, look at its state and write the card to `out` (else the project's `report/`).

    doubt: also look for wrong labels. language: of the page; the project's if None. Changes nothing in the table. Raises
    Problem `api.no_pilot`, `report.cannot_write`, and those of `project` and `data`.
    """
    from groundsill.lab.data.quality import look
    from groundsill.pilot.bench import LabBench
    from groundsill.project import file
    from groundsill.report.formats import html, md
    from groundsill.terms.whole_file import write_whole

    project = file.read(path)
    if project.spec is None:
        raise Problem("api.no_pilot", at=str(path))
    table = LabBench(folder_of(project) / "cache").read(project.spec, project.folder, emit)
    found = look(table, doubt=doubt)
    made = page(found, project.name, language or project.language)
    folder = out or project.folder / "report"
    paths = []
    for name, render in zip(FORMATS, (html.render, md.render), strict=True):
        try:
            write_whole(folder / f"{NAME}.{name}", render(made).encode())
        except OSError as e:
            raise Problem("report.cannot_write", at=str(folder), got=e.strerror or str(e), exit=Exit.NO_ROOM) from e
        paths.append(folder / f"{NAME}.{name}")
    return DataDone(found, tuple(paths))


def page(quality: Quality, title: str, language: str) -> Page:
    """The card as blocks."""

    def word(key: str, **values: object) -> str:
        return say(f"quality.{key}", language, **values)

    labels = {key: say(f"report.{key}", language) for key in ("skip", "contents", "table_twin")}
    labels["foot"] = word("foot", version=__version__)
    card = _Card(quality, word)
    blocks = (*card.table(), *card.balance(), *card.writing(), *card.lengths(), *card.leakage(), *card.doubt())
    return Page(title, word("subtitle"), language, "", blocks, labels)


class _Card:
    """The sections of the page."""

    def __init__(self, quality: Quality, word: Any) -> None:
        self.q, self.word = quality, word

    def _head(self, key: str) -> Heading:
        return Heading(2, self.word(key), key)

    def table(self) -> list[Block]:
        """Rows, classes, hashes, and what was left out."""
        card, word = self.q.card, self.word
        figures = [
            (word("table_rows"), f"{card.rows:,}", f"{card.pool_rows:,} {word('table_pool')}"),
            (word("table_test"), f"{card.test_rows:,}", ""),
        ]
        if card.classes:
            effective = word("table_effective", count=f"{self.q.effective_classes:.1f}")
            figures += [
                (word("table_classes"), str(len(card.classes)), effective),
                (word("table_chance"), f"{card.chance:.1%}", word("table_chance_note")),
            ]
        kind = word(f"kind_{card.test_kind}")
        hashes = word("hashes", data=card.data_hash[:16], test=card.test_id, kind=kind)
        rows = tuple((word(f"why_{why}"), f"{count:,}") for why, count in card.dropped.items())
        left = Table(word("left_out"), (word("why"), word("rows")), rows, aligned(1, 1))
        return [
            self._head("table"),
            Table(card.path, ("", "", ""), tuple(figures), look="figures"),
            left if rows else Text(word("left_out_none")),
            Text(hashes, "fine"),
        ]

    def balance(self) -> list[Block]:
        """Rows of each class."""
        card, word = self.q.card, self.word
        if not card.classes:
            return []
        order = sorted(card.classes, key=lambda c: -card.classes[c])
        rows = tuple(
            (c, f"{card.classes[c]:,}", f"{self.q.shares[c]:.1%}", f"{card.test_classes.get(c, 0):,}") for c in order
        )
        heads = tuple(word(k) for k in ("class_name", "rows", "share", "in_test"))
        return [self._head("balance"), Table(word("balance"), heads, rows, aligned(1, 3))]

    def writing(self) -> list[Block]:
        """Languages and characters."""
        seen, word = self.q.writing, self.word
        rows = [(name or word("language_unknown"), f"{count:,}") for name, count in seen.languages.items()]
        kinds = ("not_normal", "full_width", "broken", "markup", "hidden")
        care = [(word(k), f"{getattr(seen, k):,}") for k in kinds if getattr(seen, k)]
        blocks: list[Block] = [
            self._head("writing"),
            Table(word("language"), (word("language"), word("rows")), tuple(rows), aligned(1, 1)),
        ]
        if care:
            blocks.append(Table(word("found"), (word("found"), word("rows")), tuple(care), aligned(1, 1)))
        return [*blocks, Text(word("writing_note"), "fine")]

    def lengths(self) -> list[Block]:
        """What each place to cut would leave."""
        heads = tuple(self.word(k) for k in ("cut", "whole", "kept"))
        rows = tuple((f"{c.at:,}", f"{c.whole:.1%}", f"{c.kept:.1%}") for c in self.q.cuts)
        return [self._head("lengths"), Table(self.word("lengths"), heads, rows, aligned(0, 3))]

    def leakage(self) -> list[Block]:
        """Near duplicates, those over both sides first, and telling words."""
        from groundsill.lab.data.duplicates import NEAR

        q, word = self.q, self.word
        blocks: list[Block] = [self._head("leakage")]
        if q.tested_near > MANY * q.card.test_rows:
            fix = word("leak_bad_fix", tested=q.tested_near, rows=q.card.test_rows, near=NEAR)
            blocks.append(Notice("warn", word("leak_bad"), fix))
        told = {"pairs": q.pairs, "redundant": q.redundant, "across": q.across, "tested": q.tested_near}
        blocks.append(Text(word("leak_some", **told, other=q.other_label) if q.pairs else word("leak_none")))
        if q.near:
            heads = tuple(word(k) for k in ("first", "second", "likeness", "sides", "answers"))
            rows = tuple(
                (
                    n.first, n.second, f"{n.likeness:.2f}", " / ".join(word(f"side_{s}") for s in n.sides),
                    " / ".join(n.answers),
                )
                for n in q.near
            )  # fmt: skip
            blocks.append(Table(word("pairs"), heads, rows, aligned(2, 1, 2), look="fold"))
        if q.telling:
            heads = tuple(word(k) for k in ("word", "class_name", "rows", "share"))
            words = tuple((t.word, t.class_name, f"{t.rows:,}", f"{t.share:.1%}") for t in q.telling)
            blocks += [Table(word("telling"), heads, words, aligned(2, 2)), Text(word("telling_note"), "fine")]
        return blocks

    def doubt(self) -> list[Block]:
        """Labels that may be wrong."""
        q, word = self.q, self.word
        if not q.card.classes:
            return []
        if q.disagree is None or q.wrong_share is None:
            return [self._head("doubt"), Text(word("doubt_off"))]
        told = {"disagree": f"{q.disagree:.1%}", "share": f"{q.wrong_share:.1%}", "rows": f"{q.looked_rows:,}"}
        rows = tuple((s.text, s.given, s.instead) for s in q.suspects)
        heads = tuple(word(k) for k in ("first", "given", "instead"))
        return [
            self._head("doubt"),
            Text(word("doubt_found", **told, count=f"{q.suspects_count:,}")),
            Table(word("suspects"), heads, rows, look="fold"),
        ]
