"""Formats: a file of any known form becomes a stream of (line number, values of the wanted columns)."""

from __future__ import annotations

import codecs
import csv
import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from groundsill.terms.problem import Problem

Rows = Iterator[tuple[int, tuple[object, ...]]]
GIANT_CHARACTERS = 1_000_000
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    **dict.fromkeys((".conll", ".bio", ".iob"), "conll"),
}
WORDS, TAGS = "words", "tags"  # names of the columns of a file with one word a line
# First bytes of files that people give a wrong name (file signatures as published by each format).
MAGIC = (
    (b"PAR1", "parquet"),
    (b"\x89PNG", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF8", "GIF image"),
    (b"%PDF", "PDF document"),
    (b"PK\x03\x04", "ZIP archive or Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "old Office document"),
    (b"\x1f\x8b", "gzip archive"),
    (b"BZh", "bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "zstd archive"),
    (b"SQLite format 3", "SQLite database"),
    (b"\x7fELF", "program"),
    (b"\x80\x04\x95", "pickle"),
    (b"\x80\x05\x95", "pickle"),
)
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def form_of(path: Path, at: str = "") -> str:
    """`csv`, `tsv`, `jsonl`, `parquet` or `conll`, by name and by content, which must agree.

    Raises Problem `data.unknown_form`, `data.empty_file`, `data.not_what_it_says`.
    """
    suffixes = [s.lower() for s in path.suffixes[-2:]]
    form = next((SUFFIXES[s] for s in reversed(suffixes) if s in SUFFIXES), None)
    if form is None:
        raise Problem("data.unknown_form", at=at or str(path), got=path.name, limit=", ".join(sorted(SUFFIXES)))
    seen = content_of(path, at)
    if seen != ("parquet" if form == "parquet" else "text"):
        raise Problem("data.not_what_it_says", at=at or str(path), got=seen, limit=form)
    return form


def content_of(path: Path, at: str = "") -> str:
    """What the first bytes say: `text`, `parquet`, or the name of something else. Raises Problem `data.empty_file`."""
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.strip():
        raise Problem("data.empty_file", at=at or str(path))
    for magic, name in MAGIC:
        if head.startswith(magic):
            return name
    wide = any(head.startswith(bom) for bom, _ in BOMS)
    return "binary file" if b"\0" in head and not wide else "text"


def encoding_of(path: Path, at: str = "") -> str:
    """`utf-8-sig`, `utf-16` (only with its mark) or `gb18030`, the first that reads the whole file.

    A file in another 8-bit code may pass for GB18030; `read` therefore tells when it fell back to it.

    Raises Problem `data.encoding` with the line of the first byte that is not UTF-8.
    """
    with path.open("rb") as file:
        head = file.read(4)
    marked = next((name for bom, name in BOMS if head.startswith(bom)), None)
    first = marked or "utf-8-sig"
    line = _bad_line(path, first)
    if line is None:
        return first
    if marked is None and _bad_line(path, "gb18030") is None:
        return "gb18030"
    raise Problem("data.encoding", at=at or str(path), got=line, limit="UTF-8, GB18030")


def _bad_line(path: Path, encoding: str) -> int | None:
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 20):
                line += decoder.decode(block).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as e:
            return line + e.object[: e.start].count(b"\n")
    return None


def columns_of(path: Path, at: str = "") -> tuple[str, ...]:
    """Names of the columns (for jsonl: the keys of the first 100 lines)."""
    form = form_of(path, at)
    if form == "parquet":
        return tuple(_parquet(path, at).schema_arrow.names)
    if form == "conll":
        return (WORDS, TAGS)
    if form == "jsonl":
        keys: dict[str, None] = {}
        for number, (_, row) in enumerate(_json_lines(path, at)):
            keys.update(dict.fromkeys(row))
            if number >= 100:
                break
        return tuple(keys)
    with path.open(encoding=encoding_of(path, at), newline="") as file:
        header = file.readline()
    return tuple(_header(header, _delimiter(header, form, ()), at))


def table_rows(path: Path, wanted: Sequence[str], at: str = "") -> Rows:
    """(line number, values of `wanted`) of every row; a value that is absent is None.

    Raises Problem `data.missing_column`, `data.bad_line`, `data.giant_field`, `data.encoding`, `data.bad_file`,
    `data.no_pyarrow` and those of `form_of`.
    """
    at = at or str(path)
    form = form_of(path, at)
    readers: dict[str, Callable[..., Rows]] = {"jsonl": _jsonl_rows, "parquet": _parquet_rows, "conll": _conll_rows}
    rows = readers[form](path, wanted, at) if form in readers else _csv_rows(path, wanted, at, form)
    for line, values in rows:
        for value in values:
            if isinstance(value, str) and len(value) > GIANT_CHARACTERS:
                raise Problem("data.giant_field", at=f"{at}:{line}", got=len(value), limit=GIANT_CHARACTERS)
        yield line, values


def line_rows(path: Path, at: str = "") -> Iterator[tuple[int, str]]:
    """(line number, line) of a plain text file. Raises Problem `data.empty_file`, `data.not_what_it_says`, ..."""
    at = at or str(path)
    seen = content_of(path, at)
    if seen != "text":
        raise Problem("data.not_what_it_says", at=at, got=seen, limit="text")
    with path.open(encoding=encoding_of(path, at)) as file:
        yield from enumerate(file, 1)


def require(name: str, columns: Sequence[str], at: str) -> None:
    """Raises Problem `data.missing_column`, with the nearest names, unless `name` is one of `columns`."""
    if name not in columns:
        fold = {c.casefold(): c for c in columns}
        near = [fold[c] for c in difflib.get_close_matches(name.casefold(), list(fold), n=3, cutoff=0.4)]
        raise Problem("data.missing_column", at=at, got=name, limit=", ".join(columns), near=", ".join(near) or "-")


def _header(line: str, delimiter: str, at: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    twice = sorted({n for n in names if n and names.count(n) > 1})
    if twice:
        raise Problem("data.double_column", at=f"{at}:1", got=", ".join(twice))
    return names


def _delimiter(header: str, form: str, wanted: Sequence[str]) -> str:
    if form == "tsv":
        return "\t"

    def fit(delimiter: str) -> tuple[int, int]:
        names = [n.strip() for n in next(csv.reader([header], delimiter=delimiter), [])]
        return sum(w in names for w in wanted), len(names)

    return max(",;\t|", key=fit)


def _csv_rows(path: Path, wanted: Sequence[str], at: str, form: str) -> Rows:
    before = csv.field_size_limit(GIANT_CHARACTERS)
    try:
        with path.open(encoding=encoding_of(path, at), newline="") as file:
            header = file.readline()
            delimiter = _delimiter(header, form, wanted)
            names = _header(header, delimiter, at)
            for name in wanted:
                require(name, names, at)
            at_column = [names.index(name) for name in wanted]
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            while True:
                line = reader.line_num + 2  # the header is line 1, and a row may span several lines
                try:
                    row = next(reader)
                except StopIteration:
                    return
                except csv.Error as e:
                    code = "data.giant_field" if "field larger" in str(e) else "data.bad_line"
                    raise Problem(code, at=f"{at}:{line}", got=str(e), limit=GIANT_CHARACTERS) from e
                if not row:
                    continue
                if len(row) != len(names):
                    raise Problem("data.bad_line", at=f"{at}:{line}", got=f"{len(row)} fields", limit=len(names))
                yield line, tuple(row[i] for i in at_column)
    finally:
        csv.field_size_limit(before)


def _json_lines(path: Path, at: str) -> Iterator[tuple[int, dict[str, object]]]:
    with path.open(encoding=encoding_of(path, at)) as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                row = json.loads(text)
            except (ValueError, RecursionError) as e:
                raise Problem("data.bad_line", at=f"{at}:{line}", got=str(e), limit="JSON") from e
            if not isinstance(row, dict):
                raise Problem("data.bad_line", at=f"{at}:{line}", got=type(row).__name__, limit="{...}")
            yield line, row


def _jsonl_rows(path: Path, wanted: Sequence[str], at: str) -> Rows:
    keys: dict[str, None] = {}
    for line, row in _json_lines(path, at):
        keys.update(dict.fromkeys(row))
        yield line, tuple(row.get(name) for name in wanted)
    for name in wanted:
        require(name, tuple(keys), at)


def _conll_rows(path: Path, wanted: Sequence[str], at: str) -> Rows:
    """One word a line with its tag last, sentences parted by empty lines (Tjong Kim Sang and De Meulder 2003, CoNLL)."""
    for name in wanted:
        require(name, (WORDS, TAGS), at)
    columns: dict[str, list[str]] = {WORDS: [], TAGS: []}
    begin = 0
    with path.open(encoding=encoding_of(path, at)) as file:
        for line, text in enumerate(chain(file, ("\n",)), 1):
            parts = text.split()
            if parts and parts[0] != "-DOCSTART-":
                if len(parts) < 2:
                    raise Problem("data.bad_line", at=f"{at}:{line}", got=f"{len(parts)} fields", limit="2")
                begin = begin or line
                columns[WORDS].append(parts[0])
                columns[TAGS].append(parts[-1])
            elif begin:
                yield begin, tuple(list(columns[name]) for name in wanted)
                begin, columns = 0, {WORDS: [], TAGS: []}


def _parquet(path: Path, at: str) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as e:
        raise Problem("data.no_pyarrow", at=at, got=path.name) from e
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as e:
        raise Problem("data.bad_file", at=at, got=str(e).splitlines()[0][:200]) from e


def _parquet_rows(path: Path, wanted: Sequence[str], at: str) -> Rows:
    file, number = _parquet(path, at), 0
    import pyarrow as pa

    for name in wanted:
        require(name, file.schema_arrow.names, at)
    try:
        for batch in file.iter_batches(batch_size=4096, columns=list(wanted)):
            for values in zip(*(batch.column(name).to_pylist() for name in wanted), strict=True):
                number += 1
                yield number, values
    except (pa.ArrowException, OSError) as e:
        raise Problem("data.bad_file", at=at, got=str(e).splitlines()[0][:200]) from e
