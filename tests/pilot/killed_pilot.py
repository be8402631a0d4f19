"""A pilot that is meant to be killed: run by test_pilot_killed.py in a process of its own.

It writes to a log, with O_APPEND and one write a line, what it is about to do and what it has done:
`measure CELL`, `measured CELL`, `commit`, `committed`, `appended CELL`.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from fake_bench import CLASSICAL, HEAD, LORA, ZERO, FakeBench, make_inputs

from groundsill.catalogue import ledger as ledgers
from groundsill.pilot import run as pilot
from groundsill.terms.run import Run

STEP_SECONDS = 0.004
COMMIT_SECONDS = 0.002  # before and after the real COMMIT, inside the transaction's call


def main(folder: Path) -> None:
    log = os.open(folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def say(line: str) -> None:
        os.write(log, (line + "\n").encode())

    commit = ledgers._commit

    def slow_commit(connection: sqlite3.Connection) -> None:
        say("commit")
        time.sleep(COMMIT_SECONDS)
        commit(connection)
        time.sleep(COMMIT_SECONDS)
        say("committed")

    append = ledgers.Ledger.append

    def told_append(self: ledgers.Ledger, run: Run, states: Mapping[str, Any] | None = None) -> bool:
        new = append(self, run, states)
        say(f"appended {run.candidate.id} {run.at['labels']:g} {run.seed}")
        return new

    ledgers._commit = slow_commit
    ledgers.Ledger.append = told_append  # type: ignore[method-assign]

    def on_measure(candidate: object, labels: int, seed: int) -> None:
        say(f"measure {candidate.id} {labels:g} {seed}")  # type: ignore[attr-defined]

    bench = FakeBench(sleep=lambda seconds: time.sleep(STEP_SECONDS), noise=0.001, on_measure=on_measure)
    inputs = make_inputs(
        folder, candidates=(CLASSICAL, HEAD, LORA, ZERO), seeds=tuple(range(6)), evidence=folder / "runs.jsonl"
    )
    os.write(1, b"ready\n")
    report = pilot.run(inputs, ledger_folder=folder / ".groundsill", bench=bench)
    os.write(1, f"{len(report.done)}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
