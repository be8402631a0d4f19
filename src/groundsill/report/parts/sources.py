"""Where every number comes from: the facts, the runs and the data that this report used."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from groundsill.report.blocks import Block, Heading, Table, Text
from groundsill.report.data import origin, plain
from groundsill.report.view import View
from groundsill.terms.fact import Fact
from groundsill.terms.run import Run

ID_DIGITS = 8
FACTS = ("key", "meaning", "value", "grade", "date", "source", "address", "place")
RUNS = ("candidate", "point", "seeds", "measured", "origin", "date", "hardware", "source", "address", "ids")


def blocks(view: View) -> list[Block]:
    """Counts in a sentence, then the tables."""
    a, t = view.assessment, view.tongue
    kinds = Counter(origin(r.source.kind) for r in a.runs.values())
    counts = t.say("comma").join(f"{view.names.origin(k)} {n}" for k, n in sorted(kinds.items()))
    found: list[Block] = [Heading(2, t.say("sources_title"), "sources")]
    found.append(Text(t.say("sources_lead", facts=len(a.facts), runs=len(a.runs), counts=counts or t.number(None))))
    if a.card is not None:
        c = a.card
        size = {"rows": f"{c.rows:,}", "pool": f"{c.pool_rows:,}", "test": f"{c.test_rows:,}"}
        found.append(Text(t.say("sources_card", path=c.path, hash=c.data_hash[:16], classes=len(c.classes), **size)))
        found += [_classes(view)] if c.classes else []
    if a.facts:
        facts = sorted(a.facts.items(), key=lambda kv: (kv[1].source.kind != "user", kv[0]))
        heads = tuple(t.say(f"column_{c}") for c in FACTS)
        rows = tuple(fact_row(view, key, f) for key, f in facts)
        found.append(Table(t.say("facts_caption", n=len(rows)), heads, rows, look="fold", more=t.say("more")))
    if a.runs:
        heads, rows = tuple(t.say(f"column_{c}") for c in RUNS), run_rows(view)
        found.append(Table(t.say("runs_caption", n=len(a.runs)), heads, rows, look="fold", more=t.say("more")))
    return found


def _classes(view: View) -> Table:
    card, t = view.assessment.card, view.tongue
    assert card is not None
    rows = tuple((c, f"{n:,}", f"{card.test_classes.get(c, 0):,}") for c, n in card.classes.items())
    columns = tuple(t.say(f"column_{c}") for c in ("class", "rows", "test_rows"))
    return Table(t.say("classes_caption"), columns, rows, ("left", "right", "right"), look="fold", more=t.say("more"))


def fact_row(view: View, key: str, f: Fact) -> tuple[str, ...]:
    """One fact as texts, by FACTS."""
    t = view.tongue
    value = t.value(plain(f.value, t), f.unit)
    basis = t.say("aside", text=f.basis) if f.basis else ""
    title = f.source.title or (t.word(f"labels.source.{f.source.kind}", f.source.kind))
    return (
        key,
        view.names.input(key),
        value + basis,
        t.word(f"labels.grade.{f.grade}", f.grade),
        f.date or f.source.published or f.source.read or t.number(None),
        title,
        f.source.address or t.number(None),
        f.place or t.number(None),
    )


def run_rows(view: View) -> tuple[tuple[str, ...], ...]:
    """The runs as texts, by RUNS; those that differ only by seed share a row."""
    groups: dict[tuple[str, ...], list[tuple[str, Run]]] = defaultdict(list)
    for name, run in view.assessment.runs.items():
        point = view.names.choice(run.at)
        key = (view.names.candidate(run.candidate), point, origin(run.source.kind), run.source.id, run.metric)
        groups[key].append((name, run))
    return tuple(_group(view, key, runs) for key, runs in sorted(groups.items(), key=lambda kv: _order(kv[1])))


def _order(runs: Sequence[tuple[str, Run]]) -> tuple[str, list[tuple[str, float]], str]:
    run = runs[0][1]
    return run.candidate.id, sorted(run.at.items()), run.source.kind


def _group(view: View, key: tuple[str, ...], runs: list[tuple[str, Run]]) -> tuple[str, ...]:
    t = view.tongue
    values = [r.value for _, r in runs if r.value is not None]
    days = sorted({(r.started or r.source.published or r.source.read)[:10] for _, r in runs} - {""})
    first = runs[0][1]
    return (
        key[0],
        key[1],
        str(len(runs)),
        t.span(t.quality(min(values)), t.quality(max(values))) if values else t.number(None),
        view.names.origin(key[2]),
        t.span(days[0], days[-1]) if days else t.number(None),
        "; ".join(dict.fromkeys(r.hardware for _, r in runs if r.hardware)) or t.number(None),
        first.source.title or t.word(f"labels.source.{first.source.kind}", first.source.kind),
        first.source.address or t.number(None),
        " ".join(sorted(name[:ID_DIGITS] for name, _ in runs)),
    )
