"""`read`: the project file becomes a Project, or Problems that name file, line and key."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from groundsill.project import schema
from groundsill.project.checks import check
from groundsill.project.lines import Lines, index
from groundsill.project.lines import Path as Keys
from groundsill.project.mistakes import of_structure, placed, raise_all
from groundsill.project.numbers import FACT, Entry, candidate_of, entries, user_fact, with_chances
from groundsill.project.starts import unchanged
from groundsill.project.table import TableSpec, table_spec
from groundsill.terms.candidate import Candidate
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Choose

MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Project:
    """What the user wrote, checked. Sections are the frozen models of `project.schema`.

    facts: every number of the user by the name that 0001 gives it (see also `labels.workers`, `labels.per_day`,
    `team.people`, `team.loaded_cost_factor`, `task.target`, `task.confidence`, `use.months`, `fx.<CUR>`).
    references: fact name -> name in the catalogue, for `"fact:..."`. entries: fact name -> the line it came from.
    names: settings that are names. ranks: of the correlations, in order. hash: SHA-256 of the file's bytes. warnings: what
    `check` should mention. raw: the tables as they were written. chances: of risks whose cost stands in the catalogue.
    """

    path: Path
    folder: Path
    hash: str
    file: schema.ProjectFile
    facts: Mapping[str, Fact]
    references: Mapping[str, str]
    names: Mapping[str, str]
    entries: Mapping[str, Entry] = field(default_factory=dict)
    lines: Lines = field(default_factory=lambda: Lines({}))
    warnings: tuple[Problem, ...] = ()
    ranks: tuple[float, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    chances: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def language(self) -> str:
        return self.file.language

    @property
    def task(self) -> schema.Task:
        return self.file.task

    @property
    def data(self) -> schema.Data | None:
        return self.file.data

    @property
    def use(self) -> schema.Use:
        return self.file.use

    @property
    def labels(self) -> schema.Labels | None:
        return self.file.labels

    @property
    def team(self) -> schema.Team:
        return self.file.team

    @property
    def hardware(self) -> schema.Hardware:
        return self.file.hardware

    @property
    def evidence(self) -> schema.Evidence:
        return self.file.evidence

    @property
    def pilot(self) -> schema.Pilot:
        return self.file.pilot

    @property
    def currency(self) -> str:
        return self.file.finance.currency

    @property
    def target(self) -> float:
        return self._exact("task.target")

    @property
    def confidence(self) -> float:
        return self._exact("task.confidence")

    @property
    def months(self) -> int:
        return int(self._exact("use.months"))

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Candidates in the order of the file (without an added `none`)."""
        return tuple(candidate_of(line) for line in self.file.candidate)

    @property
    def spec(self) -> TableSpec | None:
        """What to read the table with; None for a plan without data."""
        return None if self.data is None else table_spec(self.data, self.task.kind)

    @property
    def evidence_runs(self) -> tuple[str, ...]:
        """Files of earlier runs, as written."""
        return self.file.evidence.runs

    def data_paths(self) -> tuple[str, ...]:
        """Every table that the project names, as written."""
        spec = self.spec
        return tuple(p for p in (spec.path, *spec.files.values(), spec.test_file) if p) if spec else ()

    def place(self, path: Keys) -> str:
        """`groundsill.toml:12`, the line of a key or of the nearest thing around it."""
        return f"{self.path.name}:{self.lines.at(path)}"

    def _exact(self, name: str) -> float:
        return _median(self.facts[name])


def _median(fact: Fact) -> float:
    if isinstance(fact.value, (str, Choose)):  # cannot be: these keys take one exact number
        raise Problem("project.not_exact", got=str(fact.value))
    return fact.value.median


def read(path: Path) -> Project:
    """Read and check a project file.

    Raises Problem (exit INVALID) `project.*` or `quantity.*` with `at` = `file:line` and `more["key"]`; where there are
    several mistakes a ProblemList that looks like the first and holds all of them.
    """
    data = _bytes(path)
    text = _text(data, path.name)
    raw = _toml(text, path.name)
    lines = index(text)
    made = checked(path, raw, lines)
    return replace(made, hash=hashlib.sha256(data).hexdigest(), warnings=tuple(unchanged(raw, text, lines, path.name)))


