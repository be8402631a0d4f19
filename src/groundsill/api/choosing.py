"""Which base model for this task? Ranked before anything is trained, from what is known and a cheap probe."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundsill.api.analysis import folder_of
from groundsill.api.estimate_types import record
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

if TYPE_CHECKING:
    from groundsill.catalogue.load import Catalogue, Model
    from groundsill.lab.data import Prepared
    from groundsill.lab.models.reading import Reading
    from groundsill.lab.training.choice import Place, Probe

WRITES = ("text-generation", "translation")  # tasks whose answer is written, token by token
PROBED = ("text-classification",)
NORMAL_90 = 1.645
LOOK_ROWS = 1_000  # texts whose language is guessed
FP32_BYTES = 4.0
BATCH_ROWS = 16  # rows of a training step, as the lab's recipe has it
UNSTATED = ""


@dataclass(frozen=True)
class Standing:
    """One base model. kind: encoder, decoder, encoder-decoder or "" where no shape is known. fit: `yes`, `costly` (it can, but
    another kind does it with less work) or `no`, and why as a code. licence, commercial_use, languages: as the catalogue
    states them, "" where it does not. parameters: weights; serve_bytes: fp32 weights and cache of one text; tune_bytes: peak
    of LoRA in fp32 with steps of 16 texts; forward_flops: of one text through the blocks. Measured where the model is here: reading, probe
    (without its row by row answers), place. missing: why there is no probe, None where there is one."""

    model: str
    kind: str
    fit: str
    why: str
    context: int | None
    parameters: float | None
    licence: str
    commercial_use: str
    languages: str
    serve_bytes: float | None
    tune_bytes: float | None
    forward_flops: float | None
    here: bool
    reading: Reading | None
    accuracy: float | None
    stderr: float | None
    logme: float | None
    seconds_per_row: float | None
    place: Place | None
    missing: Problem | None


@dataclass(frozen=True)
class ModelChoice:
    """What `estimate_model` found. standings: probed ones by rank, then the others that fit by size, then what does not fit.
    texts: language -> how many of the texts looked at are in it, most first, as guessed from their letters and commonest
    words. labels, probes: of the probe; chance: share of the largest class among its rows. best, tied: the first and those that
    the probe cannot tell from it, both empty where the best probe is no better than a guess; quickest: of these the one that reads a text fastest."""

    task: str
    table: str
    rows: int
    texts: Mapping[str, int]
    labels: int
    probes: int
    chance: float | None
    standings: tuple[Standing, ...]
    best: str
    tied: tuple[str, ...]
    quickest: str
    notes: tuple[Problem, ...]

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return record(self)


@dataclass
class _Asked:
    """What all models are judged against."""

    task: str
    table: Prepared
    folder: Path
    labels: int
    probes: int
    seed: int
    emit: Emit
    notes: list[Problem] = field(default_factory=list)


def estimate_model(
    path: Path,
    *,
    candidates: Sequence[str] = (),
    text: Sequence[str] = (),
    label: str = "",
    task: str = "text-classification",
    labels: int | None = None,
    probes: int | None = None,
    seed: int = 0,
    emit: Emit = silent,
) -> ModelChoice:
    """Rank base models for the table of a project, or for a table itself (csv, jsonl, parquet).

    candidates: ids of the catalogue and folders of models; none for the project's own and all that are installed. text, label:
    columns of a bare table, guessed where not given. task: of a bare table. labels, probes: the probe's; 0 labels for no
    probe. Only rows of the pool are looked at, never the test set. Raises Problem `choice.not_a_table`,
    `catalogue.unknown_model`, `data.*`, `lab.too_few_to_probe`, `lab.probe_one_class`.
    """
    from groundsill.catalogue.load import Catalogue

    task, table, folder, own = _table(path, text, label, task, emit)
    from groundsill.lab.training import choice  # loads what learns: only once the table is known to be good

    catalogue = Catalogue()
    names = list(dict.fromkeys(candidates)) or list(dict.fromkeys((*own, *_installed(catalogue))))
    if not names:
        raise Problem("choice.no_candidates", at=str(path))
    models = {name: _model(name, catalogue) for name in names}
    asked = _Asked(
        task, table, folder, choice.LABELS if labels is None else labels,
        choice.PROBES if probes is None else probes, seed, emit,
    )  # fmt: skip
    found, seen, chance = _probed(models, asked)
    places = choice.rank({n: p.right for n, p in found.items()}, np.random.default_rng([seed, 1])) if found else {}
    standings = [_standing(n, m, asked, seen.get(n), found.get(n), places.get(n)) for n, m in models.items()]
    standings.sort(key=_order)
    tied = tuple(s.model for s in standings if s.place and s.place.tied)
    top = standings[0]
    lost = top.accuracy is not None and chance is not None and top.accuracy - NORMAL_90 * (top.stderr or 0.0) <= chance
    if lost:  # an order of heads that know nothing is no order
        tied = ()
        asked.notes.append(Problem("choice.at_chance", got=f"{top.accuracy:.3f}", limit=f"{chance:.3f}"))
    other = first_by_logme(standings)
    if other is not None and other != top.model and not lost:
        asked.notes.append(Problem("choice.logme_differs", got=other, limit=top.model))
    speeds = {s.model: s.seconds_per_row or math.inf for s in standings if s.model in tied}
    return ModelChoice(
        task, table.card.path, len(table.pool), _languages(table), next((p.right.shape[1] // len(p.right) for p in found.values()), 0),
        asked.probes if found else 0, chance, tuple(standings), tied[0] if tied else "", tied[1:],
        min(speeds, key=speeds.__getitem__) if speeds else "", tuple(asked.notes),
    )  # fmt: skip


def first_by_logme(standings: Sequence[Standing]) -> str | None:
    """The model with the largest LogME; None where fewer than two have one."""
    known = {s.model: s.logme for s in standings if s.logme is not None and math.isfinite(s.logme)}
    return max(known, key=known.__getitem__) if len(known) > 1 else None


def _table(path: Path, text: Sequence[str], label: str, task: str, emit: Emit) -> tuple[str, Prepared, Path, list[str]]:
    """Task, table, folder for what is kept, and the project's own base models."""
    from groundsill.lab.data import DataSpec, read, sniff

    if path.suffix == ".toml" or path.is_dir():
        from groundsill.pilot.bench import LabBench
        from groundsill.project import file

        project = file.read(path / "groundsill.toml" if path.is_dir() else path)
        if project.spec is None:
            raise Problem("choice.not_a_table", at=str(path), got=path.name)
        folder = folder_of(project)
        own = [c.model for c in project.candidates if c.model and not c.model.startswith("hosted/")]
        return project.task.kind, LabBench(folder / "cache").read(project.spec, project.folder, emit), folder, own
    if not path.is_file():
        raise Problem("choice.not_a_table", at=str(path), got=path.name)
    columns, answer = tuple(text), label
    if not (columns and answer):
        guess = sniff(path)
        columns, answer = columns or (guess.text,), answer or guess.label
        emit(Event("choice.guessed", {"text": ", ".join(columns), "label": answer}))
    spec = DataSpec(str(path.resolve()), columns, answer)
    return task, read(spec, path.resolve().parent, emit), Path.cwd() / ".groundsill", []


