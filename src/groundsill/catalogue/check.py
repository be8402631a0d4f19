"""Every fact and run of the catalogue, held against the rules. A test and `groundsill catalogue check` call it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

from groundsill.catalogue.load import HERE, RUNS, Catalogue
from groundsill.catalogue.parse import RUN_FILE_KEYS, fact_of, fact_tables, fault, keys, run_of, source_of, sources_of
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import KWH, Exactly, Pert, Range, ThreePoint
from groundsill.terms.run import Run

# Bounds that catch a slip of the pen (a wrong power of ten, TB for GB), not statements about the world. SI units.
PLAUSIBLE: tuple[tuple[str, float, float], ...] = (
    (r"accelerators/(?!cpu).*/peak_flops_per_s\..*", 1e12, 2e16),  # 1.5e16 in fp4 is the most today (GB300)
    (r"accelerators/cpu.*/peak_flops_per_s\..*", 1e10, 2e13),
    (r"accelerators/.*/memory_bytes", 1e9, 1e12),
    (r"accelerators/.*/memory_bytes_per_s", 1e9, 1e14),
    (r"accelerators/.*/power_w", 1.0, 2000.0),
    (r"accelerators/.*/node_size", 1.0, 10_000.0),
    (r"accelerators/.*/(link|network|host)_bytes_per_s", 1e9, 2e12),
    (r"models/.*/parameters", 1e6, 1e13),
    (r"sites/.*pue.*", 1.0, 3.0),
    (r"grid/.*", 0.0, 2.0 / KWH),
    (r"sites/.*/utilisation.*", 0.01, 1.0),
    (r"sites/.*/grid_kgco2_per_kwh\..*", 0.0, 2.0 / KWH),
    (r"wages/loaded-cost/.*", 1.0, 2.0),
    (r"wages/(?!loaded-cost).*", 1e3 / 3.2e7, 1e7 / 3.2e7),
    (r"effort/.*", 0.0, 3e9),
)
BALANCE = (20.0, 2000.0)  # peak FLOP/s over memory bytes/s; 26 (Apple M1 Max) to 560 (TPU v6e) among those we list
PEAKS = ("bf16", "fp16", "tf32", "fp32", "fp8", "fp4", "int8")
ACCELERATOR_NEEDS = ("family", "memory_bytes")
ACCELERATOR_KEYS = {
    *ACCELERATOR_NEEDS, "memory_bytes_per_s", "power_w", "node_size", "link_bytes_per_s", "network_bytes_per_s",
    "host_bytes_per_s",
    *(f"peak_flops_per_s.{p}" for p in PEAKS),
}  # fmt: skip
WEIGHTS_TOLERANCE = 0.01
EFFORT_SPREAD = 4.0  # judged staff work is never known better than P90/P10 = 4
SCORE_TOLERANCE = 5e-5
UTILISATION = (0.10, 0.70)  # 6 N D / (accelerator seconds x dense peak) of a pretraining run


def check(root: Path = HERE) -> list[Problem]:
    """All faults of the catalogue under `root`; empty if there is none. Raises nothing."""
    catalogue = Catalogue(root)
    seen: dict[str, str] = {}
    steps = [_file(catalogue, folder, stem) for folder in catalogue.folders() for stem in catalogue.stems(folder)]
    steps += [_accelerator(catalogue, id) for id in catalogue.accelerators()]
    steps += [_model(catalogue, id) for id in catalogue.models()]
    steps += [_runs(catalogue, stem, seen) for stem in catalogue.stems(RUNS)]
    # a broken file stops every step that reads it: say each fault once
    return list({(p.code, p.at, str(p.got)): p for step in steps for p in _caught(step)}.values())


def stale(today: date, root: Path = HERE) -> list[Problem]:
    """A warning `catalogue.price_expired` for each fact of the catalogue past its shelf life on `today`."""
    catalogue, found = Catalogue(root), []
    for name in catalogue.names():
        fact = catalogue.fact(name)
        if fact.expired(today):
            found.append(fault("price_expired", name, fact.date, fact.shelf_life_days))
    return found


def _caught(step: Iterator[Problem]) -> Iterator[Problem]:
    """What `step` yields, and then what stopped it."""
    try:
        yield from step
    except Problem as e:
        yield e


def _file(catalogue: Catalogue, folder: str, stem: str) -> Iterator[Problem]:
    raw, place = catalogue.raw(folder, stem), f"{folder}/{stem}.toml"
    sources = sources_of(raw, folder, place)
    for id in sources:
        yield from _one(partial(source_of, id, sources, place))
    used = set()
    for path, table in fact_tables(raw):
        used.add(table.get("source"))
        try:
            fact = fact_of(f"{folder}/{stem}/{path}", table, sources, f"{place} {path}")
        except Problem as e:
            yield e
            continue
        yield from _rules(fact, folder, f"{place} {path}")
    if unused := sorted(set(sources) - used):
        yield fault("unused_source", place, ", ".join(unused))


def _one(step: Callable[[], object]) -> Iterator[Problem]:
    try:
        step()
    except Problem as e:
        yield e


def _rules(fact: Fact, folder: str, at: str) -> Iterator[Problem]:
    """Rules that one fact alone can break."""
    if isinstance(fact.value, str):
        return
    if folder == "prices" and fact.shelf_life_days is None:
        yield fault("no_shelf_life", at, fact.name)
    if folder in ("prices", "wages") and not fact.currency and fact.unit != "":
        yield fault("no_currency", at, fact.unit)
    low, high = ends(fact)
    for pattern, least, most in PLAUSIBLE:
        if re.fullmatch(pattern, fact.name) and not least <= low * fact.si_factor <= high * fact.si_factor <= most:
            yield fault("implausible", at, f"{low:g} to {high:g} {fact.unit}".strip(), f"{least:g} to {most:g} (SI)")
    if folder == "effort":
        wide = isinstance(fact.value, ThreePoint) and fact.value.p90 >= EFFORT_SPREAD * fact.value.p10
        if fact.grade == "judged" and high > 0 and not wide:
            yield fault("too_narrow", at, f"{low:g} to {high:g}", EFFORT_SPREAD)


def ends(fact: Fact) -> tuple[float, float]:
    """Lowest and highest number that a fact states, in its own unit."""
    value = fact.value
    if isinstance(value, Exactly):
        return value.value, value.value
    if isinstance(value, ThreePoint):
        return value.p10, value.p90
    if isinstance(value, (Range, Pert)):
        return value.low, value.high
    raise fault("bad_value", fact.name, str(value))


def _accelerator(catalogue: Catalogue, id: str) -> Iterator[Problem]:
    facts, at = catalogue.accelerator(id), f"accelerators/{id}.toml"
    yield from _one(partial(keys, facts, {*ACCELERATOR_KEYS, "peak_flops_per_s"}, ACCELERATOR_NEEDS, at))
    if "peak_flops_per_s" in facts and "memory_bytes_per_s" in facts:
        peak, speed = (facts[k] for k in ("peak_flops_per_s", "memory_bytes_per_s"))
        ratio = ends(peak)[0] * peak.si_factor / (ends(speed)[0] * speed.si_factor)
        if not BALANCE[0] <= ratio <= BALANCE[1]:
            yield fault("implausible", at, f"{ratio:.3g} FLOP/B", f"{BALANCE[0]} to {BALANCE[1]}")


def _model(catalogue: Catalogue, id: str) -> Iterator[Problem]:
    model, at = catalogue.model(id), f"models/{id}.toml"
    if missing := [k for k in ("licence", "commercial_use", "parameters") if k not in model.facts]:
        yield fault("missing_key", at, ", ".join(missing), "licence, commercial_use, parameters")
        return
    use = model.facts["commercial_use"].value
    if use not in ("yes", "no", "conditions"):
        yield fault("bad_value", f"{at} commercial_use", use)
    published = ends(model.facts["parameters"])[0]
    made = model.shape or model.network
    if made and abs(made.weights - published) > WEIGHTS_TOLERANCE * published:
        yield fault("weights_differ", at, made.weights, published)
    needed = {"package-folder": "folder", "package-gguf": "file", "package-e5s1": "file"}
    if model.where:
        kind = model.where.get("kind", "")
        if kind not in needed:
            yield fault("bad_kind", f"{at} where", kind, ", ".join(needed))
        else:
            asked = {"kind", "package", needed[kind], "distribution", "version"}
            yield from _one(partial(keys, model.where, asked, tuple(sorted(asked)), f"{at} where"))


def _runs(catalogue: Catalogue, stem: str, seen: dict[str, str]) -> Iterator[Problem]:
    raw, place = catalogue.raw(RUNS, stem), f"{RUNS}/{stem}.toml"
    keys(raw, RUN_FILE_KEYS, ("source", "run"), place)
    sources = sources_of(raw, RUNS, place)
    used = set()
    for at, table in catalogue.run_tables(stem):
        used.add(table.get("source"))
        try:
            run = run_of(table, sources, at)
        except Problem as e:
            yield e.located(at)
            continue
        if run.id in seen:
            yield fault("same_run", at, run.candidate.id, seen[run.id])
        seen[run.id] = at
        yield from _run(catalogue, run, at)
    if unused := sorted(set(sources) - used):
        yield fault("unused_source", place, ", ".join(unused))


def _run(catalogue: Catalogue, run: Run, at: str) -> Iterator[Problem]:
    """Rules that one run alone can break."""
    if run.value is not None:
        if not 0 <= run.value <= 1 or run.chance is None or run.stderr is None:
            yield fault("bad_run", at, f"value {run.value}, chance {run.chance}, stderr {run.stderr}")
        if run.scores and abs(run.value - sum(run.scores.values()) / len(run.scores)) > SCORE_TOLERANCE:
            yield fault("score_mean", at, run.value, sum(run.scores.values()) / len(run.scores))
    elif not run.measures:
        yield fault("bad_run", at, "neither a value nor a measure")
    if run.hardware and run.hardware not in catalogue.accelerators():
        yield fault("unknown_accelerator", at, run.hardware, near=", ".join(catalogue.accelerators()))
    elif run.task == "pretraining" and "accelerator_seconds" in run.measures:
        peak = catalogue.accelerator(run.hardware)["peak_flops_per_s"]
        work = 6 * run.at["parameters"] * run.at["tokens"]
        share = work / (run.measures["accelerator_seconds"] * ends(peak)[0] * peak.si_factor)
        if not UTILISATION[0] <= share <= UTILISATION[1]:
            yield fault("implausible", at, f"{share:.2f}", f"{UTILISATION[0]} to {UTILISATION[1]}")
