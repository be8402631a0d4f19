"""Time of a training step: published rows as jobs, the fit of the coefficients and of the hierarchical error, the score.

What a row leaves open takes these defaults. Accelerator: 16 GB/s to its neighbours (PCIe 4 x16) and 100 Gb/s out of the node where
the catalogue knows none; what the row's text says of the network goes first. Micro-batch: what its row says, else one
sequence with pipeline stages, else at most 8. Layout: tensor ranks until 16 bytes a weight fit into 60 % of the memory of
a node, then stages; sharded software cuts nothing. Recompute: full where the source says so, none where nothing is said.
Precision left to the submitter (MLPerf): fp8 for blocks of transformers where the accelerator's software had it, else
16 bits. BERT's sequences of 512 hold 256 words on average (Krell et al. 2021, arXiv 2107.02027) and padding is removed.

The target is seconds of one step, whatever the row states: step time, tokens or samples a second, FLOP/s by the
convention of its source, or minutes for a number of samples (MLPerf: with evaluation inside).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from benchmarks.published.rows import Row, Scored, Tables, accelerator_id, counts, number, precision
from benchmarks.published.shapes import shape_of

from groundsill.catalogue.load import Catalogue
from groundsill.resources.efficiency import BASELINE_MFU
from groundsill.resources.errors import Errors, surprise
from groundsill.resources.flops import attention_flops_per_token
from groundsill.resources.job import Job, Plan
from groundsill.resources.kernels import block_matrices
from groundsill.resources.settings import Setting, same_setup, setting
from groundsill.resources.step import Basis, Coefficients, Step, basis, seconds_of
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Z90
from groundsill.terms.shape import Shape

FILES = ("megatron_throughput",)
PCIE_BYTES_PER_S, NETWORK_BYTES_PER_S = 16e9, 12.5e9

TOO_SLOW = 6.0  # runs that take so many times the baseline's time teach nothing of the machine: scored, not fitted
PACKED = 2.0  # words of BERT's 512-word sequences are half padding
ROUNDS = {"v2.1": 2022.8, "v3.1": 2023.8, "v4.0": 2024.4, "v4.1": 2024.8, "v5.0": 2025.4}  # MLPerf publication dates
SHARDED = ("fsdp", "jax")
_STACKS: tuple[tuple[str, str], ...] = (  # software of a row: first match wins
    (r"tinygrad", "tinygrad"),
    (r"maxtext|maxdiffusion|jax|paxml", "jax"),
    (r"deepspeed", "deepspeed"),
    (r"megatron-core|megatron-bridge|nemo|megascale", "megatron-core"),
    (r"megatron", "megatron"),
    (r"fsdp|composer|torchtitan|meta internal", "fsdp"),
)


@dataclass(frozen=True)
class Point:
    """A row as the engine sees it. truth, peer: seconds of a step, measured and at 40 % of the 16-bit peak."""

    suite: str
    group: str
    note: str
    job: Job
    plan: Plan
    accelerator: Accelerator
    truth: float
    peer: float


def stack_of(row: Row) -> str:
    """Which software, in classes that several suites share."""
    text = (row.get("framework") or "").lower()
    found = next((name for pattern, name in _STACKS if re.search(pattern, text)), "pytorch")
    if row["suite"].startswith("mlperf") and found not in ("tinygrad", "jax"):
        return "mlperf"
    return found


def year_of(row: Row) -> float:
    """When the software was current; 0 if the row does not tell."""
    text = row.get("sw_version") or ""
    if text in ROUNDS:
        return ROUNDS[text]
    for pattern, base in ((r"(20[12]\d)(?:-(\d\d))?", 0.0), (r"\b(2[1-9])\.(\d\d)", 2000.0)):
        for source in (text, row.get("framework") or "", row.get("source") or ""):
            if match := re.search(pattern, source):
                return base + float(match[1]) + float(match[2] or 6) / 12
    return 0.0


def machine_of(row: Row, catalogue: Catalogue) -> Accelerator | None:
    """The row's accelerator, with its network as the text says it."""
    id = accelerator_id(row)
    if id is None or id not in catalogue.accelerators():
        return None
    found = catalogue.machine(id)
    text = f"{row.get('accelerator')} {row.get('source_detail')}"
    network = found.network_bytes_per_s or NETWORK_BYTES_PER_S
    if match := re.search(r"(\d+)x? ?(?:OPA)", text):
        network = float(match[1]) * 100e9 / 8 / found.node_size
    elif match := re.search(r"(\d+) Gbps", text):
        network = float(match[1]) * 1e9 / 8 / found.node_size
    return replace(found, link_bytes_per_s=found.link_bytes_per_s or PCIE_BYTES_PER_S, network_bytes_per_s=network)


