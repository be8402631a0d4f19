"""Calibrating: timing this machine, so that forecasts learn from it. Each measurement is a run in the ledger.

Matrix products, moving memory, one training step of each regime, reading and writing. Models have random weights. The
first measurements tell how fast the machine is, and the size of the models is chosen by that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from groundsill.catalogue.ledger import Ledger
from groundsill.pilot.hardware import Device, hardware_id
from groundsill.resources.job import Job, Plan
from groundsill.resources.own import STACK, Request, point
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.run import CALIBRATION, Run
from groundsill.terms.shape import Shape
from groundsill.terms.source import Source

BUDGET_SECONDS = 90.0  # loading libraries and building models comes on top: together under two minutes
OVERHEAD_SECONDS = 30.0  # for loading and building; what would begin later than this after the budget is left out
SHARES = {"product": 0.15, "moving": 0.05, "decoder": 0.22, "encoder": 0.2, "lora": 0.18, "serving": 0.2}
USUAL_EFFICIENCY = 0.3  # of the measured products, to choose a size: a guess low enough for a short time
CALLS = 5.0  # of a step that shall fit its share: two to warm up, three to time
BYTES_PER_WEIGHT = 40.0  # for choosing a size: 16 for states (ZeRO, arXiv 1910.02054), the rest for activations
SMALL_SECONDS = 20.0  # below this budget even the products are small
PRODUCTS = {"cpu": ((512, 512, 512), (1024, 1024, 1024)), "cuda": ((4096, 4096, 4096), (8192, 8192, 8192))}
SMALL_PRODUCTS = ((128, 128, 128), (256, 256, 256))
WIDE = (
    4,
    4,
    1,
)  # m, n, k of a third product, in units of the first: tokens x hidden layer x width of a feed-forward part
MOVED_BYTES = {"cpu": 1 << 27, "cuda": 1 << 30}
SMALL_MOVED_BYTES = 1 << 22


@dataclass(frozen=True)
class Size:
    """A model to time. ffn: of the gated decoder; the encoder's is four widths. batch: sequences of a step."""

    name: str
    layers: int
    width: int
    heads: int
    ffn: int
    vocabulary: int
    sequence: int
    batch: int

    def decoder(self) -> Shape:
        """Llama-like."""
        head = self.width // self.heads
        return Shape(
            "decoder", self.layers, self.width, self.heads, self.heads, head, self.ffn, self.vocabulary,
            2 * self.sequence, gated=True, biases=False, tied=False,
        )  # fmt: skip

    def encoder(self) -> Shape:
        """BERT-like."""
        return Shape(
            "encoder", self.layers, self.width, self.heads, self.heads, self.width // self.heads, 4 * self.width,
            self.vocabulary, self.sequence, gated=False, biases=True, tied=True, positions=self.sequence, types=2,
            norm_weights=2, embedding_norm=True, final_norm=False,
        )  # fmt: skip


SIZES = (  # rising; widths and vocabularies of common models at that size
    Size("tiny", 2, 64, 2, 176, 512, 32, 2),
    Size("small", 4, 256, 4, 704, 8192, 128, 4),
    Size("mini", 6, 384, 6, 1024, 16384, 128, 8),
    Size("base", 12, 768, 12, 2048, 32000, 512, 8),
    Size("medium", 24, 1024, 16, 2816, 32000, 1024, 8),
    Size("large", 22, 2048, 32, 5632, 32000, 2048, 4),
)


class MachineBench(Protocol):
    """What measures: `machine_bench.LabMachine`; tests use a quick one."""

    def device(self) -> Device: ...
    def free_bytes(self) -> float: ...
    def versions(self) -> Mapping[str, str]: ...
    def now(self) -> str: ...
    def precisions(self) -> tuple[str, ...]: ...
    def training_precision(self) -> str: ...
    def product(self, m: int, n: int, k: int, precision: str, seconds: float) -> dict[str, float]: ...
    def moving(self, kind: str, size_bytes: int, seconds: float) -> dict[str, float]: ...
    def step(self, job: Job, plan: Plan, seconds: float) -> dict[str, float]: ...
    def pace(self, shape: Shape, precision: str, batch: int, tokens: int, seconds: float) -> dict[str, float]: ...


