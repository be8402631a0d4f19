"""Timing a decoder with random weights as it reads a prompt and writes: prefill and decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from groundsill.lab.evaluation import Meter
from groundsill.lab.models.clock import Peak, repeat, room
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

if TYPE_CHECKING:
    import torch

LEAST_METER_SECONDS = 0.5  # a shorter look at an energy counter tells nothing: it moves about ten times a second


def pace(
    shape: Shape, where: torch.device, *, precision: str, batch: int, tokens: int, seconds: float, seed: int
) -> dict[str, float]:
    """Seconds to read `batch` prompts of `tokens` tokens (`prefill_seconds`) and to write one more token of each behind
    them (`token_seconds`), with their spread, memory, other work and, where a meter can be read, watts.

    Weights and cache are held in `precision`. The cache of transformers grows with each token, so the tokens that are
    timed stand behind `tokens` to `tokens` + repeats. Plain calls, without CUDA graphs: on a GPU small models wait for
    the host. Raises Problem `lab.no_memory`, `lab.no_blank`.
    """
    import torch
    from transformers import DynamicCache

    from groundsill.lab.models.blank import build, load

    if shape.kind != "decoder":
        raise Problem("lab.no_blank", got=shape.kind)
    load(shape, where, seed)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    with Peak(where) as peak, room(), torch.inference_mode(), Meter() as meter:
        body = build(shape, where, seed=seed, dtype=dtype).body.eval()
        rng = torch.Generator(device="cpu").manual_seed(seed)
        ids = torch.randint(0, shape.vocabulary, (batch, tokens), generator=rng).to(where)
        kept: list[DynamicCache] = []

        def read() -> None:
            kept[:] = [DynamicCache(config=body.config)]
            body(input_ids=ids, past_key_values=kept[0], use_cache=True, logits_to_keep=1)

        def write() -> None:
            body(input_ids=ids[:, :1], past_key_values=kept[0], use_cache=True)

        prefill = repeat(read, where, seconds=seconds / 2)
        decode = repeat(write, where, seconds=seconds / 2)
    seen = meter.measures()
    out = {"prefill_seconds": prefill.median, "token_seconds": decode.median, "load": seen["load"]}
    out |= {**decode.measures(), **peak.measures()}
    if "joules" in seen and meter.seconds > LEAST_METER_SECONDS:
        out["power_w"] = seen["joules"] / meter.seconds
    return out
