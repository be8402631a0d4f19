"""The data card: read once with the real reader, then known by fingerprints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from groundsill.lab.data import DataSpec
from groundsill.pilot import run as pilot
from groundsill.pilot.bench import LabBench
from groundsill.pilot.table import fingerprints


class Counting(LabBench):
    """Counts how often the table is read."""

    reads = 0

    def read(self, spec: DataSpec, base: Path, emit: object) -> object:  # type: ignore[override]
        self.reads += 1
        return super().read(spec, base, emit)  # type: ignore[arg-type]


@pytest.fixture
def spec(tmp_path: Path) -> DataSpec:
    rows = "".join(f"text number {i} of {'good' if i % 3 else 'bad'},{'a' if i % 3 else 'b'}\n" for i in range(120))
    (tmp_path / "data.csv").write_text("text,label\n" + rows)
    return DataSpec(path="data.csv", text=("text",), label="label", test_rows=30)


def test_the_card_is_made_once_and_again_when_anything_changed(tmp_path: Path, spec: DataSpec) -> None:
    folder = tmp_path / ".groundsill"
    bench = Counting(folder / "cache")
    first = pilot.card(spec, tmp_path, folder, bench=bench)
    assert (first.rows, first.test_rows, bench.reads) == (120, 30, 1)
    assert pilot.card(spec, tmp_path, folder, bench=bench) == first and bench.reads == 1
    pilot.card(DataSpec(path="data.csv", text=("text",), label="label", test_rows=20), tmp_path, folder, bench=bench)
    assert bench.reads == 2  # another test set is another card
    with (tmp_path / "data.csv").open("a") as handle:
        handle.write("one more row,a\n")
    assert pilot.card(spec, tmp_path, folder, bench=bench).rows == 121 and bench.reads == 3


@pytest.mark.parametrize("broken", ["card.json", "table.json"])
def test_a_spoilt_card_is_made_again(tmp_path: Path, spec: DataSpec, broken: str) -> None:
    folder = tmp_path / ".groundsill"
    bench = Counting(folder / "cache")
    first = pilot.card(spec, tmp_path, folder, bench=bench)
    (folder / broken).write_text(json.dumps({"rows": 5}))
    again = pilot.card(spec, tmp_path, folder, bench=bench)
    assert (again.data_hash, again.rows, bench.reads) == (first.data_hash, 120, 2)


def test_a_file_with_the_same_size_and_time_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    first = fingerprints((path,), {})
    known = {str(path): {**first[str(path)], "sha256": "as before"}}
    assert fingerprints((path,), known)[str(path)]["sha256"] == "as before"
    path.write_bytes(b"abcd")
    assert fingerprints((path,), known)[str(path)]["sha256"] != "as before"


def test_versions_name_what_is_installed(tmp_path: Path) -> None:
    versions = LabBench(tmp_path).versions()
    assert "numpy" in versions and all(versions.values())
    assert "groundsill" not in versions  # a newer groundsill goes on with what an older one measured
    assert LabBench(tmp_path).files(DataSpec(path=""), tmp_path) == ()