def calibrate(
    ledger_folder: Path,
    *,
    accelerator: str | None = None,
    budget_seconds: float = BUDGET_SECONDS,
    where: str = "",
    emit: Emit = silent,
    bench: MachineBench | None = None,
    memory_of: Mapping[str, float] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> list[Run]:
    """Time this machine in about `budget_seconds` and put the runs into the ledger, each as soon as it is made.

    accelerator: id under which the runs stand; None: the catalogue's id of the GPU that is here, else a name of the
    machine's own (`own/cpu-...`). where: `cpu` or `cuda`; "" takes the GPU if there is one. memory_of: bytes of the
    catalogue's accelerators (None: read from the catalogue). What does not fit into memory is tried smaller; what does
    not fit into the time is left out and told. Emits `pilot.calibrating`, `pilot.calibrating_smaller`,
    `pilot.calibrating_without`, `pilot.calibrated`.

    Raises Problem `lab.no_torch`, `pilot.no_gpu`, `pilot.calibration_stopped` (Ctrl-C), `ledger.*`, and that of the
    first measurement if none could be made.
    """
    if budget_seconds <= 0:
        raise Problem("pilot.bad_budget", got=budget_seconds, exit=Exit.USAGE)
    if bench is None:
        from groundsill.pilot.machine_bench import LabMachine

        bench = LabMachine(where)
    device = bench.device()
    if accelerator is None:
        accelerator = hardware_id(device, known_memory() if memory_of is None else memory_of)
    ledger = Ledger(ledger_folder)
    with ledger.lock():
        session = _Session(bench, ledger, accelerator, device, budget_seconds, emit, clock, clock())
        try:
            session.go()
        except KeyboardInterrupt as e:
            raise Problem("pilot.calibration_stopped", got=len(session.made), exit=Exit.RESUMABLE) from e
    if not session.made and session.first is not None:
        raise session.first
    emit(Event("pilot.calibrated", {"runs": len(session.made), "hardware": accelerator, "seconds": session.spent()}))
    return session.made


def known_memory() -> dict[str, float]:
    """Bytes of each accelerator of the catalogue that says them."""
    from groundsill.catalogue.load import Catalogue

    catalogue, out = Catalogue(), {}
    for id in catalogue.accelerators():
        fact = catalogue.accelerator(id).get("memory_bytes")
        if fact is not None and not isinstance(fact.value, str):
            out[id] = fact.value.median * fact.si_factor
    return out


@dataclass
class _Session:
    bench: MachineBench
    ledger: Ledger
    hardware: str
    device: Device
    budget_seconds: float
    emit: Emit
    clock: Callable[[], float]
    start: float
    made: list[Run] = field(default_factory=list)
    first: Problem | None = None
    best: dict[str, float] = field(default_factory=dict)

    def spent(self) -> float:
        return self.clock() - self.start

    def go(self) -> None:
        self.products()
        self.moving()
        precision = self.bench.training_precision()
        peak = self.best.get(precision) or max(self.best.values(), default=1e9)
        size = self.size(peak)
        for name, work in (
            ("decoder", self.step),
            ("encoder", self.step),
            ("lora", self.step),
            ("serving", self.serve),
        ):
            seconds = SHARES[name] * self.budget_seconds
            self.say(name)
            if self.spent() + seconds > self.budget_seconds + OVERHEAD_SECONDS:
                self.emit(Event("pilot.calibrating_without", {"what": name}))
                continue
            self.smaller(name, size, lambda s, w=work, n=name, t=seconds: w(n, s, precision, t))  # type: ignore[misc]

    def say(self, name: str) -> None:
        done = list(SHARES).index(name)
        left = sum(share for n, share in SHARES.items() if list(SHARES).index(n) >= done) * self.budget_seconds
        values = {"what": name, "done": done, "total": len(SHARES), "remaining_seconds": left}
        self.emit(Event("pilot.calibrating", values))

    # ---- the measurements

    def products(self) -> None:
        self.say("product")
        squares = SMALL_PRODUCTS if self.budget_seconds < SMALL_SECONDS else PRODUCTS[self.device.kind]
        m, n, k = squares[0]
        shapes = (*squares, (WIDE[0] * m, WIDE[1] * n, WIDE[2] * k))
        kinds = self.bench.precisions()
        each = SHARES["product"] * self.budget_seconds / (len(shapes) * len(kinds))
        for precision in kinds:
            for m, n, k in shapes:
                seen = self.tried(lambda m=m, n=n, k=k, p=precision: self.bench.product(m, n, k, p, each))  # type: ignore[misc]
                if seen is None:
                    continue
                self.best[precision] = max(self.best.get(precision, 0.0), seen["flops_per_s"])
                at = {"m": float(m), "n": float(n), "k": float(k)}
                self.keep(Candidate("none", "product", "", (("precision", precision),)), at, seen)

    def moving(self) -> None:
        self.say("moving")
        small = self.budget_seconds < SMALL_SECONDS
        size = SMALL_MOVED_BYTES if small else MOVED_BYTES[self.device.kind]
        size = int(min(size, self.bench.free_bytes() / 8))
        for kind in ("copy", "triad"):
            seconds = SHARES["moving"] * self.budget_seconds / 2
            seen = self.tried(lambda k=kind, t=seconds: self.bench.moving(k, size, t))  # type: ignore[misc]
            if seen is not None:
                seen["memory_bytes"] = self.device.memory_bytes
                self.keep(Candidate("none", kind), {"bytes": float(size)}, seen)

    def size(self, peak_flops_per_s: float) -> Size:
        """The largest model whose step fits its share of the time and the free memory."""
        room = min(SHARES["decoder"], SHARES["encoder"]) * self.budget_seconds / CALLS
        chosen = SIZES[0]
        for size in SIZES:
            weights, tokens = size.decoder().weights, size.batch * size.sequence
            seconds = 6.0 * weights * tokens / (USUAL_EFFICIENCY * peak_flops_per_s)
            if seconds <= room and BYTES_PER_WEIGHT * weights <= self.bench.free_bytes():
                chosen = size
        return chosen

    def step(self, name: str, size: Size, precision: str, seconds: float) -> None:
        job = job_for(name, size, precision)
        plan = Plan(micro_batch=job.batch)
        seen = self.bench.step(job, plan, seconds)
        if job.method == "lora":
            job = replace(job, trainable=seen.get("trainable_weights", 0.0))
        route, method = {"decoder": ("pretrain", ""), "encoder": ("tune", "full"), "lora": ("tune", "lora")}[name]
        at, words = point(job=job, plan=plan)
        self.keep(Candidate(route, method, f"blank-{size.name}", words), at, seen)

    def serve(self, name: str, size: Size, precision: str, seconds: float) -> None:
        batch, tokens, shape = 1, size.sequence, size.decoder()
        seen = self.bench.pace(shape, precision, batch, tokens, seconds)
        at, words = point(job=Request(shape, batch, tokens, precision, STACK))
        self.keep(Candidate("prompt", "zero-shot", f"blank-{size.name}", words), at, seen)

    # ---- helpers

    def smaller(self, name: str, size: Size, work: Callable[[Size], None]) -> None:
        """Do it with this size, or with the largest smaller one that memory holds."""
        for candidate in reversed(SIZES[: SIZES.index(size) + 1]):
            try:
                work(candidate)
                return
            except Problem as problem:
                self.first = self.first or _bare(problem)
                if problem.code != "lab.no_memory":
                    break
                self.emit(Event("pilot.calibrating_smaller", {"what": name, "size": candidate.name}))
        self.emit(Event("pilot.calibrating_without", {"what": name}))

    def tried(self, work: Callable[[], dict[str, float]]) -> dict[str, float] | None:
        try:
            return work()
        except Problem as problem:
            self.first = self.first or _bare(problem)
            return None

    def keep(self, candidate: Candidate, at: Mapping[str, float], measures: Mapping[str, float]) -> None:
        now = self.bench.now()
        source = Source("measured", "measured", "calibration on this machine", read=now[:10])
        run = Run(
            candidate, CALIBRATION, "", dict(at), source, seed=0, measures=dict(measures), hardware=self.hardware,
            versions=dict(self.bench.versions()), started=now, note=self.device.name,
        )  # fmt: skip
        self.ledger.append(run)
        self.made.append(run)


def _bare(problem: Problem) -> Problem:
    """The same problem without its traceback, which would hold on to the tensors that did not fit."""
    return Problem(problem.code, at=problem.at, got=problem.got, limit=problem.limit, exit=problem.exit, **problem.more)


def job_for(name: str, size: Size, precision: str) -> Job:
    """The training step of a regime: `decoder` and `encoder` in full, `lora` on the decoder."""
    common: dict[str, Any] = {"sequence": size.sequence, "batch": size.batch, "precision": precision, "stack": STACK}
    if name == "encoder":
        return Job(size.encoder(), **common)
    if name == "lora":
        bits = 16.0 if precision in ("bf16", "fp16") else 32.0
        return Job(size.decoder(), method="lora", weight_bits=bits, **common)
    return Job(size.decoder(), **common)
