"""The search for a recipe, and the file of curves."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.training.events_file import EventsFile, also, crc32c
from groundsill.lab.training.search import Dropped, Range, Trial, search
from groundsill.terms.event import Event
from groundsill.terms.problem import Problem

SPACE = {"rate": Range(1e-5, 1e-1, log=True), "rank": Range(1, 8, whole=True), "schedule": ("linear", "cosine")}


def quality(values: Any) -> float:
    return -((math.log10(values["rate"]) + 3) ** 2) - abs(values["rank"] - 4) / 4 - (values["schedule"] == "linear")


def test_a_search_finds_a_good_place_drops_poor_ones_and_goes_on_after_a_crash(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    seen: list[dict[str, Any]] = []
    heard: list[Event] = []
    settings: dict[str, Any] = {"name": "s", "store": tmp_path / "search.sqlite", "trials": 40, "seed": 3}

    def measure(trial: Trial) -> float:
        seen.append(dict(trial.values))
        if len(seen) == 12:
            raise KeyboardInterrupt  # as good as a crash: nothing is told to the store
        for step in (1, 2):
            trial.tell(step, quality(trial.values))
        return quality(trial.values)

    with pytest.raises(KeyboardInterrupt):
        search(SPACE, measure, **settings)
    found = search(SPACE, measure, **settings, emit=heard.append)
    assert len(seen) == 41 and seen[12] == seen[11]  # what was cut short is tried again
    assert found.finished + found.dropped == 40 and found.dropped >= 5
    assert len({tuple(s.values()) for s in seen}) >= 38  # a resumed search does not propose the first trials again
    assert found.value == pytest.approx(max(quality(s) for s in seen)) and found.value > -0.5
    assert quality(found.values) == found.value and isinstance(found.values["rank"], int)
    assert {e.code for e in heard} == {"lab.trial", "lab.trial_dropped"}
    assert search(SPACE, measure, **settings) == found and len(seen) == 41


def test_a_search_without_one_good_trial_says_so(tmp_path: Path) -> None:
    pytest.importorskip("optuna")

    def measure(trial: Trial) -> float:
        raise Dropped

    with pytest.raises(Problem, match=r"lab\.no_search_result"):
        search(SPACE, measure, name="s", store=tmp_path / "s.sqlite", trials=2, seed=0)


def test_without_optuna_there_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(Problem, match=r"lab\.missing_library"):
        search(SPACE, lambda trial: 0.0, name="s", store=tmp_path / "s.sqlite", trials=2, seed=0)


# ---- curves for TensorBoard


@pytest.mark.parametrize(
    ("data", "checksum"),
    [(bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E), (b"123456789", 0xE3069283)],
)
def test_checksums_are_those_of_rfc_3720(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum  # appendix B.4 of the RFC; the last is the usual check value


def records(path: Path) -> list[bytes]:
    """The events of a file, by the format alone."""
    data, out = path.read_bytes(), []
    while data:
        length, _, event = struct.unpack("<Q", data[:8])[0], data[8:12], data[12:]
        out.append(event[:length])
        data = event[length + 4 :]
    return out


def varint(data: bytes) -> tuple[int, bytes]:
    value = shift = 0
    while True:
        value, shift, more = value | (data[0] & 0x7F) << shift, shift + 7, data[0] & 0x80
        data = data[1:]
        if not more:
            return value, data


@given(step=st.integers(0, 2**40), value=st.floats(width=32, allow_nan=False), tag=st.text(min_size=1, max_size=300))
def test_a_number_that_was_written_is_read_back(
    step: int, value: float, tag: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("curves")
    tag = tag.encode("utf-8", "replace").decode()
    with EventsFile(folder, 1.7e9) as file:
        file.scalars(step, {tag: value}, after_s=2.5)
    first, second = records(file.path)
    assert first.endswith(b"brain.Event:2")
    assert second[:1] == b"\x09" and struct.unpack("<d", second[1:9])[0] == 1.7e9 + 2.5 and second[9:10] == b"\x10"
    got, rest = varint(second[10:])
    assert got == step and rest[:1] == b"\x2a"
    _, summary = varint(rest[1:])
    assert summary[:1] == b"\x0a"
    _, one = varint(summary[1:])
    assert one[:1] == b"\x0a"
    size, body = varint(one[1:])
    assert body[:size].decode() == tag and body[size : size + 1] == b"\x15"
    assert struct.unpack("<f", body[size + 1 :])[0] == value


def test_events_are_passed_on_and_looks_are_drawn(tmp_path: Path) -> None:
    heard: list[Event] = []
    with EventsFile(tmp_path, 1.0) as file:
        emit = also(file, heard.append)
        emit(Event("lab.look", {"step": 4, "value": 0.5, "best": 0.5}))
        emit(Event("lab.progress_cost", {"done": 5, "total": 9, "remaining_seconds": 1.0, "loss": 2.0, "cost": 0.1}))
        emit(Event("lab.resumed", {"step": 4, "steps": 9}))
    assert [e.code for e in heard] == ["lab.look", "lab.progress_cost", "lab.resumed"]
    _, look, progress = records(file.path)
    assert b"look/value" in look and b"progress/loss" in progress and b"progress/cost" in progress