def checked(path: Path, raw: dict[str, Any], lines: Lines) -> Project:
    """A project from its tables; `lines` says where they stand. Raises as `read`."""
    problems: list[Problem] = []
    try:
        file = schema.ProjectFile.model_validate(raw)
    except ValidationError as e:
        file = None
        problems += of_structure(e, lines, path.name)
    facts, references, found, wrong = _numbers(raw, lines, path.name)
    problems += wrong
    if file is None:
        raise_all(problems)
        raise AssertionError("unreachable")
    problems += [placed(p, where, lines, path.name) for where, p in check(file)]
    raise_all(problems)
    ranks = tuple(_median(facts.pop(f"correlation.{i}")) for i in range(len(file.correlation)))
    facts, chances = with_chances(facts, file.risk)
    return Project(
        path, path.resolve().parent, "", file, facts, references, _names(file), found, lines, (), ranks, raw, chances
    )


def _numbers(
    raw: Mapping[str, Any], lines: Lines, file_name: str
) -> tuple[dict[str, Fact], dict[str, str], dict[str, Entry], list[Problem]]:
    facts: dict[str, Fact] = {}
    references: dict[str, str] = {}
    found: dict[str, Entry] = {}
    wrong: list[Problem] = []
    for entry in entries(raw):
        if isinstance(entry, Problem):
            where = entry.more["path"]
            wrong.append(placed(entry, where if isinstance(where, tuple) else (), lines, file_name))
            continue
        found[entry.fact] = entry
        try:
            reference = _reference(entry)
            if reference:
                references[entry.fact] = reference
            else:
                facts[entry.fact] = user_fact(entry, lines, file_name)
        except Problem as p:
            wrong.append(placed(p, entry.path, lines, file_name))
    return facts, references, found, wrong


def _reference(entry: Entry) -> str:
    """Name in the catalogue, "" if a number was written."""
    if not isinstance(entry.raw, str) or not entry.raw.startswith(FACT):
        return ""
    name = entry.raw[len(FACT) :].strip()
    if entry.kind.exact:
        raise Problem("project.no_reference", got=entry.raw)
    if name.count("/") < 2 or not name.isprintable():
        raise Problem("project.bad_reference", got=entry.raw)
    return name


def _names(file: schema.ProjectFile) -> dict[str, str]:
    names = {"team.role": file.team.role, "hardware.owned": "true" if file.hardware.owned else "false"}
    names |= {f"hardware.{k}": v for k, v in (("train", file.hardware.train), ("serve", file.hardware.serve)) if v}
    if file.data is not None and file.data.licence:
        names["data.licence"] = file.data.licence
    if file.finance.terms:
        names["finance.terms"] = file.finance.terms
    names |= {f"acquire_how.{line.name}": line.how for line in file.acquire}
    for key in ("kind", "owner", "mitigation"):
        names |= {f"risk_{key}.{r.name}": getattr(r, key) for r in file.risk if getattr(r, key)}
    return names | {f"risk.{r.name}": r.candidate for r in file.risk}


def _bytes(path: Path) -> bytes:
    name = path.name
    try:
        if path.exists() and not path.is_file():
            raise Problem("project.not_a_file", at=name, got=str(path))
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise Problem("project.no_file", at=name, got=str(path)) from None
    except (OSError, ValueError) as e:
        raise Problem("project.unreadable", at=name, got=getattr(e, "strerror", None) or str(e)) from None
    if len(data) > MAX_BYTES:
        raise Problem("project.too_large", at=name, got=path.stat().st_size, limit=MAX_BYTES)
    return data


def _text(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Problem("project.not_utf8", at=f"{name}:1", got="UTF-16")
    if b"\0" in data:
        raise Problem("project.binary", at=f"{name}:{1 + data.count(10, 0, data.index(0))}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = 1 + data.count(b"\n", 0, e.start)
        raise Problem("project.not_utf8", at=f"{name}:{line}", got=f"0x{data[e.start]:02x}") from None
    return text.replace("\r\n", "\n")


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise Problem("project.not_toml", at=name, got="too deep") from None
    except ValueError as e:  # TOMLDecodeError, and numbers too long for Python
        message = str(e)
        line = re.search(r"\(at line (\d+)", message)
        number = int(line.group(1)) if line else text.count("\n") + 1
        raise Problem("project.not_toml", at=f"{name}:{number}", got=re.sub(r"\s*\(at .*", "", message)) from None
