"""Reading: from a DataSpec to a Prepared table with its Card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from groundsill.lab.data import apart, formats, rows, split
from groundsill.lab.data.clean import Heap, tidy
from groundsill.lab.data.place import file_hash, resolve
from groundsill.lab.data.spec import FORMS, DataSpec, Prepared, Split
from groundsill.terms.card import Card
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Problem

FEWEST_ROWS = 50  # a third of these is a test set of 16, whose standard error is already .12
DISTINCT_SHARE = 0.5


def read(spec: DataSpec, base: Path, emit: Emit = silent) -> Prepared:
    """Read, clean and split the table of `spec`; relative paths start at `base`.

    Duplicates are removed before splitting, so no test row was trained on. Labels of equal texts: the most frequent.
    Raises Problem `data.*`; see words for the list.
    """
    _check(spec)
    heap, paths = _read_files(spec, base, emit)
    _check_rows(heap, spec)
    test, kind, more = _test_rows(spec, base, heap, emit)
    if spec.near:
        more = apart.leave_out_near(heap, test[0], more, spec.near)
    counts = rows.units(spec.form, heap.labels) + rows.units(spec.form, test[1] if kind == "file" else ())
    names = sorted(counts)
    number = {name: i for i, name in enumerate(names)}
    _check_classes(counts, len(heap.texts) + (len(test[0]) if kind == "file" else 0), spec)
    chosen = set() if kind == "file" else set(more)
    pool_rows = [i for i in range(len(heap.texts)) if i not in chosen]
    pool = rows.split_of(spec.form, [heap.texts[i] for i in pool_rows], [heap.labels[i] for i in pool_rows], number)
    tested = rows.split_of(spec.form, *test, number)
    _check_sides(pool, tested, spec.name, names, emit)
    card = _card(spec, paths, heap, pool, tested, test, counts, kind)
    return Prepared(card, pool, tested, tuple(names))


def _check(spec: DataSpec) -> None:
    if bool(spec.path) == bool(spec.files):
        raise Problem("data.path_or_files", at="data", got=spec.name or "-")
    if spec.path and not (spec.text and spec.label):
        raise Problem("data.columns_not_named", at="data", got=spec.path)
    columns = {"pair": 2, "words": 1}.get(spec.form)
    if spec.form not in FORMS or (spec.form != "class" and spec.files):
        raise Problem("data.bad_form", at="data", got=spec.form, limit=", ".join(FORMS))
    if columns and len(spec.text) != columns:
        raise Problem("data.columns_of_form", at="data", got=len(spec.text), limit=columns, form=spec.form)
    if spec.label in spec.text:
        raise Problem("data.label_is_text", at="data", got=spec.label)
    if bool(spec.test_after) != bool(spec.test_column) or (
        (spec.test_after or spec.group) and (spec.test_file or spec.files or (spec.test_after and spec.group))
    ):
        raise Problem("data.test_unclear", at="data", got=spec.test_after or spec.test_column or spec.group)
    if spec.test_rows < 0:
        raise Problem("data.negative_test_rows", at="data", got=spec.test_rows)


def _read_files(spec: DataSpec, base: Path, emit: Emit) -> tuple[Heap, list[Path]]:
    heap = Heap()
    if spec.path:
        path = resolve(spec.path, base)
        _read_table(heap, path, spec, spec.test_column or spec.group, spec.path, emit)
        paths = [path]
    else:
        paths = [resolve(place, base) for place in spec.files.values()]
        for (label, place), path in zip(spec.files.items(), paths, strict=True):
            for line, text in formats.line_rows(path, place):
                if len(text) > formats.GIANT_CHARACTERS:
                    limit = formats.GIANT_CHARACTERS
                    raise Problem("data.giant_field", at=f"{place}:{line}", got=len(text), limit=limit)
                heap.add(tidy(text), label)
            _tell_encoding(path, place, emit)
    heap.settle()
    return heap, paths


def _read_table(heap: Heap, path: Path, spec: DataSpec, mark: str, at: str, emit: Emit) -> None:
    wanted = [*spec.text, spec.label, *([mark] if mark else [])]
    texts = len(spec.text)
    for line, values in formats.table_rows(path, wanted, at):
        text, label = rows.packed(spec.form, values[: texts + 1], f"{at}:{line}")
        heap.add(text, label, tidy(values[-1], f"{at}:{line}") if mark else "")
    _tell_encoding(path, at, emit)


def _tell_encoding(path: Path, at: str, emit: Emit) -> None:
    if formats.content_of(path, at) == "text" and (encoding := formats.encoding_of(path, at)) == "gb18030":
        emit(Event("data.read_as", {"path": at, "encoding": encoding}))


def _check_rows(heap: Heap, spec: DataSpec) -> None:
    at = spec.name
    if not heap.rows:
        raise Problem("data.empty_file", at=at)
    if not heap.texts:
        code = "data.no_text" if heap.dropped["empty_text"] else "data.no_label"
        raise Problem(code, at=at, got=heap.rows)
    distinct, count = len(set(heap.labels)), len(heap.labels)
    if spec.form in ("class", "pair") and distinct > DISTINCT_SHARE * count and distinct > 2:
        raise Problem("data.label_not_a_class", at=at, got=distinct, limit=count, example=heap.labels[0][:40])
    if spec.form == "target" and distinct == 1:
        raise Problem("data.one_class", at=at, got=heap.labels[0][:40])


def _check_classes(counts: Counter[str], count: int, spec: DataSpec) -> None:
    at = spec.name
    if len(counts) == 1:
        raise Problem("data.one_class", at=at, got=next(iter(counts)))
    if count < FEWEST_ROWS:
        raise Problem("data.too_few_rows", at=at, got=count, limit=FEWEST_ROWS)
    once = sorted(name for name, times in counts.items() if times == 1)
    if once and spec.form != "words":  # a tag that is met once among thousands of words does no harm
        raise Problem("data.class_once", at=at, got=", ".join(once[:10]), limit=2, count=len(once))


def _check_sides(pool: Split, test: Split, at: str, names: Sequence[str], emit: Emit) -> None:
    if not len(pool) or not len(test):
        raise Problem("data.side_empty", at=at, got=len(pool), limit=len(test))
    if pool.form != "target" and len(np.unique(pool.labels)) == 1:
        raise Problem("data.one_class", at=at, got=names[int(pool.labels[0])])
    unseen = sorted(set(test.labels.tolist()) - set(pool.labels.tolist()))
    if unseen:
        emit(Event("data.class_only_in_test", {"classes": ", ".join(names[i] for i in unseen)}))


Rows = tuple[list[str], list[str]]


def _test_rows(spec: DataSpec, base: Path, heap: Heap, emit: Emit) -> tuple[Rows, str, list[int]]:
    """The test set's texts and labels, its kind, and (unless it is a file) its row numbers in `heap`."""
    if spec.test_file:
        own = Heap()
        _read_table(own, resolve(spec.test_file, base), spec, "", spec.test_file, emit)
        own.settle()
        if not own.texts:
            raise Problem("data.no_text", at=spec.test_file, got=own.rows)
        heap.remove(own.place, "also_in_test")
        rows = split.random_rows(len(own.texts), min(spec.test_rows or len(own.texts), len(own.texts)), spec.seed)
        return ([own.texts[i] for i in rows], [own.labels[i] for i in rows]), "file", []
    if spec.test_after:
        late = np.flatnonzero(split.rows_after(heap.marks, spec.test_after, spec.test_column, spec.name))
        rows = late[split.random_rows(len(late), min(spec.test_rows or len(late), len(late)), spec.seed)]
        surplus = set(late.tolist()) - set(rows.tolist())  # later than the split, so never to be trained on either
        kept = [i for i in range(len(heap.texts)) if i not in surplus]
        heap.texts, heap.labels = [heap.texts[i] for i in kept], [heap.labels[i] for i in kept]
        heap.dropped["after_date_unused"] += len(surplus)
        rows = np.searchsorted(np.array(kept), rows)
        kind = "date"
    else:
        total = len(heap.texts)
        count = min(spec.test_rows or total // 3, total // 3)
        rows = (
            apart.group_rows(heap.marks, count, spec.seed) if spec.group else split.random_rows(total, count, spec.seed)
        )
        kind = "group" if spec.group else "random"
    numbers = rows.tolist()
    return ([heap.texts[i] for i in numbers], [heap.labels[i] for i in numbers]), kind, numbers


def _card(
    spec: DataSpec,
    paths: list[Path],
    heap: Heap,
    pool: Split,
    test: Split,
    rows_of_test: Rows,
    counts: Counter[str],
    kind: str,
) -> Card:
    names = sorted(counts)
    lengths = np.array([len(t) for t in heap.texts])
    return Card(
        path=spec.name,
        file_hash=file_hash(*paths),
        data_hash=split.identity(heap.texts, heap.labels),
        rows=len(pool) + len(test),
        pool_rows=len(pool),
        test_rows=len(test),
        test_id=split.identity(*rows_of_test)[:16],
        test_kind=kind,
        chance=split.majority(test.labels) if spec.form in ("class", "pair") else 0.0,
        classes={name: counts[name] for name in names},
        test_classes={name: int((test.labels == i).sum()) for i, name in enumerate(names)},
        dropped={why: n for why, n in sorted(heap.dropped.items()) if n},
        characters={
            "p50": float(np.quantile(lengths, 0.5)),
            "p95": float(np.quantile(lengths, 0.95)),
            "max": float(lengths.max()),
        },
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )
