"""Each candidate as the case knows it: its runs, its choices, its gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from groundsill.project.case import Entrant
from groundsill.project.facts import HOSTED, Binder, decisions, rebound
from groundsill.project.schema import Data
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.fact import Fact
from groundsill.terms.forecast import Choice
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly
from groundsill.terms.run import CALIBRATION, Run
from groundsill.terms.shape import Shape
from groundsill.terms.source import Source

FAR = 32  # times the largest measured rung: as far as a label curve is read (see scaling, `scaling.too_far`)
GRID = 9  # choices of labels that are compared at most
NONE = Candidate("none")


class Evidence(NamedTuple):
    """Runs that count, how many were set aside, by reason, and all that tell time or memory of a machine."""

    runs: tuple[Run, ...]
    aside: Mapping[str, int]
    timed: tuple[Run, ...] = ()


def matching(runs: Iterable[Run], *, task: str, metric: str, card: Card | None) -> Evidence:
    """Runs on this table and metric; the first of several on the same cell counts (pass own runs first).

    Without a card, the pair of table and test set that most runs share is taken. A prompt is measured on a part of the
    test set that has an id of its own, so only its table is compared. An imported run that does not say on which rows
    it was made counts (reason `unnamed`, which is told but not set aside).
    """
    found, seen, runs = [], set[tuple[object, ...]](), tuple(runs)
    aside: Counter[str] = Counter()
    pool = [r for r in runs if (r.value is not None or r.measures) and r.task != CALIBRATION]
    data_hash, test_id = (card.data_hash, card.test_id) if card else _usual(pool)
    for run in pool:
        once = run.seed if run.seed is not None else (run.value, run.started)
        cell = (run.candidate.id, tuple(sorted(run.at.items())), once, run.data_hash, run.test_id, run.metric)
        if cell in seen:
            continue
        seen.add(cell)
        why = _differs(run, task, metric, data_hash, test_id)
        aside.update([why] if why else [])
        if why in ("", "unnamed"):
            found.append(run)
    return Evidence(tuple(found), aside, tuple(r for r in runs if r.measures and r.hardware))


def _differs(run: Run, task: str, metric: str, data_hash: str, test_id: str) -> str:
    imported = run.source.kind == "imported"
    if run.task and run.task != task:
        return "task"
    if run.metric != metric:
        return "metric"
    if run.data_hash != data_hash and not (imported and not run.data_hash):
        return "data"
    if run.test_id == test_id or (run.candidate.route == "prompt" and run.data_hash):
        return ""
    return "unnamed" if imported and not run.test_id else "test"


def _usual(runs: Sequence[Run]) -> tuple[str, str]:
    pairs = Counter((r.data_hash, r.test_id) for r in runs if r.data_hash)
    return max(pairs, key=lambda p: (pairs[p], p), default=("", ""))


def label_grid(smallest: float, largest: float, limit: float) -> tuple[float, ...]:
    """Label counts to compare: doubling from the smallest rung to the lesser of 32 times the largest and `limit`,
    which is the last; at most nine, thinned evenly."""
    end = min(FAR * largest, limit)
    grid = [smallest]
    while grid[-1] * 2 < end:
        grid.append(grid[-1] * 2)
    if end > grid[-1]:
        grid.append(float(int(end)))
    elif end < smallest:
        grid = [float(int(end))]
    if len(grid) <= GRID:
        return tuple(grid)
    places = {round(i * (len(grid) - 1) / (GRID - 1)) for i in range(GRID)}
    return tuple(grid[i] for i in sorted(places))


def choices_of(candidate: Candidate, runs: Sequence[Run], b: Binder) -> tuple[Choice, ...]:
    """The decisions open to a candidate, `({},)` if there are none."""
    axes: dict[str, tuple[float, ...]] = {}
    rungs = [r.at["labels"] for r in runs if r.value is not None and r.at.get("labels", 0) > 0]
    if candidate.route in ("classical", "tune", "continue") and rungs:
        limit = b.facts.get("labels.limit")
        most = limit.value.median if limit is not None and not isinstance(limit.value, str) else float("inf")
        axes["labels"] = label_grid(min(rungs), max(rungs), most)
    axes |= decisions(b.facts, f"candidate.{candidate.id}.")
    return tuple(dict(zip(axes, values, strict=True)) for values in product(*axes.values()))


def anchor_of(metric: str, card: Card | None, runs: Sequence[Run]) -> Anchor:
    """Chance from the test set of the card, else from the runs' own; None if nobody says."""
    if card is not None:
        return Anchor(metric, chance=_chance_of_card(metric, card))
    told = Counter(r.chance for r in runs if r.chance is not None)
    if not told:
        return Anchor(metric)
    value = max(told, key=lambda c: (told[c], c))
    run = next(r for r in runs if r.chance == value)
    fact = Fact("anchor.chance", Exactly(value), "", run.source, "reported", place=f"run: {run.id}")
    return Anchor(metric, chance=fact)


def _chance_of_card(metric: str, card: Card) -> Fact:
    source = Source(id=f"data:{card.data_hash[:16]}", kind="measured", title=card.path)
    if metric == "macro-f1":
        # guessing each class at its own rate gives precision = recall = F1 = its share; their mean is 1 / classes
        value, note = (
            1 / max(1, sum(n > 0 for n in card.test_classes.values())),
            "mean F1 of guessing at the classes' rates",
        )
    else:
        value, note = card.chance, "share of the largest class of the test set"
    return Fact("anchor.chance", Exactly(value), "", source, "measured", date=card.made, place=card.path, note=note)


def gate(candidate: Candidate, b: Binder, at: str) -> Problem | None:
    """What shuts a candidate before any money is counted: data that may not leave, licences that forbid the use."""
    data, commercial = b.project.data, b.project.use.commercial
    hosted = candidate.model.startswith(HOSTED)
    if hosted and data is not None and not data.may_leave:
        return Problem("project.data_may_not_leave", at=b.project.place(("data", "may_leave")), got=candidate.id)
    if commercial and data is not None and forbids_profit(data) and _takes_in_data(candidate):
        place = b.project.place(("data", "commercial_use"))
        return Problem("project.data_licence_forbids", at=place, got=data.licence or "-", candidate=candidate.id)
    told = b.facts.get(f"model.{candidate.model}.commercial_use")
    if commercial and told is not None and told.value == "no":
        licence = b.facts.get(f"model.{candidate.model}.licence")
        return Problem(
            "project.model_licence_forbids", at=at, got=licence.value if licence else "-", model=candidate.model
        )
    return None


def forbids_profit(data: Data) -> bool:
    """Whether the licence of the data forbids use for profit: as the user says, else by an `NC` in its SPDX name."""
    if data.commercial_use is not None:
        return not data.commercial_use
    return "NC" in data.licence.upper().split("-")


def _takes_in_data(candidate: Candidate) -> bool:
    """Whether rows of the data become part of what is sold: trained on, or shown in every prompt."""
    return candidate.route in ("classical", "tune", "continue") or candidate.method == "few-shot"


def model_facts(b: Binder, candidate: Candidate, path: tuple[str | int, ...]) -> Shape | None:
    """Bind licence and size of the base model; its shape. Warns where the licence sets conditions."""
    model = candidate.model
    if not model or model.startswith(HOSTED):
        return None
    try:
        found = b.catalogue.model(model)
    except Problem as p:
        b.wrong(p, path)
        return None
    for key in ("licence", "commercial_use", "parameters"):
        if key in found.facts:
            name = f"model.{model}.{key}"
            b.facts[name] = rebound(found.facts[key], name, f"models/{model}/{key}")
    told = found.facts.get("commercial_use")
    if told is not None and told.value == "conditions" and b.project.use.commercial:
        licence = found.facts.get("licence")
        warning = Problem(
            "project.licence_conditions",
            at=b.project.place(path),
            got=licence.value if licence else "-",
            model=model,
            note=told.note.removeprefix("conditions: "),
        )
        if all((w.code, w.more.get("model")) != (warning.code, model) for w in b.warnings):
            b.warnings.append(warning)
    return found.shape


def settings_of(b: Binder, i: int, candidate: Candidate) -> dict[str, str]:
    """Accelerators that train and answer: the candidate's own, else those of [hardware]."""
    line, hardware = b.project.file.candidate[i], b.project.hardware
    if candidate.route == "none" or candidate.model.startswith(HOSTED):
        return {}
    train = line.accelerator or hardware.train
    serve = line.serve or hardware.serve or train
    if not train:
        b.wrong(Problem("project.missing_key", got="train"), ("hardware",))
        return {}
    return {"accelerator": train, "serve": serve}


def entrant(
    b: Binder,
    i: int,
    candidate: Candidate,
    evidence: Sequence[Run],
    published: Sequence[Run],
    card: Card | None,
    dropped: Problem | None,
) -> Entrant:
    """One `[[candidate]]`. Raises nothing: what is wrong is kept in the binder."""
    path = ("candidate", i)
    shape = model_facts(b, candidate, (*path, "model"))
    own = tuple(r for r in evidence if r.candidate.id == candidate.id)
    told = tuple(r for r in published if _tells_of(r, candidate))
    runs = own + tuple(r for r in told if r.id not in {o.id for o in own})
    if candidate.route == "none":
        return Entrant(candidate, ({},), anchor_of(b.project.task.metric, card, runs))
    return Entrant(
        candidate,
        choices_of(candidate, runs, b),
        anchor_of(b.project.task.metric, card, runs or published),
        runs,
        shape,
        settings_of(b, i, candidate),
        gate(candidate, b, b.project.place((*path, "model"))),
        dropped,
    )


def _tells_of(run: Run, candidate: Candidate) -> bool:
    """A published run is evidence on a candidate with its route and model; any pretraining tells of a new one."""
    if run.value is None or run.candidate.route != candidate.route:
        return False
    return candidate.route == "pretrain" or run.candidate.model == candidate.model
