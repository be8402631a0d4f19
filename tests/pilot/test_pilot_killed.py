"""SIGKILL at random milliseconds, inside a step and inside a commit, loses and repeats nothing."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot import evidence

KILLS = 20
SCRIPT = Path(__file__).with_name("killed_pilot.py")


def killed_after(folder: Path, lines: int, seconds: float) -> bool:
    """Start the pilot and kill it `seconds` after it has logged so many lines; whether it was killed before its end.

    The wait for lines makes the test independent of how busy the machine is; the milliseconds are still chance.
    """
    log = folder / "log"
    before = log.stat().st_size if log.exists() else 0
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        while child.poll() is None and (lines > _lines_after(log, before)):
            time.sleep(0.001)
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        _, errors = child.communicate()
    assert child.returncode in (0, -signal.SIGKILL), errors.decode()
    return child.returncode != 0


def _lines_after(log: Path, start: int) -> int:
    if not log.exists():
        return 0
    with log.open("rb") as handle:
        handle.seek(start)
        return handle.read().count(b"\n")


def stored(folder: Path) -> set[str]:
    """Cells in the ledger, which must be readable after any kill."""
    runs = Ledger(folder / ".groundsill").runs()
    cells = [f"{r.candidate.id} {r.at['labels']:g} {r.seed}" for r in runs]
    assert len(set(cells)) == len(cells)
    return set(cells)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_at_twenty_random_milliseconds(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    log = tmp_path / "log"
    kept: set[str] = set()
    inside = {"measure": 0, "commit": 0}
    kills = 0
    while kills < KILLS:
        already = len(log.read_text().splitlines()) if log.exists() else 0
        if not killed_after(tmp_path, chance.randrange(16), chance.uniform(0.0, 0.012)):
            break
        kills += 1
        now = stored(tmp_path)
        assert kept <= now, "a committed run is lost"
        lines = log.read_text().splitlines() if log.exists() else []
        again = {line.removeprefix("measure ") for line in lines[already:] if line.startswith("measure ")} & kept
        assert not again, f"measured again: {again}"
        told = {line.removeprefix("appended ") for line in lines if line.startswith("appended ")}
        assert told <= now, "an append that returned is lost"
        last = lines[-1].split()[0] if lines else ""
        if last in inside:
            inside[last] += 1
        kept = now
    assert kills == KILLS, f"the pilot finished after {kills} kills: it must be longer"
    assert inside["measure"] >= 2 and inside["commit"] >= 2, inside

    before = len(log.read_text().splitlines())
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path)], capture_output=True, text=True, check=True)
    total = int(done.stdout.split()[1])
    assert len(stored(tmp_path)) == total == 2 * 5 * 6 + 7 * 6 + 1  # every cell, each once
    measured = [line for line in log.read_text().splitlines()[before:] if line.startswith("measure ")]
    assert not {line.removeprefix("measure ") for line in measured} & kept
    assert len(evidence.read(tmp_path / "runs.jsonl")) == total
    connection = sqlite3.connect(tmp_path / ".groundsill" / "ledger.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    litter = {p.name for p in (tmp_path / ".groundsill").iterdir() if p.suffix != ".part"}  # a minute later they go too
    assert litter <= {
        "ledger.sqlite",
        "ledger.sqlite-wal",
        "ledger.sqlite-shm",
        "ledger.lock",
        "card.json",
        "table.json",
    }
