"""What a served model is made of, as plain numbers, and the coefficients that belong to it.

`work_of` turns a Service and a Load into Work; `rates_of` turns the shipped factors into Rates for that service. Fields
of both are floats or arrays of one shape, so that the same formulas (`serving`) serve one forecast, many draws and the
fit over published runs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from groundsill.resources.flops import output_matrix
from groundsill.terms.accelerator import HALF, Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Quantity
from groundsill.terms.shape import Shape

FACTORS = Path(__file__).parent / "factors" / "serving.json"
OUTPUT_BITS = 16.0  # the output matrix stays in 16 bits when the blocks are quantised
UNKNOWN_LINK = 5e9  # B/s where the catalogue knows no link: a quarter of PCIe 4 x16, one direction
YEARS = (2024.5, 2026.5)  # between which overheads were seen to fall; no further
REFERENCE_YEAR = 2025.8

ENGINES: Mapping[str, str] = {
    "tensorrt-llm": "native", "lmdeploy": "native", "gpt-fast": "native", "llama.cpp": "native", "mlc-llm": "native",
    "awq": "native", "vllm": "python", "sglang": "python", "tgi": "python", "fastertransformer": "early",
    "deepspeed": "early", "megatron": "early", "eager": "eager",
}  # fmt: skip
"""Engine -> class. native: a whole step is one compiled or captured graph. python: so, under a server written in Python
that also schedules. early: hand-written kernels of 2020 to 2022. eager: a framework starts kernel after kernel."""
DEFAULT_ENGINE = "vllm"


@dataclass(frozen=True)
class Service:
    """One copy of a served model.

    tensor, pipeline: accelerators over which each layer is split, and stages. data: groups of `tensor` accelerators that
    hold the same attention weights and share out the requests, while experts are spread over tensor x data. expert:
    ranks that hold whole experts (1: experts are cut like other matrices). weight_bits, expert_bits, cache_bits: as held,
    scales included (expert_bits 0: as weight_bits). precision: of the products. engine: a key of ENGINES. year: of the
    software (0: REFERENCE_YEAR). most_requests: that the engine runs at a time (0: as many as the memory holds).
    """

    shape: Shape
    accelerator: Accelerator
    tensor: int = 1
    pipeline: int = 1
    data: int = 1
    expert: int = 1
    weight_bits: float = 16.0
    expert_bits: float = 0.0
    cache_bits: float = 16.0
    precision: str = "bf16"
    engine: str = DEFAULT_ENGINE
    year: float = 0.0
    most_requests: int = 0

    @property
    def accelerators(self) -> int:
        """Accelerators of one copy."""
        return self.tensor * self.pipeline * self.data


@dataclass(frozen=True)
class Load:
    """Requests of `tokens_in` prompt and `tokens_out` answered tokens; each number () or (draws,).

    concurrency: requests that are always there, each replaced when done (a closed loop). rate: if above 0, requests
    arrive at random so many a second for this copy instead. together: all start at the same instant and none follows (a
    static batch). server: there is a server in front of the engine.
    """

    tokens_in: Quantity
    tokens_out: Quantity
    concurrency: Quantity = 1.0
    rate: Quantity = 0.0
    together: bool = False
    server: bool = True


@dataclass(frozen=True)
class Work:
    """A service under a load, in counts, bytes and speeds. Weights: of all matrices (`dense`: of what every token passes
    in the blocks, `head`: output matrix, `routed`: all routed experts); `share`: of the experts that one token passes.
    cache_bytes: for a token and accelerator, over its layers; full_share: of layers that see everything. attention_flops:
    for each token and token seen while answering, and prompt_attention_flops while reading. power_w: rated, of all accelerators. Switches are 0 or 1."""

    layers: Any
    expert_layers: Any
    width: Any
    dense: Any
    head: Any
    routed: Any
    share: Any
    weight_bytes: Any
    expert_bytes: Any
    cache_bytes: Any
    window: Any
    full_share: Any
    attention_flops: Any
    prompt_attention_flops: Any
    latent: Any
    tensor: Any
    data: Any
    pipeline: Any
    whole_experts: Any
    eager: Any
    peak: Any
    half_peak: Any
    bandwidth: Any
    link: Any
    memory: Any
    years: Any
    most_requests: Any
    power_w: Any
    tokens_in: Any
    tokens_out: Any
    concurrency: Any
    rate: Any
    together: Any
    server: Any


@dataclass(frozen=True)
class Rates:
    """Coefficients. Shares of a speed that are reached: bandwidth (weights), cache_bandwidth (in units of it),
    expert_bandwidth (so), flops (writing), prefill_flops, attention_flops (reading), link. Seconds: step_s and, for each
    layer, layer_s, expert_layer_s, latent_layer_s (gaps between kernels); request_s for each request and step (sampling,
    scheduling); reduce_s and reduce_hop_s (an all-reduce, and each doubling of its ranks); eager_layer_s; start_s,
    start_layer_s (a prompt before its first product, and each layer's start outside a captured graph). Numbers: start (of both, by engine), spread
    (experts that b tokens touch are those of b^spread independent ones), imbalance (of whole experts on ranks),
    mixing (share of others' prompts that delays an answer, at half of the peak), queue (prompts waited for, for each
    other request of a closed loop), wave (so, when all start together), residual (steps waited for), bare (of start_s
    that is left without a server), decline, request_decline (of seconds in a year)."""

    bandwidth: Any
    cache_bandwidth: Any
    expert_bandwidth: Any
    flops: Any
    link: Any
    layer_s: Any
    expert_layer_s: Any
    latent_layer_s: Any
    step_s: Any
    request_s: Any
    reduce_s: Any
    reduce_hop_s: Any
    eager_layer_s: Any
    spread: Any
    imbalance: Any
    mixing: Any
    decline: Any
    request_decline: Any
    prefill_flops: Any
    attention_flops: Any
    read_bandwidth: Any
    start_s: Any
    start_layer_s: Any
    start: Any
    queue: Any
    wave: Any
    residual: Any
    bare: Any


NAMES = tuple(field.name for field in fields(Rates))


def levels_of(service: Service) -> tuple[str, ...]:
    """The groups whose deviations apply to this service, as they are named in the factors."""
    kind = ENGINES.get(service.engine)
    if kind is None:
        raise Problem("resources.serving_engine", got=service.engine, limit=", ".join(ENGINES))
    held = "4-bit" if service.weight_bits < 6 else "8-bit" if service.weight_bits < 12 else ""
    found = [f"family:{service.accelerator.family}", f"engine:{service.engine}", f"class:{kind}"]
    found.append(f"precision:{service.precision.replace('fp16', 'bf16')}")
    if held and service.precision in HALF:
        found.append(f"held:{held}")  # turned into 16 bits before each product
    return tuple(found)


@cache
def shipped() -> Mapping[str, Any]:
    """The factors that come with the package."""
    return json.loads(FACTORS.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def rates_of(levels: Sequence[str], factors: Mapping[str, Any] | None = None) -> Rates:
    """Each coefficient times the deviations of the `levels` that the factors know."""
    use = shipped() if factors is None else factors
    deviations = use["levels"]
    return Rates(
        **{n: use["base"][n] * math.prod(deviations.get(n, {}).get(level, 1.0) for level in levels) for n in NAMES}
    )


def check(service: Service) -> None:
    """Raises Problem `resources.serving_sizes`, `serving_heads`, `serving_kind`, `serving_stages`, `accelerator.no_precision`."""
    shape = service.shape
    if shape.kind != "decoder" or shape.patch_values:
        raise Problem("resources.serving_kind", got=shape.kind)
    for name in ("tensor", "pipeline", "data", "expert", "weight_bits", "cache_bits"):
        if not getattr(service, name) > 0 or not math.isfinite(getattr(service, name)):
            raise Problem("resources.serving_sizes", at=name, got=getattr(service, name), limit="> 0")
    if shape.heads % service.tensor:
        raise Problem("resources.serving_heads", got=service.tensor, limit=shape.heads)
    if service.pipeline > shape.layers:
        raise Problem("resources.serving_stages", got=service.pipeline, limit=shape.layers)


def work_of(service: Service, load: Load) -> Work:
    """Counts of one service under one load. Raises Problem: see `check`; `resources.serving_load`."""
    check(service)
    _check_load(load)
    shape, machine, experts, latent = service.shape, service.accelerator, service.shape.experts, service.shape.latent
    routed = shape.expert_blocks * experts.count * shape.expert_matrices if experts else 0
    dense = shape.layers * shape.attention_matrices + shape.dense_blocks * shape.ffn_matrices
    dense += shape.expert_blocks * shape.always_matrices
    # The narrow cache of latent attention is held by every rank; other caches are split over their heads.
    split = 1 if latent else min(service.tensor, shape.kv_heads)
    seen = (
        2 * (2 * latent.key_rank + latent.rotary_width) * shape.heads if latent else 4 * shape.heads * shape.head_width
    )
    return Work(
        layers=float(shape.layers), expert_layers=float(shape.expert_blocks), width=float(shape.width),
        dense=float(dense), head=float(output_matrix(shape)), routed=float(routed),
        share=experts.active / experts.count if experts else 1.0,
        weight_bytes=service.weight_bits / 8, expert_bytes=(service.expert_bits or service.weight_bits) / 8,
        cache_bytes=shape.layers * shape.cached_values * service.cache_bits / 8 / split,
        window=float(shape.window or 2**40), full_share=1.0 - shape.window_blocks / shape.layers,
        attention_flops=float(shape.layers * seen),
        prompt_attention_flops=2.0 * shape.layers * (shape.score_width + shape.value_width),
        latent=float(latent is not None), tensor=float(service.tensor), data=float(service.data),
        pipeline=float(service.pipeline), whole_experts=float(service.expert > 1),
        eager=float(ENGINES.get(service.engine) == "eager"), peak=machine.peak(service.precision),
        half_peak=machine.peak("bf16"), bandwidth=machine.memory_bytes_per_s,
        link=max(machine.link_bytes_per_s, UNKNOWN_LINK), memory=machine.memory_bytes,
        years=min(max(service.year or REFERENCE_YEAR, YEARS[0]), YEARS[1]) - REFERENCE_YEAR,
        most_requests=float(service.most_requests or 2**40),
        power_w=machine.power_w * service.accelerators, tokens_in=load.tokens_in, tokens_out=load.tokens_out,
        concurrency=load.concurrency, rate=load.rate, together=float(load.together), server=float(load.server),
    )  # fmt: skip


def _check_load(load: Load) -> None:
    import numpy as np

    for name, least in (("tokens_in", 0.0), ("tokens_out", 1.0), ("concurrency", 1.0), ("rate", 0.0)):
        value = np.asarray(getattr(load, name), dtype=np.float64)
        if not (np.isfinite(value).all() and (value >= least).all()):
            raise Problem("resources.serving_load", at=name, got=str(getattr(load, name)), limit=f">= {least:g}")
