"""Checkpoints: whole or not at all, bit for bit, and nothing damaged, foreign or pickled is ever loaded."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from groundsill.lab.training.checkpoint import ABOUT, STATE, WEIGHTS, Saving
from groundsill.lab.training.settings import Settings
from groundsill.terms.event import Event
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.shelf import shelf

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def toys() -> Any:
    from tests.lab import training_toys

    return training_toys


def cut(folder: Path, at: int, settings: Settings | None = None, **more: Any) -> None:
    """A training that ends early, with checkpoints after every step."""
    toys().train(toys().Net(), settings, saving=Saving(folder, every_steps=1), most_steps=at, **more)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize(
    "settings",
    [Settings(), Settings(optimiser="sgd", schedule="cosine"), Settings(average="swa", batch_tokens=64),
     Settings(adversarial=0.02, accumulate=2)],
)  # fmt: skip
def test_a_training_that_was_cut_short_ends_with_the_same_bits(settings: Settings, tmp_path: Path) -> None:
    whole, parted, heard = toys().Net(), toys().Net(), list[Event]()
    one = toys().train(whole, settings)
    cut(tmp_path, 7, settings)
    cut(tmp_path, 11, settings)
    assert names(tmp_path) == ["step-0000010", "step-0000011"]
    two = toys().train(parted, settings, saving=Saving(tmp_path), emit=heard.append)
    assert torch.equal(toys().flat(whole), toys().flat(parted))
    assert (one.loss_first, one.loss_last, one.rows, one.tokens) == (
        two.loss_first,
        two.loss_last,
        two.rows,
        two.tokens,
    )
    assert [e.values for e in heard if e.code == "lab.resumed"] == [{"step": 11, "steps": one.steps}]


def test_adalora_remembers_its_ranks(planted: Any, tiny_bert: Path, tmp_path: Path) -> None:
    from groundsill import tuning
    from groundsill.lab.models import tokens
    from groundsill.lab.models.net import build
    from groundsill.lab.objectives.classification import Classification

    ids = tokens.coder(tiny_bert).ids(planted.pool.texts[:40], 32)

    def run(**more: Any) -> Any:
        net = build(tiny_bert, 32, 3)
        with torch.random.fork_rng():
            torch.manual_seed(4)
            shelf(tuning)["adalora"].attach(net)
        toys().train(net, None, Classification(ids, planted.pool.labels[:40], 3, 0), epochs=4, **more)
        return toys().flat(net)

    whole = run()
    for at in (3, 9, 17):  # before, while and after ranks fall
        run(saving=Saving(tmp_path, every_steps=1), most_steps=at)
    assert torch.equal(run(saving=Saving(tmp_path)), whole)


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_kills_at_random_instants_lose_nothing(tmp_path: Path) -> None:
    script = Path(__file__).with_name("killed.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kills, same = done.stdout.split()
    assert int(kills) >= 8 and same == "True", done.stdout


def test_a_full_disk_leaves_the_checkpoint_before_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import safetensors.torch

    cut(tmp_path, 5)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    real = safetensors.torch.save_file

    def full(tensors: Any, path: Path) -> None:
        if path.name == STATE:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(tensors, path)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(Problem, match=r"lab\.checkpoint_no_room") as caught:
        cut(tmp_path, 7)
    assert caught.value.exit == Exit.NO_ROOM and caught.value.more["step"] == 6
    assert float(str(caught.value.got)) > 0 and float(str(caught.value.limit)) > 0  # MB free, MB needed
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    monkeypatch.undo()
    cut(tmp_path, 7)
    assert names(tmp_path) == ["step-0000006", "step-0000007"]


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of file size")
def test_a_real_limit_of_the_disk_is_a_problem_too(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[2]); import training_toys as t\n"
        "from pathlib import Path; from groundsill.lab.training.checkpoint import Saving\n"
        "from groundsill.terms.problem import Problem\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "try: t.train(t.Net(), saving=Saving(Path(sys.argv[1]), every_steps=1))\n"
        "except Problem as e: print(e.code, list(Path(sys.argv[1]).iterdir()))\n"
    )
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), here], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "lab.checkpoint_no_room []", done.stderr


@pytest.mark.parametrize("name", [WEIGHTS, STATE, ABOUT, "manifest.json"])
def test_a_damaged_checkpoint_is_passed_over_and_two_are_refused(name: str, tmp_path: Path) -> None:
    whole, net, heard = toys().Net(), toys().Net(), list[Event]()
    toys().train(whole)
    cut(tmp_path, 8)
    new, old = tmp_path / "step-0000008" / name, tmp_path / "step-0000007" / name
    data = bytearray(new.read_bytes())
    data[len(data) // 2] ^= 4  # one bit
    new.write_bytes(bytes(data))
    toys().train(net, saving=Saving(tmp_path), emit=heard.append)
    assert [e.values["folder"] for e in heard if e.code == "lab.checkpoint_passed"] == ["step-0000008"]
    assert [e.values["step"] for e in heard if e.code == "lab.resumed"] == [7]
    assert torch.equal(toys().flat(net), toys().flat(whole))
    old.write_bytes(old.read_bytes()[:-3])
    with pytest.raises(Problem, match=r"lab\.checkpoint_corrupt") as caught:
        toys().train(toys().Net(), saving=Saving(tmp_path))
    assert caught.value.exit == Exit.INTEGRITY


def test_a_damaged_checkpoint_is_replaced_when_its_step_comes_again(tmp_path: Path) -> None:
    cut(tmp_path, 8)
    (tmp_path / "step-0000008" / WEIGHTS).write_bytes(b"")
    cut(tmp_path, 8)
    heard: list[Event] = []
    cut(tmp_path, 9, emit=heard.append)
    assert [e.values["step"] for e in heard if e.code == "lab.resumed"] == [8]


def test_pickles_and_checkpoints_of_other_trainings_are_refused(tmp_path: Path) -> None:
    cut(tmp_path, 3)
    for other in ({"rate": 2e-2}, {"seed": 1}):
        with pytest.raises(Problem, match=r"lab\.other_checkpoint"):
            cut(tmp_path, 4, **other)
    with pytest.raises(Problem, match=r"lab\.other_checkpoint"):
        toys().train(toys().Net(seed=1), saving=Saving(tmp_path))  # starts from other weights
    with pytest.raises(Problem, match=r"lab\.other_checkpoint"):
        toys().train(toys().Net(), saving=Saving(tmp_path, mark="other data"))
    (tmp_path / "step-0000003" / "optimizer.pt").write_bytes(b"\x80\x04.")
    with pytest.raises(Problem, match=r"lab\.pickle_refused"):
        cut(tmp_path, 4)


def test_litter_of_a_killed_process_is_swept_up(tmp_path: Path) -> None:
    cut(tmp_path, 2)
    (tmp_path / "step-0000003.77.tmp").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    cut(tmp_path, 3)
    assert names(tmp_path) == ["notes.txt", "step-0000002", "step-0000003"]


def test_a_request_to_stop_saves_and_says_so(tmp_path: Path) -> None:
    whole, net = toys().Net(), toys().Net()
    toys().train(whole)
    before = signal.getsignal(signal.SIGTERM)

    def ask(step: int, steps: int) -> None:
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    net.each_step = ask
    with pytest.raises(Problem, match=r"lab\.training_interrupted") as caught:
        toys().train(net, saving=Saving(tmp_path, every_seconds=1e6))
    assert (caught.value.got, caught.value.exit) == (5, Exit.RESUMABLE)
    assert names(tmp_path) == ["step-0000005"] and signal.getsignal(signal.SIGTERM) is before
    again = toys().Net()
    toys().train(again, saving=Saving(tmp_path))
    assert torch.equal(toys().flat(again), toys().flat(whole))


def test_slow_disks_make_checkpoints_rarer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from groundsill.lab.training import checkpoint

    clock = [0.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: clock[0])
    keeper = checkpoint.Keeper(Saving(tmp_path, every_seconds=60.0), "key", lambda event: None)
    keeper._took = 3.0  # 2 % of the time: once in 150 s
    due = []
    for second in (59.0, 61.0, 149.0, 151.0):
        clock[0] = second
        due.append(keeper.due(1))
    assert due == [False, False, False, True]
    keeper._took = 0.1
    clock[0] = 61.0
    assert keeper.due(1)