def _languages(table: Prepared) -> Mapping[str, int]:
    """Of the texts that the tokenizers are shown, too."""
    from groundsill.lab.data.language import look
    from groundsill.lab.data.split import random_rows

    texts = [*table.pool.texts, *table.pool.seconds]
    return dict(look([texts[i] for i in random_rows(len(texts), min(LOOK_ROWS, len(texts)), 0)]).languages)


def _installed(catalogue: Catalogue) -> list[str]:
    """Models of the catalogue whose package is installed."""
    from importlib.util import find_spec

    wheres = {name: catalogue.model(name).where for name in catalogue.models()}
    return [n for n, where in wheres.items() if where.get("package") and find_spec(where["package"]) is not None]


def _model(name: str, catalogue: Catalogue) -> Model:
    """Of the catalogue, or of a folder."""
    if "/" in name or "\\" in name or name in (".", "..") or Path(name).is_dir():
        from groundsill.catalogue.model_files import read_model

        return replace(read_model(Path(name)), where={"kind": "folder", "folder": str(Path(name).resolve())})
    return catalogue.model(name)


Seen = Mapping[str, "Reading | Problem"]


def _probed(models: Mapping[str, Model], asked: _Asked) -> tuple[dict[str, Probe], Seen, float | None]:
    """Probes and readings of the models that are here, and why there is none of the others; chance of the probe's rows."""
    from groundsill.lab.data import majority
    from groundsill.lab.training import choice

    dealt = None
    if asked.task not in PROBED:
        asked.notes.append(Problem("choice.task_not_probed", got=asked.task, limit=", ".join(PROBED)))
    elif asked.labels:
        dealt = choice.hands(len(asked.table.pool), asked.labels, asked.probes, asked.seed)
        if dealt.shape[1] < asked.labels:
            asked.notes.append(Problem("choice.fewer_labels", got=dealt.shape[1], limit=asked.labels))
    found: dict[str, Probe] = {}
    seen: dict[str, Reading | Problem] = {}
    for name, model in models.items():
        try:
            seen[name], probe = _look(name, model, asked, dealt)
        except Problem as e:
            if e.code == "lab.probe_one_class":
                raise
            seen[name] = e
            continue
        if probe is not None:
            found[name] = probe
    chance = None if dealt is None else majority(asked.table.pool.take(dealt.ravel()).labels)
    return found, seen, chance


