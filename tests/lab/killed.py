"""Killed at random instants: `python killed.py FOLDER SEED`. A child trains and saves after every step; the parent kills it
again and again until one comes to the end. Prints the kills, and the weights' hash beside that of a training in peace.

The parent forks and never computes before it has: a copy of a process with torch's threads running would hang."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).parent))

import torch
import torch._dynamo  # which the first optimiser loads: once here, not in every child
from training_toys import Net, flat, train

from groundsill.lab.training.checkpoint import Saving
from groundsill.lab.training.settings import Settings
from groundsill.lab.training.watch import Best


def run(folder: Path | None, out: Path) -> None:
    """One training; the hash of its weights is written to `out` when it is through."""
    saving = Saving(folder, every_steps=1) if folder else None
    net, own = Net(), Settings(average="ema", accumulate=2)
    best = Best(lambda net: float(net.head.bias.sum()), 0)
    seen = train(net, own, saving=saving, best=best, epochs=8)
    digest = hashlib.sha256(flat(net).numpy().tobytes() + repr((seen.loss_first, seen.loss_last, seen.looks)).encode())
    out.write_text(digest.hexdigest())


def child(folder: Path | None, out: Path) -> int:
    """Fork; the copy trains and ends."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            torch.set_num_threads(1)
            run(folder, out)
            code = 0
        finally:
            os._exit(code)
    return pid


def main() -> None:
    folder, chance = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
    peace = folder / "peace"
    begin = time.monotonic()
    assert os.waitpid(child(None, peace), 0)[1] == 0
    pace = time.monotonic() - begin
    kills, out = 0, folder / "out"
    while True:
        pid = child(folder / "run", out)
        time.sleep(chance.uniform(0.05, 0.7) * pace)
        os.kill(pid, signal.SIGKILL) if kills < 60 else None
        status = os.waitpid(pid, 0)[1]
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0, "the training failed"
            break
        kills += 1
    sys.stdout.write(f"{kills} {out.read_text() == peace.read_text()}\n")


if __name__ == "__main__":
    main()