def precision_of(row: Row, shape: Shape | Network, accelerator: Accelerator, year: float) -> str:
    """As stated, else what MLPerf's submitters used: see the head of this file."""
    said = precision(row, "")
    text = (row.get("precision") or "").lower()
    if "submitter" in text:
        blocks = isinstance(shape, Shape) and accelerator.family in ("hopper", "blackwell", "gaudi")
        said = (
            "fp8"
            if blocks and "fp8" in accelerator.peak_flops_per_s and (year > 2023 or accelerator.family == "hopper")
            else "fp16"
        )
    said = said or "bf16"
    try:
        accelerator.peak(said)
    except Problem:
        said = "fp16" if said in ("bf16", "fp8", "fp4", "tf32") else next(iter(accelerator.peak_flops_per_s))
    return said


def recompute_of(row: Row) -> int:
    """Index into RECOMPUTE."""
    text = (row.get("activation_recompute") or "").lower()
    if "full" in text:
        return 2
    if "selective" in text:
        return 1
    return (
        2 if "recompute" in (row.get("flops_convention") or "") and "no recompute" not in row["flops_convention"] else 0
    )


def shard_of(row: Row, stack: str) -> int:
    """ZeRO stage."""
    text = (row.get("sharding") or "").lower()
    if re.search(r"zero-?2|grad_op|optimizer\+grad", text):
        return 2
    if re.search(r"zero-?3|full_shard|^fsdp", text):
        return 3
    if "hsdp" in text:
        return 1  # gathers stay inside the node
    if "zero-1" in text or "distributed optimizer" in text:
        return 1
    return 3 if stack in SHARDED and not text else 1 if stack in ("megatron-core", "mlperf") else 0


def layout_of(row: Row, shape: Shape | Network, accelerator: Accelerator, stack: str, count: int) -> tuple[int, int]:
    """Tensor and pipeline ranks: as stated, else so that the states fit."""
    tensor, stages = number(row, "tp"), number(row, "pp")
    if tensor and not stages and isinstance(shape, Shape) and shard_of(row, stack) == 3:
        stages = 1
    if isinstance(shape, Network) or stack in SHARDED:
        return int(tensor or 1), int(stages or 1)
    need = 16.0 * shape.weights / (0.6 * accelerator.memory_bytes)
    if not tensor:
        tensor = 1
        while tensor < min(8, accelerator.node_size, count) and tensor * (stages or 1) < need:
            tensor *= 2
    if not stages:
        stages = 1
        while stages * tensor < need and stages * tensor * 2 <= count and stages * 2 <= shape.layers:
            stages *= 2
    return int(tensor), int(stages)


