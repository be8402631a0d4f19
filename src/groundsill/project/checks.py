"""Checks of a project file that look at more than one key."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from importlib import util
from itertools import pairwise

from groundsill.project.kinds import Kind, ends_of, read_number
from groundsill.project.lines import Path
from groundsill.project.mistakes import nearest
from groundsill.project.numbers import candidate_of
from groundsill.project.proposals import ValueLine
from groundsill.project.schema import CandidateLine, Data, ProjectFile
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import CURRENCIES

_CLASSES, _TEXTS = ("accuracy", "macro-f1"), ("chrf", "bleu", "rouge-l", "exact-match")
METRICS = {
    "text-classification": _CLASSES,
    "sentence-pair": _CLASSES,
    "token-classification": ("entity-f1", "accuracy"),
    "text-generation": _TEXTS,
    "translation": _TEXTS,
}
_MODEL_NEEDED = ("prompt", "tune", "continue")

Found = Iterator[tuple[Path, Problem]]


def check(file: ProjectFile) -> Found:
    """Every mistake between keys, with the path where it is shown."""
    yield from _names(file)
    if file.data is not None:
        yield from _data(file.data)
    yield from _money(file)
    yield from _candidates(file)
    yield from _risks(file)
    yield from _acquired(file)
    yield from _values(file)
    rungs = file.pilot.rungs
    if not rungs or any(r < 1 for r in rungs) or any(a >= b for a, b in pairwise(rungs)):
        yield ("pilot", "rungs"), Problem("project.bad_rungs", got=str(list(rungs)))


def _names(file: ProjectFile) -> Found:
    for path, text in ((("name",), file.name), (("team", "role"), file.team.role)):
        if not text.strip() or len(text) > 100 or not text.isprintable():
            yield path, Problem("project.bad_name", got=ascii(text[:100]))
    known = METRICS.get(file.task.kind)
    if known is not None and file.task.metric not in known:
        yield ("task", "metric"), Problem("project.unknown_metric", got=file.task.metric, limit=", ".join(known))
    if file.evidence.average and file.task.kind == "score-average" and file.evidence.average != file.task.metric:
        yield (
            ("evidence", "average"),
            Problem("project.other_average", got=file.evidence.average, limit=file.task.metric),
        )


def _data(data: Data) -> Found:
    table, files = bool(data.path or data.text or data.label), bool(data.files)
    if table == files or (table and not (data.path and data.text and data.label)):
        missing = [k for k in ("path", "text", "label") if not getattr(data, k)]
        yield ("data",), Problem("project.bad_data", got=", ".join(missing) if table and not files else "")
    elif files and len(data.files) < 2:
        yield ("data", "files"), Problem("project.one_class", got=", ".join(data.files))
    test = data.test
    if test is None:
        return
    if (
        not (test.rows is not None or test.file or test.column or test.group)
        or sum(map(bool, (test.file, test.column, test.group))) > 1
        or bool(test.column) != bool(test.after)
    ):
        yield ("data", "test"), Problem("project.bad_test", got=", ".join(sorted(test.model_fields_set)))
    if test.after:
        try:
            datetime.datetime.fromisoformat(test.after)
        except ValueError:
            yield ("data", "test", "after"), Problem("project.bad_date", got=test.after)


def _money(file: ProjectFile) -> Found:
    if file.finance.currency not in CURRENCIES:
        limit = ", ".join(sorted(CURRENCIES))
        yield ("finance", "currency"), Problem("project.unknown_currency", got=file.finance.currency, limit=limit)
    if (file.use.value_per_right, file.use.savings_per_month, file.market.price_per_request) == (None, None, None):
        yield ("use",), Problem("project.no_benefit")
    twice = [k for k in file.hardware.price if f"accelerator:{k}" in file.prices]
    twice += ["labels"] if "labels" in file.prices and file.labels is not None and file.labels.price is not None else []
    twice += [file.team.role] if file.team.wage is not None and f"staff:{file.team.role}" in file.prices else []
    for name in twice:
        yield ("prices",), Problem("project.given_twice", got=name)


def _candidates(file: ProjectFile) -> Found:
    if not file.candidate:
        yield ("candidate",), Problem("project.missing_section", got="candidate")
    seen: set[str] = set()
    for i, line in enumerate(file.candidate):
        name = candidate_of(line).id
        if name in seen:
            yield ("candidate", i), Problem("project.duplicate_candidate", got=name)
        seen.add(name)
        allowed = methods(line.route)
        if line.method not in allowed:
            limit = ", ".join(m for m in allowed if m) or "-"
            yield (
                ("candidate", i, "method"),
                Problem("project.unknown_method", got=line.method or '""', limit=limit, route=line.route),
            )
        if line.route in _MODEL_NEEDED and not line.model:
            yield ("candidate", i), Problem("project.missing_key", got="model")
        yield from _strings(line, i)


def _strings(line: CandidateLine, i: int) -> Found:
    for key in ("method", "model", "accelerator", "serve"):
        text = getattr(line, key)
        if text and (not text.isprintable() or any(c.isspace() for c in text) or len(text) > 200):
            yield ("candidate", i, key), Problem("project.bad_name", got=ascii(text[:100]))


def methods(route: str) -> tuple[str, ...]:
    """Methods that a route knows: for tuning what stands on its shelf (`prompt_tuning` is written `prompt-tuning`)."""
    if route in ("tune", "continue"):
        if util.find_spec("groundsill.tuning") is None:
            return ()
        from groundsill import tuning
        from groundsill.terms.shelf import names

        return tuple(n.rstrip("_").replace("_", "-") for n in names(tuning))
    return {
        "none": ("",),
        "classical": ("", "tfidf-logistic", "window-logistic"),
        "prompt": ("zero-shot", "few-shot"),
        "pretrain": ("", "dense"),
    }[route]


def _risks(file: ProjectFile) -> Found:
    ids, seen = [candidate_of(c).id for c in file.candidate], set[str]()
    for i, risk in enumerate(file.risk):
        if risk.name in seen or not risk.name.strip() or not risk.name.isprintable():
            yield ("risk", i, "name"), Problem("project.bad_name", got=ascii(risk.name[:100]))
        seen.add(risk.name)
        for key in ("owner", "mitigation"):
            if not (text := getattr(risk, key)).isprintable() or len(text) > 200:
                yield ("risk", i, key), Problem("project.bad_name", got=ascii(text[:100]))
        yield from _risk(file, i)
        if risk.candidate and risk.candidate not in ids:
            yield (
                ("risk", i, "candidate"),
                Problem("project.unknown_candidate", got=risk.candidate, limit=nearest(risk.candidate, ids)),
            )


def _risk(file: ProjectFile, i: int) -> Found:
    """Keys of one risk that need or exclude one another."""
    risk = file.risk[i]
    if (risk.chance is None) == (risk.per_year is None):
        yield ("risk", i), Problem("project.chance_or_per_year", got=risk.name)
    if risk.turnover_share is not None and file.finance.turnover_per_year is None:
        yield (
            ("risk", i, "turnover_share"),
            Problem("project.needs_other", got="turnover_share", limit="turnover_per_year"),
        )
    effects = (risk.mitigation_cost, risk.mitigation_effect, risk.mitigation_severity)
    if risk.mitigated and all(e is None for e in effects):
        limit = "mitigation_cost, mitigation_effect, mitigation_severity"
        yield ("risk", i, "mitigated"), Problem("project.needs_other", got="mitigated", limit=limit)


def _values(file: ProjectFile) -> Found:
    """What is weighed beside money: a range, a source, a score for each candidate; weights that leave room for money."""
    ids = [candidate_of(c).id for c in file.candidate]
    wanted = [*ids, *(["none"] if "none" not in ids else [])]
    seen, most = set[str](), 0.0
    for i, line in enumerate(file.value):
        path: Path = ("value", i)
        if line.name in seen or not line.name.strip() or not line.name.isprintable() or len(line.name) > 100:
            yield (*path, "name"), Problem("project.bad_name", got=ascii(line.name[:100]))
        seen.add(line.name)
        if not line.source.strip():
            yield path, Problem("project.value_no_source", got=line.name)
        yield from _scores(line, wanted, path)
        ends = _ends(line.weight)
        if ends is not None and ends[0] == ends[1]:
            yield (*path, "weight"), Problem("project.value_no_range", got=line.name)
        most += ends[1] if ends is not None else 0.0
    if most > 1:
        yield ("value",), Problem("project.value_weights", got=f"{most:g}")


def _scores(line: ValueLine, wanted: list[str], path: Path) -> Found:
    for name in line.score:
        if name not in wanted:
            limit = nearest(name, wanted)
            yield (*path, "score", name), Problem("project.unknown_candidate", got=name, limit=limit)
    missing = [name for name in wanted if name not in line.score]
    if missing:
        yield (*path, "score"), Problem("project.value_no_score", got=line.name, limit=", ".join(missing))


def _ends(raw: object) -> tuple[float, float] | None:
    """Lowest and highest weight; None where it is no number (which is told elsewhere) or stands in the catalogue."""
    try:
        value, unit = read_number(raw, Kind(("",), "", "", high=1.0))
    except Problem:
        return None
    factor = 0.01 if unit == "%" else 1.0
    return min(ends_of(value)) * factor, max(ends_of(value)) * factor


def _acquired(file: ProjectFile) -> Found:
    seen = set[str]()
    for i, line in enumerate(file.acquire):
        if line.name in seen or not line.name.strip() or not line.name.isprintable() or len(line.name) > 100:
            yield ("acquire", i, "name"), Problem("project.bad_name", got=ascii(line.name[:100]))
        seen.add(line.name)