def _look(name: str, model: Model, asked: _Asked, dealt: Any) -> tuple[Reading | Problem, Probe | None]:
    """Read and probe one model. Raises Problem where it is not here or cannot be loaded."""
    from groundsill.lab.models import locate, shape_of
    from groundsill.lab.models.reading import reading
    from groundsill.lab.training import choice

    if not model.where:
        raise Problem("choice.not_here", got=name)
    asked.emit(Event("choice.looking", {"model": name}))
    folder = locate(model.where, asked.folder / "cache", asked.emit)
    context, pool = shape_of(folder).context, asked.table.pool
    read = reading(folder, [*pool.texts, *pool.seconds], context)
    if dealt is None or _fit(model.shape, asked.task)[0] == "no":
        return read, None
    work = asked.folder / "work"
    classes = len(asked.table.classes)
    return read, choice.probe(folder, pool, classes, dealt, context=context, work=work, emit=asked.emit)


def _fit(shape: Shape | None, task: str) -> tuple[str, str]:
    """Whether this kind of model can do the task, and why (a code of `choice.fit_*`)."""
    if shape is None or shape.patch_values or not shape.vocabulary:
        return "no", "not_text"
    if task in WRITES:
        return ("no", "cannot_write") if shape.kind == "encoder" else ("yes", "writes")
    if shape.kind == "encoder":
        return "yes", "reads_both_ways"
    return "costly", "reads_one_way" if shape.kind == "decoder" else "half_unused"


def _standing(
    name: str, model: Model, asked: _Asked, seen: Reading | Problem | None, probe: Probe | None, place: Place | None
) -> Standing:
    from groundsill.lab.evaluation.count import forward_flops
    from groundsill.resources import memory

    shape = _body(model.shape, asked.task)
    fit, why = _fit(model.shape, asked.task)
    read = None if isinstance(seen, Problem) else seen
    # as cut for the probe; without one the 95th percentile of the texts, within the context
    width = (probe.longest if probe else min(read.p95, shape.context) if read and shape else None) or None
    tokens = probe.tokens_per_row if probe else read.p50 if read else None
    serve = tune = forward = None
    if shape is not None:
        serve = float(memory.serving_bytes(shape, width or 0.0, 1.0, weight_bytes=FP32_BYTES))
        if tokens:
            forward = forward_flops(model.shape or shape, tokens, 1.0)
        if width and fit != "no":
            tune = _tune_bytes(shape, max(2, len(asked.table.classes)), width * BATCH_ROWS)
    parameters = model.facts.get("parameters")
    counted = None if parameters is None or isinstance(parameters.value, str) else parameters.value.median
    return Standing(
        name, model.shape.kind if model.shape else "", fit, why, shape.context if shape else None,
        counted if counted is not None else float(model.shape.weights) if model.shape else None,
        _stated(model, "licence"), _stated(model, "commercial_use"), _stated(model, "languages"),
        serve, tune, forward, read is not None, read,
        probe.accuracy if probe else None, probe.stderr if probe else None, probe.logme if probe else None,
        probe.seconds_per_row if probe else None, place, seen if isinstance(seen, Problem) else None,
    )  # fmt: skip


def _body(shape: Shape | None, task: str) -> Shape | None:
    """What is loaded to sort texts: a decoder without its output matrix, its logits and its cache."""
    if shape is None or shape.kind != "decoder" or task in WRITES:
        return shape
    return replace(shape, kind="encoder")


def _tune_bytes(shape: Shape, classes: int, batch_tokens: float) -> float:
    from groundsill import tuning
    from groundsill.resources import memory
    from groundsill.terms.shelf import shelf

    trainable = shelf(tuning)["lora"].trainable(shape, classes=classes)
    known = memory.training_bytes(
        shape, method="lora", trainable=trainable, batch_tokens=batch_tokens, precision="fp32"
    )
    return float(known)


def _stated(model: Model, key: str) -> str:
    """A name among the facts of a model, "" where the catalogue has none."""
    fact = model.facts.get(key)
    return fact.value if fact is not None and isinstance(fact.value, str) else UNSTATED


def _order(s: Standing) -> tuple[int, float, str]:
    """Probed ones by rank; then what fits, by size; then what does not fit."""
    if s.place is not None:
        return 0, float(s.place.rank), s.model
    return {"yes": 1, "costly": 2, "no": 3}[s.fit], s.parameters or math.inf, s.model
