"""Features: each text once through the frozen base model, kept on disk with the time that it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.models.locate import model_hash
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.whole_file import write_whole

CPU_BUDGET_TOKENS = 4096
GPU_BUDGET_TOKENS = 65536
FLUSH_SECONDS = 15.0  # what a crash may cost
KEY_BYTES = 16


@dataclass(frozen=True, eq=False)
class Encoded:
    """features `(rows, width)` fp32 of length 1; seconds `(rows,)`: what each row took when it was encoded, also if
    that was in an earlier run; tokens `(rows,)`. fresh_rows: how many were encoded just now."""

    features: npt.NDArray[np.float32]
    seconds: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]
    fresh_rows: int


def encode(folder: Path, texts: Sequence[str], longest: int, work: Path, emit: Emit = silent) -> Encoded:
    """Features of `texts` by the model in `folder`, cut at `longest` tokens.

    Rows are looked up under `work/features/` by model, precision, cut and text, and only new ones are computed; they
    are written aside and renamed every 15 s. Raises Problem `lab.no_torch`, `lab.no_room`, `lab.cache_corrupt`.
    """
    machine.need_torch()
    kind = machine.precision(work)
    store = work / "features" / f"{model_hash(folder)}-{longest}-{kind}"
    keys = [blake2b(t.encode(), digest_size=KEY_BYTES).digest() for t in texts]
    known = _load(store, set(keys))
    missing = {key: i for i, key in enumerate(keys) if key not in known}
    if missing:
        known |= _compute(folder, list(missing), [texts[i] for i in missing.values()], longest, store, emit)
    rows = np.array([known[key] for key in keys])
    return Encoded(rows["vector"], rows["seconds"], rows["tokens"].astype(np.int64), len(missing))


def _kind(width: int) -> np.dtype[Any]:
    return np.dtype([("key", "V16"), ("seconds", "<f8"), ("tokens", "<i4"), ("vector", "<f4", (width,))])


def _load(store: Path, wanted: set[bytes]) -> dict[bytes, Any]:
    found: dict[bytes, Any] = {}
    for path in sorted(store.glob("*.npy")):
        try:
            rows = np.load(path, allow_pickle=False)
            fits = rows.dtype.names == ("key", "seconds", "tokens", "vector")
        except (ValueError, EOFError):
            fits = False
        if not fits:
            raise Problem("lab.cache_corrupt", at=str(path), got=path.name, exit=Exit.INTEGRITY)
        found |= {key: row for row in rows if (key := row["key"].tobytes()) in wanted}
    return found


def _compute(
    folder: Path, keys: list[bytes], texts: list[str], longest: int, store: Path, emit: Emit
) -> dict[bytes, Any]:
    begin = time.perf_counter()
    ids = tokens.coder(folder).ids(texts, longest)
    coding_seconds = (time.perf_counter() - begin) / len(texts)
    lengths = np.array([len(row) for row in ids])
    forward = frozen(folder, machine.precision(store.parent.parent))
    found: dict[bytes, Any] = {}
    part: list[Any] = []
    told = flushed = begin = time.perf_counter()
    for rows in tokens.batches(lengths, budget_tokens()):
        started = time.perf_counter()
        vectors = forward([ids[i] for i in rows])
        now = time.perf_counter()
        each = (now - started) / len(rows) + coding_seconds
        for i, vector in zip(rows, vectors, strict=True):
            part.append((keys[i], each, lengths[i], vector))
        if now - flushed > FLUSH_SECONDS:
            found |= _save(store, part)
            part, flushed = [], now
        if now - told >= 1:
            told = now
            done = len(found) + len(part)
            left = float(lengths.sum()) / max(1.0, sum(float(r[2]) for r in (*found.values(), *part))) - 1
            remaining = (now - begin) * left
            emit(Event("lab.encoding", {"done": done, "total": len(texts), "remaining_seconds": remaining}))
    return found | _save(store, part)


def _save(store: Path, part: list[Any]) -> dict[bytes, Any]:
    if not part:
        return {}
    rows = np.array(part, dtype=_kind(len(part[0][3])))
    name = blake2b(b"".join(p[0] for p in part), digest_size=8).hexdigest()
    packed = BytesIO()
    np.save(packed, rows, allow_pickle=False)
    try:
        write_whole(store / f"{name}.npy", packed.getvalue())
    except OSError as e:
        raise Problem("lab.no_room", at=str(store), got=e.strerror or str(e), exit=Exit.NO_ROOM) from e
    return {row["key"].tobytes(): row for row in rows}


def budget_tokens() -> int:
    """Padded tokens of one batch: large enough to keep the device busy, small enough for its fast memory."""
    return GPU_BUDGET_TOKENS if machine.device().type == "cuda" else CPU_BUDGET_TOKENS


@lru_cache(maxsize=1)  # a body may be large
def _reader(folder: Path) -> Any:
    from groundsill.lab.models.net import Classifier, load_body

    return Classifier(load_body(folder), 1, 1)


def frozen(folder: Path, kind: machine.Precision) -> Callable[[tokens.Ids], npt.NDArray[np.float32]]:
    """A function from token numbers to features by the frozen base model, which is loaded once a process."""
    import torch

    from groundsill.lab.models.net import to_device

    pad, net = tokens.coder(folder).pad, _reader(folder)

    def forward(ids: tokens.Ids) -> npt.NDArray[np.float32]:
        with torch.inference_mode(), machine.autocast(kind):
            out: npt.NDArray[np.float32] = net.features(*to_device(*tokens.padded(ids, pad))).cpu().numpy()
        return out

    forward([[pad] * tokens.STEP])  # builds the kernels, so that the first row does not pay for them
    return forward
