"""Timing one optimiser step of a model with random weights: what `resources` forecasts, measured."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from groundsill.lab.evaluation import Meter
from groundsill.lab.models.clock import Peak, Series, repeat, room, synchronise
from groundsill.resources.job import RECOMPUTE, Job, Plan
from groundsill.terms.problem import Problem

if TYPE_CHECKING:
    import torch

LEAST_METER_SECONDS = 0.5  # a shorter look at an energy counter tells nothing: it moves about ten times a second
RATE = 1e-5  # small: the weights shall move, not run away
OPTIMISERS = ("adamw", "sgd")


@dataclass(frozen=True)
class Measured:
    """One measurement. series: seconds of each repeat. measures: memory, energy, other work, spread, in the units of
    `terms.run.MEASURES`. weights: of the whole model; trainable: of them."""

    series: Series
    measures: dict[str, float]
    weights: int
    trainable: int


def step(job: Job, plan: Plan, where: torch.device, *, seconds: float, seed: int, rank: int = 8) -> Measured:
    """Build the job's model with random weights, train it for a few steps on random tokens, time a step.

    Weights trained in full are fp32 and the products run in the job's precision (autocast), as the lab trains; frozen
    weights (`lora`) are held in `job.weight_bits`. A step is all micro-batches forward and backward, the gradient's norm
    cut, the optimiser. Energy is that of all steps over their number, absent where no meter can be read. Raises Problem
    `lab.no_memory`, `lab.no_blank`, `lab.no_step`.
    """
    import torch

    _check(job, plan)
    _warm(job, where, seed)
    micro = int(plan.micro_batch)
    with Peak(where) as peak, room():
        net = _net(job, plan, where, seed, rank)
        optimiser = _optimiser(net, job)
        rng = torch.Generator(device="cpu").manual_seed(seed)
        most = job.shape.vocabulary or 2
        ids = torch.randint(0, most, (micro, job.sequence), generator=rng).to(where)
        passes = max(1, job.batch // micro)
        weights = [p for p in net.parameters() if p.requires_grad]

        def once() -> None:
            for _ in range(passes):
                with autocast(job.precision, where):
                    loss = net(ids) / passes
                loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)

        with Meter() as meter:
            series = repeat(once, where, seconds=seconds)
            synchronise(where)
    counts = sum(p.numel() for p in net.parameters()), sum(p.numel() for p in weights)
    measures = {**watched(meter, series), **peak.measures()}
    return Measured(series, {**measures, "step_seconds": series.median}, *counts)


def watched(meter: Meter, series: Series) -> dict[str, float]:
    """Spread and repeats; other work on the machine; joules of one repeat and watts, where a meter could be read."""
    seen = meter.measures()
    out = {**series.measures(), "load": seen["load"]}
    if "joules" in seen and meter.seconds > LEAST_METER_SECONDS:
        out["power_w"] = seen["joules"] / meter.seconds
        out["joules"] = out["power_w"] * series.median
    return out


def autocast(precision: str, where: torch.device) -> AbstractContextManager[Any]:
    """Matrix products in bf16 or fp16 where the job asks for it."""
    import torch

    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    return torch.autocast(where.type, kinds[precision]) if precision in kinds else nullcontext()


def _check(job: Job, plan: Plan) -> None:
    if job.method not in ("full", "lora") or job.optimiser not in OPTIMISERS:
        raise Problem("lab.no_step", got=f"{job.method}, {job.optimiser}", limit=f"full, lora; {', '.join(OPTIMISERS)}")
    spread = (plan.accelerators, plan.tensor, plan.pipeline, plan.context, plan.expert)
    if any(int(n) != 1 for n in spread) or int(plan.shard) or RECOMPUTE[int(plan.recompute)] == "selective":
        raise Problem("lab.no_step", got=f"{int(plan.accelerators)} accelerators", limit="1")


def _warm(job: Job, where: torch.device, seed: int) -> None:
    """Load the libraries, so that they are not counted as memory of the model."""
    from groundsill.lab.models.blank import load

    load(job.shape, where, seed)
    if job.method == "lora":
        with suppress(ImportError):
            import peft  # noqa: F401


def _net(job: Job, plan: Plan, where: torch.device, seed: int, rank: int) -> Any:
    import torch

    from groundsill.lab.models.blank import build
    from groundsill.lab.models.device import seeded

    frozen_half = job.method == "lora" and job.weight_bits <= 16 and job.precision in ("bf16", "fp16")
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[job.precision] if frozen_half else torch.float32
    net = build(job.shape, where, seed=seed, dtype=dtype, recompute=RECOMPUTE[int(plan.recompute)] == "full")
    if job.method == "lora":
        from groundsill.tuning import lora

        with seeded(seed):
            lora.attach(net, rank=rank)
        body: Any = net.body
        if RECOMPUTE[int(plan.recompute)] == "full" and hasattr(body, "enable_input_require_grads"):
            body.enable_input_require_grads()  # else no gradient enters the first recomputed block
        for weight in net.parameters():
            if weight.requires_grad:
                weight.data = weight.data.float()
    return net.to(where).train()


def _optimiser(net: Any, job: Job) -> Any:
    import torch

    weights = [p for p in net.parameters() if p.requires_grad]
    if job.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=RATE, momentum=0.9)
    return torch.optim.AdamW(weights, lr=RATE, fused=True)
