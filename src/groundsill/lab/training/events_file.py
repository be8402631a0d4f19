"""A training's numbers as a file that TensorBoard reads. Written here, in eighty lines, because the package that writes it
brings 50 MB of libraries for two messages of protocol buffers (docs/decisions/0004.md).

Format: TFRecord (length, masked CRC-32C of it, bytes, masked CRC-32C of them), each record an `Event` with wall_time
(field 1, double), step (2, varint) and file_version (3) or summary (5); a summary holds values (1) with tag (1) and
simple_value (2, float), as in tensorflow/core/util/event.proto and core/framework/summary.proto.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from groundsill.terms.event import Emit, Event

_POLYNOMIAL = 0x82F63B78  # CRC-32C (Castagnoli), reversed
_MASK_DELTA = 0xA282EAD8  # of TFRecord's masked checksums
CURVES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "lab.progress": ("done", ("loss",)),
    "lab.progress_energy": ("done", ("loss", "kwh")),
    "lab.progress_cost": ("done", ("loss", "cost")),
    "lab.look": ("step", ("value",)),
}
"""Event code -> which of its values is the step, and which are drawn over steps."""


def _table() -> list[int]:
    out = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        out.append(byte)
    return out


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720, appendix B.4."""
    value = 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + _MASK_DELTA) & 0xFFFFFFFF)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _bytes(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


class EventsFile:
    """An open file of events in a folder; a context. `time_s`: seconds since 1970, given by the caller, as no engine here
    reads the calendar."""

    def __init__(self, folder: Path, time_s: float) -> None:
        """Raises OSError where nothing can be written."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time_s)}.groundsill.{os.getpid()}"
        self.path, self._start = folder / name, time_s
        self._file: BinaryIO = self.path.open("xb")
        self._record(self._event(0.0, 0, _bytes(3, b"brain.Event:2")))

    def __enter__(self) -> EventsFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def scalars(self, step: int, values: Mapping[str, float], after_s: float = 0.0) -> None:
        """Numbers by tag at a step, so many seconds after the start."""
        told = b"".join(
            _bytes(1, _bytes(1, tag.encode()) + b"\x15" + struct.pack("<f", v)) for tag, v in values.items()
        )
        self._record(self._event(after_s, step, _bytes(5, told)))
        self._file.flush()

    def _event(self, after_s: float, step: int, what: bytes) -> bytes:
        return b"\x09" + struct.pack("<d", self._start + after_s) + b"\x10" + _varint(step) + what

    def _record(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked(length) + event + _masked(event))


def also(file: EventsFile, emit: Emit) -> Emit:
    """An `Emit` that passes events on and draws the numbers of training among them."""

    def both(event: Event) -> None:
        step, drawn = CURVES.get(event.code, ("", ()))
        values = {k: float(str(event.values[k])) for k in drawn if k in event.values}
        if values:
            prefix = event.code.partition(".")[2].partition("_")[0]
            file.scalars(int(str(event.values[step])), {f"{prefix}/{k}": v for k, v in values.items()})
        emit(event)

    return both
