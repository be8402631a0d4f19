"""The state of a table: all reports on one prepared table, as one value for one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from groundsill.lab.data import language, leakage, lengths, noise
from groundsill.lab.data.spec import Prepared
from groundsill.terms.card import Card

SHOWN = 10  # examples on a page
TEXT = 160  # characters of an example


@dataclass(frozen=True)
class Suspect:
    """A row whose label is in doubt: its text (its beginning), the label given and the one that a model would give."""

    text: str
    given: str
    instead: str


@dataclass(frozen=True)
class Near:
    """A pair of near rows, their answers, and which side each is on (`pool` or `test`)."""

    first: str
    second: str
    likeness: float
    answers: tuple[str, str]
    sides: tuple[str, str]


@dataclass(frozen=True)
class Quality:
    """card: of the table. shares: class -> share of all rows. effective_classes: exp of the entropy of the shares, as many
    as there are where all are alike. writing, cuts (in characters): as in their modules. near, tested_near, across,
    other_label, redundant: near duplicates, counts as in `leakage.Leakage`, with the likest pairs. telling: words that
    give the class away. disagree, wrong_share, suspects: label noise, None and empty where it was not asked for or there is
    no class."""

    card: Card
    shares: Mapping[str, float]
    effective_classes: float
    writing: language.Writing
    cuts: tuple[lengths.Cut, ...]
    across: int
    tested_near: int
    other_label: int
    pairs: int
    redundant: int
    near: tuple[Near, ...]
    telling: tuple[leakage.Telling, ...]
    looked_rows: int = 0
    disagree: float | None = None
    wrong_share: float | None = None
    suspects_count: int = 0
    suspects: tuple[Suspect, ...] = ()

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)


def look(data: Prepared, *, doubt: bool = False, seed: int = 0) -> Quality:
    """Every report on a table. doubt: also look for wrong labels, which trains five linear models (10 to 60 s)."""
    texts = (*data.pool.texts, *data.test.texts)
    leak = leakage.find(data)
    total = sum(data.card.classes.values())
    shares = {name: count / total for name, count in data.card.classes.items()} if total else {}
    p = np.array([s for s in shares.values() if s > 0])
    found = _doubts(data, seed) if doubt and data.pool.form in ("class", "pair") else {}
    sizes = [max(1, len(t)) for t in texts]
    return Quality(
        card=data.card,
        shares=shares,
        effective_classes=float(np.exp(-(p * np.log(p)).sum())) if len(p) else 0.0,
        writing=language.look(texts),
        cuts=lengths.table(sizes, max(sizes)),
        across=leak.across,
        tested_near=leak.tested_near,
        other_label=leak.other_label,
        pairs=len(leak.pairs),
        redundant=leak.redundant,
        near=_near(data, leak),
        telling=leak.telling[:SHOWN],
        **found,
    )


def _near(data: Prepared, leak: leakage.Leakage) -> tuple[Near, ...]:
    """The likest pairs, those over both sides first."""
    texts, pool = (*data.pool.texts, *data.test.texts), len(data.pool)
    said = [*data.pool.said(data.classes), *data.test.said(data.classes)]

    def side(row: int) -> str:
        return "pool" if row < pool else "test"

    order = sorted(leak.pairs, key=lambda q: (side(q.first) == side(q.second), -q.likeness, q.first, q.second))
    return tuple(
        Near(
            texts[q.first][:TEXT], texts[q.second][:TEXT], q.likeness, (said[q.first][:TEXT], said[q.second][:TEXT]),
            (side(q.first), side(q.second)),
        )
        for q in order[:SHOWN]
    )  # fmt: skip


def _doubts(data: Prepared, seed: int) -> dict[str, Any]:
    found = noise.find(data.pool.texts, data.pool.labels, len(data.classes), seed)
    pool = data.pool
    top = tuple(
        Suspect(pool.texts[row][:TEXT], data.classes[int(pool.labels[row])], data.classes[int(instead)])
        for row, instead in zip(found.suspects[:SHOWN].tolist(), found.instead[:SHOWN], strict=True)
    )
    return {
        "looked_rows": len(found.rows), "disagree": found.disagree, "wrong_share": found.share,
        "suspects_count": len(found.suspects), "suspects": top,
    }  # fmt: skip