def chunks_of(row: Row, shape: Shape | Network, stack: str, stages: int) -> int:
    """Interleaved pieces of a stage: as stated; Megatron's successors interleave (two blocks a piece), others do not."""
    if said := number(row, "vp"):
        return int(said)
    if stages == 1 or isinstance(shape, Network) or stack not in ("megatron-core", "mlperf", "fsdp"):
        return 1
    return max(1, min(6, shape.layers // stages // 2))


def point_of(row: Row, catalogue: Catalogue) -> Point | str:
    """The row as a point, or why it cannot be one."""
    shape, accelerator = shape_of(row, catalogue), machine_of(row, catalogue)
    if accelerator is None:
        return f"accelerator not in the catalogue: {row.get('accelerator')}"
    if shape is None:
        return f"model of unknown size: {row.get('model')}"
    if isinstance(shape, Shape) and number(row, "layers") == 1:
        shape = replace(shape, vocabulary=1)  # a block by itself
    count = int(number(row, "n_gpus") or 0)
    if not count:
        return "count of accelerators unknown"
    stack, year = stack_of(row), year_of(row)
    sequence = int(number(row, "seq_len") or (512 if _encoder(shape) else 2048)) if isinstance(shape, Shape) else 1
    held = sequence if not (_encoder(shape) and sequence == 512) else int(sequence / PACKED)
    tensor, stages = layout_of(row, shape, accelerator, stack, count)
    context = int(number(row, "cp") or 1)
    copies = max(count // (tensor * stages * context), 1)
    batch, micro = _batch(row, sequence, copies, stages, isinstance(shape, Network) or _encoder(shape))
    job = Job(
        shape, held, batch, precision_of(row, shape, accelerator, year), stack=stack, year=year, flash=_flash(row, stack, year)
    )  # fmt: skip
    plan = Plan(
        copies * tensor * stages * context, tensor, stages, context, int(number(row, "ep") or 1), chunks_of(row, shape, stack, stages),
        micro, shard_of(row, stack), recompute_of(row), stack != "megatron" or year > 2022,
    )  # fmt: skip
    truth = truth_of(row, job, sequence, count)
    if truth is None:
        return "no time, throughput or FLOP/s"
    note = f"{row.get('model')} {count} x {accelerator.id} {job.precision}"
    return Point(row["suite"], row["group_key"], note, job, plan, accelerator, truth, peer_of(job, accelerator, count))


def _encoder(shape: Shape | Network) -> bool:
    return isinstance(shape, Shape) and shape.kind == "encoder" and not shape.patch_values


def _flash(row: Row, stack: str, year: float) -> bool:
    """Fused attention is usual from 2023 on (Dao et al. 2022); before, in tuned MLPerf code only."""
    return stack == "mlperf" or year == 0 or year >= 2022.6


def _batch(row: Row, sequence: int, copies: int, stages: int, small: bool) -> tuple[int, float]:
    """Sequences of a step and of one pass."""
    batch, tokens, micro = number(row, "global_batch"), number(row, "tokens_per_step"), number(row, "micro_batch")
    if tokens and not small:
        batch = tokens / sequence
    if not batch:
        batch = copies * (micro or 4) * (1 if stages == 1 else 4 * stages) * (number(row, "grad_accum") or 1)
    batch = max(batch, copies)
    each = batch / copies
    if micro and stages > 1 and batch <= copies * micro:
        micro = None  # a pipeline of one micro-batch is not run: the column holds the batch of a copy
    if not micro:
        micro = 1 if stages > 1 else each if small else min(each, 8)
    return round(batch), max(min(micro, each), 1e-9)


def peer_of(job: Job, accelerator: Accelerator, count: int) -> float:
    """MFU 0.40: six FLOP a weight and token, attention counted in full, over 40 % of the 16-bit peak."""
    half = "tf32" if job.precision in ("tf32", "fp32") and "tf32" in accelerator.peak_flops_per_s else job.precision
    peak = accelerator.peak("bf16" if half not in ("fp32", "tf32") and has(accelerator, "bf16") else half)
    return model_flops(job, full=True) * job.batch / (BASELINE_MFU * peak * count)


def has(accelerator: Accelerator, name: str) -> bool:
    try:
        return accelerator.peak(name) > 0
    except Problem:
        return False


def model_flops(job: Job, *, full: bool) -> float:
    """FLOP of one sequence, forward and backward. full: attention as if every word saw all others."""
    if isinstance(job.shape, Network):
        return 3.0 * job.shape.forward_flops
    shape = job.shape
    head = 0.0 if shape.kind == "encoder" else float(shape.vocabulary * shape.width)
    twice = 2.0 if full and shape.kind != "encoder" else 1.0
    each = 2.0 * (block_matrices(shape) + head) + twice * float(attention_flops_per_token(shape, job.sequence))
    return 3.0 * each * job.sequence


def truth_of(row: Row, job: Job, sequence: int, count: int) -> float | None:
    """Seconds of a step of `job.batch` sequences."""
    samples, minutes = number(row, "samples_processed"), number(row, "wall_minutes")
    if samples and minutes:
        return 60.0 * minutes / samples * job.batch
    if step := number(row, "step_time_s"):
        return step
    if rate := number(row, "tokens_per_s_per_gpu"):
        return job.batch * sequence / (rate * count)
    if rate := number(row, "samples_per_s"):
        return job.batch / rate
    rate, share, text = number(row, "tflops_per_gpu"), number(row, "mfu"), row.get("flops_convention") or ""
    each = model_flops(job, full=True) * job.batch
    if ("recompute" in text and "no recompute" not in text) or "96" in text:
        shape = job.shape
        head = 6.0 * shape.vocabulary * shape.width * job.sequence * job.batch if isinstance(shape, Shape) else 0.0
        each = 4.0 / 3.0 * (each - head) + head
    if rate:
        return each / (rate * 1e12 * count)
    return None if not share else each / (share * count * _peak_of(row))


def _peak_of(row: Row) -> float:
    id = accelerator_id(row) or ""
    return Catalogue().machine(id).peak("bf16")


def points_of(rows: Sequence[Row], catalogue: Catalogue) -> tuple[list[Point], Counter[str]]:
    """Points of the rows that count, and why others cannot be predicted."""
    found, missed = [], Counter[str]()
    for row in rows:
        if not counts(row):
            continue
        key = tuple(row.values())
        one = _CACHE.get(key) or point_of(row, catalogue)
        _CACHE[key] = one
        if isinstance(one, str):
            missed[f"{row['suite']}: {one}"] += 1
        else:
            found.append(one)
    return found, missed


_CACHE: dict[tuple[str, ...], Point | str] = {}
_BASES: dict[int, tuple[Point, Basis]] = {}


def stack_bases(bases: Sequence[Basis]) -> Basis:
    """One basis over all rows."""
    return Basis(*(np.array([float(getattr(b, f.name)) for b in bases]) for f in fields(Basis)))


def basis_of(point: Point) -> Basis:
    """The point's ideal times, computed once: every fold of a crossing needs them."""
    if id(point) not in _BASES:
        _BASES[id(point)] = (point, basis(point.job, point.plan, point.accelerator))
    return _BASES[id(point)][1]


def settings_of(points: Sequence[Point], times: Step) -> list[Setting]:
    """The levels of the error, with the shares of the forecasts `times` (points,)."""
    parts = {f.name: np.broadcast_to(np.asarray(getattr(times, f.name)), (len(points),)) for f in fields(Step)}
    each = [Step(**{name: values[i] for name, values in parts.items()}) for i in range(len(points))]
    return [
        setting(p.job, p.accelerator, float(p.plan.accelerators), one, p.suite, p.group)
        for p, one in zip(points, each, strict=True)
    ]


_FITS: dict[tuple[int, ...], dict[str, Any]] = {}


def fit(tables: Tables) -> dict[str, Any]:
    """Coefficients, variances and published residuals, with what stands behind them; worked out once for the same rows."""
    from benchmarks.published.time_fit import fit_step, source_of

    points, _ = points_of(tables["megatron_throughput"], Catalogue())
    points = [p for p in points if p.truth < TOO_SLOW * p.peer]
    key = tuple(id(p) for p in points)  # points are kept in _CACHE, so ids are not used again
    if key not in _FITS:
        bases, truths = stack_bases([basis_of(p) for p in points]), np.array([p.truth for p in points])
        found = fit_step(lambda times: settings_of(points, times), bases, truths)
        _FITS[key] = found | {"_source": source_of([p.suite for p in points])}
    return dict(_FITS[key])


def score(tables: Tables, factors: Any, catalogue: Catalogue) -> list[Scored]:
    """Forecasts of all rows, the baseline's, and those after one group of the same suite."""
    points, _ = points_of(tables["megatron_throughput"], catalogue)
    if not points:
        return []
    times = seconds_of(stack_bases([basis_of(p) for p in points]), Coefficients.of(factors))
    errors, settings, plain = Errors.of(factors), settings_of(points, times), np.asarray(times.seconds)
    known = errors.posterior(settings)
    low, high = known.low_high()
    found = []
    for p, base, mean, a, b in zip(points, plain, known.mean, low, high, strict=True):
        found.append(
            Scored("step_time", p.suite, p.group, base * float(np.exp(mean)), p.truth, base * a, base * b, p.note)
        )
        found.append(Scored("step_time@MFU 0.40", p.suite, p.group, p.peer, p.truth, note=p.note))
    for suite in sorted({p.suite for p in points}):
        mine = [i for i, p in enumerate(points) if p.suite == suite]
        found += _calibrated([points[i] for i in mine], [settings[i] for i in mine], plain[mine], errors)
    return found


def _calibrated(points: Sequence[Point], settings: Sequence[Setting], plain: Any, errors: Errors) -> list[Scored]:
    """Each row in turn as the user's own run; forecasts of the suite's other groups. Published rows of the suite, which
    the shipped factors hold, are left out of what is known."""
    unique = list(dict.fromkeys(settings))
    place = np.array([unique.index(s) for s in settings])
    mean, covariance = errors.without(points[0].suite).joint(unique)
    off = np.log([p.truth for p in points]) - np.log(plain)
    alike, found = same_setup(unique, unique), []
    for i, p in enumerate(points):
        a = place[i]
        extra = surprise(float(off[i] - mean[a]), float(covariance[a, a] + errors.noise)) * alike[a]
        shared = covariance[a] + extra
        gain = shared / (shared[a] + errors.noise)
        after = mean + gain * (off[i] - mean[a])
        sd = np.sqrt(np.maximum(np.diag(covariance) + extra - gain * shared, 0.0) + errors.noise) * errors.wider
        for j, q in enumerate(points):
            if q.group != p.group:
                middle, width = plain[j] * float(np.exp(after[place[j]])), float(np.exp(Z90 * sd[place[j]]))
                pair = f"{p.group} > {q.group}"
                found.append(
                    Scored(
                        "step_time_calibrated", q.suite, pair, middle, q.truth, middle / width, middle * width, q.note
                    )
                )
    return found
