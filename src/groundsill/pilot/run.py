"""Running a pilot: read, probe, plan, measure, record. The only writer of runs.

Every run is in the ledger, synced to disk, before the next one starts; a pilot that is killed goes on where it was.
The clock is a monotonic one and is passed in, so that tests can use a virtual one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot import evidence
from groundsill.pilot.calibrate import Pace, prompt_rows, speeds
from groundsill.pilot.inputs import Bench, Inputs, Table
from groundsill.pilot.ladder import (
    FIRST_SEEDS,
    LEAST_PROMPT_ROWS,
    Cell,
    Plan,
    Skipped,
    cells,
    fit_rungs,
    kind,
    plan,
    rungs_of,
)
from groundsill.pilot.outcome import PilotReport, chosen, key_of, problems, ready
from groundsill.pilot.table import card, clear_leftovers, fingerprints, keep, known, stamp
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import Run

__all__ = ["PilotReport", "card", "record", "run"]
JUDGED_SECONDS = 5.0  # a candidate whose remaining cells take less is not judged: fitting would take as long
NOISY = 0.015  # relative standard error of a rung's error rate above which one more seed is worth it
MORE_SHARE = 0.1  # of the budget, for seeds that the noise asks for


def run(
    inputs: Inputs,
    *,
    ledger_folder: Path,
    budget_seconds: float | None = None,
    bench: Bench | None = None,
    emit: Emit = silent,
    plan_only: bool = False,
    full: bool = False,
    only: Sequence[str] = (),
    today: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> PilotReport:
    """Measure the candidates of a project within a budget of time.

    full, or no budget: the whole ladder, whatever it takes, with no candidate dropped; its runs are also put into
    `inputs.evidence`. plan_only: probe and plan, measure nothing. only: candidate ids, or their beginnings
    (`tune/lora`). A pilot that has run to its end returns at once while data, settings and versions are the same.

    Raises Problem `pilot.unknown_candidate`, `pilot.nothing_to_measure`, `pilot.budget_too_small`,
    `pilot.interrupted` (Ctrl-C; exit RESUMABLE), those of the data, the ledger and, if every candidate failed, of the
    first that did.
    """
    start = clock()
    budget = None if full else budget_seconds
    if bench is None:
        from groundsill.pilot.bench import LabBench

        bench = LabBench(ledger_folder / "cache")
    candidates = chosen(inputs, only)
    files = fingerprints(bench.files(inputs.spec, inputs.base), known(ledger_folder))
    ledger = Ledger(ledger_folder)
    key = key_of(inputs, candidates, files, bench, budget)
    if not plan_only:
        before = ready(ledger, ledger_folder, inputs, files, key)
        if before is not None:
            emit(Event("pilot.nothing_new", {"runs": len(before.done)}))
            return replace(before, seconds=clock() - start)
    with ledger.lock():
        session = _Session(inputs, candidates, ledger, bench, budget, emit, key, start, clock, today)
        try:
            return session.go(files, plan_only)
        except KeyboardInterrupt as e:
            left = session.remaining_seconds
            raise Problem(
                "pilot.interrupted", got=len(session.fresh), remaining_seconds=left, exit=Exit.RESUMABLE
            ) from e


def record(ledger: Ledger, runs: Iterable[Run]) -> int:
    """Put runs that were made elsewhere into the ledger; returns how many are new. Raises Problem `ledger.locked`."""
    with ledger.lock():
        return ledger.extend(runs)


@dataclass
class _Session:
    inputs: Inputs
    candidates: tuple[Candidate, ...]
    ledger: Ledger
    bench: Bench
    budget_seconds: float | None
    emit: Emit
    key: str
    start: float
    clock: Callable[[], float]
    today: str
    spent_before: float = 0.0
    remaining_seconds: float = 0.0
    fresh: list[str] = field(default_factory=list)
    runs: dict[Cell, Run] = field(default_factory=dict)
    walls: dict[Cell, float] = field(default_factory=dict)
    dropped: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[Candidate, Problem] = field(default_factory=dict)
    extras: tuple[Cell, ...] = ()

    # ---- the steps

    def go(self, files: Mapping[str, Mapping[str, Any]], plan_only: bool) -> PilotReport:
        clear_leftovers(self.ledger.folder)
        self.table: Table = self.bench.read(self.inputs.spec, self.inputs.base, self.emit)
        self.card = keep(self.table, self.inputs.spec, files, self.ledger.folder, self.emit)
        self._restore()
        self._prepare()
        first = self._plan()
        if not first.order and not self.runs:
            self._nothing_fits()
        self.emit(
            Event("pilot.planned", {"cells": len(first.order), "seconds": first.seconds, "reused": len(self.runs)})
        )
        if plan_only:
            return self._report(first, first)
        last = self._climb(first)
        self.extras = self._noisy()
        last = self._climb(replace(self._plan(), skipped=last.skipped)) if self.extras else last
        return self._finish(first, last)

    def _climb(self, now: Plan) -> Plan:
        """Measure until nothing more fits. The plan is made anew after each cell, with what was learnt from it."""
        self._progress(now)
        while now.order:
            cell = now.order[0]
            self._measure(cell)
            now = self._plan()
            if not any((c.candidate, c.labels) == (cell.candidate, cell.labels) for c in now.order):
                now = self._plan() if self._judge(now) else now
            self._progress(now, cell)
        return now

    def _restore(self) -> None:
        """What earlier sessions did, killed ones included."""
        for stored in self.ledger.runs():
            cell = self._cell_of(stored)
            if cell is not None:
                self.runs[cell] = stored
        self.mark = stamp(self.card.data_hash, self.inputs.hardware, dict(self.bench.versions()))
        self.walls = {Cell.of(c): s for c, s in self.ledger.state(f"pilot.walls.{self.mark}") or ()}
        self.spent_before = (self.ledger.state("pilot.spent") or {}).get(self.key, 0.0)
        names = {c.id for c in self.candidates}
        stored_dropped = self.ledger.state("dropped") or {}
        self.dropped = {
            name: entry for name, entry in stored_dropped.items() if name not in names or entry.get("key") == self.key
        }
        if self.dropped != stored_dropped:
            self.ledger.set_state("dropped", self.dropped)

    def _prepare(self) -> None:
        from groundsill.pilot.advice import Adviser
        from groundsill.pilot.dropping import Judge

        measurable = [c for c in self.candidates if kind(c) != "nothing"]
        if not measurable:
            raise Problem("pilot.nothing_to_measure", got=", ".join(c.id for c in self.candidates) or "-")
        rungs = fit_rungs(self.inputs.rungs, self.card.pool_rows)
        found = speeds(
            measurable, self.table, self.inputs, ledger=self.ledger, bench=self.bench, work=self._work(),
            emit=self.emit, failed=self._failed,
        )  # fmt: skip
        if not found:
            raise next(iter(self.failures.values()))
        self.ladder = cells(found, rungs, self.inputs.seeds, self.inputs.shots_of)
        rows = {
            c: prompt_rows(s, self.inputs, self.budget_seconds, self.card.test_rows)
            for c, s in found.items()
            if kind(c) == "prompt"
        }
        ladders = {c: tuple(r for r in rungs_of(c, rungs) if r <= self.card.pool_rows) for c in found}
        self.pace = Pace(found, ladders, rows, self.card.test_rows, self.inputs.seeds[0], self.bench.rows_seen)
        for cell, seconds in self.walls.items():
            if cell.candidate in found:
                self.pace.note(cell, seconds)
        self.judge = Judge(self.inputs, self.card)
        self.adviser = Adviser(self.inputs, self.card)

    def _plan(self) -> Plan:
        out = {c.id for c in self.candidates if c.id in self.dropped}
        shut = tuple(
            Skipped(c, "pilot.skipped_dropped") for c in self.ladder if c.candidate.id in out and c not in self.runs
        )
        closed = {s.cell for s in shut}
        open_cells = [c for c in (*self.ladder, *self.extras) if c not in closed]
        done = frozenset(self.runs)
        if self.budget_seconds is None:
            order = tuple(c for c in open_cells if c not in done)
            return Plan(order, shut, tuple(self.pace.seconds(c) for c in order))
        room = self.budget_seconds - self._spent()
        rungs = {c: r for c, r in self.pace.ladders.items() if c.id not in out}
        found = plan(
            open_cells, self.pace.seconds, room, done, self.inputs.seeds[:FIRST_SEEDS],
            lambda: self.adviser.worth(self._by_candidate(), rungs),
        )  # fmt: skip
        return replace(found, skipped=found.skipped + shut)

    def _by_candidate(self) -> dict[Candidate, list[Run]]:
        return {c: [r for cell, r in self.runs.items() if cell.candidate == c] for c in self.candidates}

    def _measure(self, cell: Cell) -> None:
        before = self.clock()
        try:
            made = self.bench.measure(
                cell.candidate, self.table, self.inputs, labels=cell.labels, seed=cell.seed,
                rows=self.pace.rows.get(cell.candidate, 0), work=self._work(), emit=self.emit,
            )  # fmt: skip
        except Problem as problem:
            if problem.exit == Exit.RESUMABLE:
                raise
            self._failed(cell.candidate, problem)
            return
        if self._cell_of(made) != cell:
            raise Problem("pilot.wrong_run", at=cell.candidate.id, got=made.id, limit=str(cell), exit=Exit.INTERNAL)
        seconds = self.clock() - before
        self.walls[cell] = seconds
        self.pace.note(cell, seconds)
        states = {
            f"pilot.walls.{self.mark}": [[c.record(), s] for c, s in self.walls.items()],
            "pilot.spent": {self.key: self._spent()},
        }
        self.ledger.append(made, states)
        self.runs[cell] = made
        self.fresh.append(made.id)

    def _judge(self, now: Plan) -> bool:
        """Drop what can no longer win; True if anything was dropped."""
        if self.budget_seconds is None:
            return False
        left: dict[Candidate, float] = {}
        for cell in now.order:
            left[cell.candidate] = left.get(cell.candidate, 0.0) + self.pace.seconds(cell)
        by_candidate = self._by_candidate()
        found = False
        for candidate, seconds in left.items():
            if seconds < JUDGED_SECONDS or kind(candidate) == "prompt":
                continue
            verdict = self.judge.verdict(candidate, by_candidate, self.pace.ladders[candidate][0])
            if verdict is not None:
                found = True
                self._drop(candidate, verdict.code, verdict.values)
        return found

    def _noisy(self, planned_seconds: float = 0.0) -> tuple[Cell, ...]:
        """One or two more seeds at rungs whose mean is noisy, the cheapest first, within their share of the budget."""
        if self.budget_seconds is None:
            room = MORE_SHARE * (self._spent() + planned_seconds)
        else:
            room = min(MORE_SHARE * self.budget_seconds, self.budget_seconds - self._spent() - planned_seconds)
        wanted: list[Cell] = []
        for candidate, labels in dict.fromkeys((c.candidate, c.labels) for c in self.ladder):
            values = [r.value for c, r in self.runs.items() if (c.candidate, c.labels) == (candidate, labels)]
            scores = [v for v in values if v is not None]
            if kind(candidate) == "prompt" or candidate.id in self.dropped or not len(self.inputs.seeds) <= len(scores):
                continue
            if len(scores) > 1 and _relative_error(scores) > NOISY:
                wanted += [Cell(candidate, labels, max(self.inputs.seeds) + more) for more in (1, 2)]
        taken: list[Cell] = []
        for cell in sorted(wanted, key=self.pace.seconds):
            seconds = self.pace.seconds(cell)
            if cell not in self.runs and seconds <= room:
                room -= seconds
                taken.append(cell)
        return tuple(taken)

    def _finish(self, first: Plan, last: Plan) -> PilotReport:
        report = self._report(first, last)
        states: dict[str, Any] = {"pilot.spent": {}}
        if not self.failures:
            states[f"pilot.finished.{self.key}"] = {
                "runs": [r.id for r in report.done],
                "skipped": [[s.cell.record(), s.reason] for s in report.skipped],
                "made": self.today,
            }
        self.ledger.extend((), states)
        if self.budget_seconds is None and self.inputs.evidence is not None:
            evidence.refresh([evidence.shipped(r) for r in report.done], self.inputs.evidence)
        self.emit(
            Event(
                "pilot.finished", {"fresh": len(report.fresh), "reused": len(report.reused), "seconds": report.seconds}
            )
        )
        return report

    # ---- helpers

    def _report(self, first: Plan, last: Plan) -> PilotReport:
        mine = {c.id for c in self.candidates}
        done = tuple(self.runs[c] for c in dict.fromkeys((*self.ladder, *self.runs)) if c in self.runs)
        return PilotReport(
            card=self.card,
            done=done,
            fresh=tuple(self.fresh),
            reused=tuple(r.id for r in done if r.id not in self.fresh),
            dropped=problems({k: v for k, v in self.dropped.items() if k in mine}),
            skipped=last.skipped,
            seconds=self.clock() - self.start,
            plan=first,
        )

    def _spent(self) -> float:
        return self.spent_before + self.clock() - self.start

    def _work(self) -> Path:
        return self.ledger.folder / "work"

    def _progress(self, now: Plan, cell: Cell | None = None) -> None:
        likely = () if self.extras else self._noisy(now.seconds)
        left = self.remaining_seconds = now.seconds + sum(self.pace.seconds(c) for c in likely)
        spent = self._spent()
        values: dict[str, object] = {
            "done": spent, "total": spent + left, "remaining_seconds": left,
            "cells_done": len(self.runs), "cells_total": len(self.runs) + len(now.order),
            "next": now.order[0].candidate.id if now.order else "",
        }  # fmt: skip
        if cell is not None:
            made = self.runs.get(cell)
            values |= {"candidate": cell.candidate.id, "labels": cell.labels, "seed": cell.seed}
            values["value"] = made.value if made else None
        self.emit(Event("pilot.progress", values))

    def _failed(self, candidate: Candidate, problem: Problem) -> None:
        self.failures[candidate] = problem
        values = {k: v if isinstance(v, (int, float)) else str(v) for k, v in problem.values().items()}
        self.emit(Event("pilot.candidate_failed", {"candidate": candidate.id, "code": problem.code, **values}))
        self._drop(candidate, problem.code, values, tell=False)

    def _drop(self, candidate: Candidate, code: str, values: Mapping[str, Any], tell: bool = True) -> None:
        # a failure is tried again by the next call, so it carries no key; a verdict holds while the key is the same
        entry = {"code": code, "values": dict(values), "key": self.key if tell else ""}
        self.dropped[candidate.id] = entry
        self.ledger.set_state("dropped", self.dropped)
        if tell:
            self.emit(Event(code, values))

    def _cell_of(self, made: Run) -> Cell | None:
        """The cell that a run of the ledger is the answer to, None if it is no answer in this pilot."""
        same = (made.data_hash, made.metric, made.source.kind) == (self.card.data_hash, self.inputs.metric, "measured")
        if not same or made.candidate not in self.candidates:
            return None
        if kind(made.candidate) == "prompt":
            least = min(self.inputs.prompt_rows, self.card.test_rows)
            least = least if self.budget_seconds is None else min(least, LEAST_PROMPT_ROWS)
            if (made.test_rows or 0) < least:
                return None
            return Cell(made.candidate, self.inputs.shots_of(made.candidate), self.inputs.seeds[0])
        if made.test_id != self.card.test_id or made.seed is None or "labels" not in made.at:
            return None
        return Cell(made.candidate, int(made.at["labels"]), made.seed)

    def _nothing_fits(self) -> None:
        if self.failures and not self.ladder:
            raise next(iter(self.failures.values()))
        least = min(self.pace.seconds(c) for c in self.ladder)
        raise Problem("pilot.budget_too_small", got=self.budget_seconds, limit=least, exit=Exit.USAGE)


def _relative_error(scores: Sequence[float]) -> float:
    """Standard error of the mean of `scores` over the error rate that they leave."""
    mean = sum(scores) / len(scores)
    variance = sum((s - mean) ** 2 for s in scores) / (len(scores) - 1)
    return float((variance / len(scores)) ** 0.5 / max(1.0 - mean, 1e-9))
