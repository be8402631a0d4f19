"""Rows of inference_runs.csv as services under a load.

Scored: decode time per token (`token`) and time to first token (`first`). One target a row: `tpot_ms`; else the median
time between tokens (`itl_median_ms`), which is a step without others' prompts; else, of single streams and static
batches, batch / tokens per second or latency / tokens, which hold the prompt, and so does the forecast. Not decode time
and left out: throughput at the largest load, pictures and videos, encoders, weights that do not lie on the accelerators.
MLPerf's server runs are driven as fast as the rules' limit of 200 ms a token (99 % of requests) lets them: time per token
is then the submitter's choice. Their rate is forecast instead (quantity `serving_rate`), and the first token at that load.

Stated defaults for what a row leaves open. Prompt lengths of ml-energy's tasks: PROMPTS, judged from the tasks and from
how many requests ran where the memory, not the asked number, was the limit; of MLPerf:
means of its data sets. MLPerf: fp8 where the accelerator has it, tensor ranks until weights fill at most 60 % of the
memory; its rate is shared out evenly. ml-energy's experts without tensor ranks: attention is cut over all accelerators.
Caches: 8 bits with TensorRT-LLM's fp8 and fp4 checkpoints, else 16. Not stated precision: that of the model's name, else 16
bits. fp4 without fp4 units is held so and multiplied in 16 bits, and so are int4 and int8 weights. The year of the
software: of the measurement, else of the release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.published.rows import Row, Tables, accelerator_id, number
from benchmarks.published.shapes import shape_of

from groundsill.catalogue.load import Catalogue
from groundsill.resources.serving_parts import Load, Service
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

PROMPTS = {"lm-arena-chat": 420, "gpqa": 300, "sourcegraph-fim": 1250, "image-chat": 1250, "video-chat": 5000}
MLPERF_PROMPTS = {"llama": 294, "mixtral": 350}  # OpenORCA; OpenORCA, GSM8K and MBXP
MLPERF_TOKEN_S, MLPERF_TAIL = 0.2, 1.25  # limit of the rules (v4.1); 99 % over the mean, judged
SINGLE_STREAM = (50, 200)  # tokens in and out where a single stream does not say
YEARS = {"ml-energy-v3": 2025.8, "mlperf-inference-v4.1": 2024.5, "gpt-fast": 2024.2, "lmdeploy": 2023.9,
         "llama.cpp-gpu-bench": 2024.3, "tensorrt-llm-0.6": 2023.9, "fastertransformer": 2022.0, "hf-bloom-blog": 2022.7,
         "litgpt": 2023.7, "nemo-launcher": 2022.8}  # fmt: skip
_RELEASES = {"1.0.0rc3": 2025.55, "0.12.0": 2025.95, "0.5.1.post1": 2025.65, "0.5.6.post2": 2025.95,
             "0.5.8.post1": 2026.05, "0.5.9": 2026.15}  # fmt: skip
_ENGINES = (
    (r"tensorrt", "tensorrt-llm"), (r"vllm", "vllm"), (r"sglang", "sglang"), (r"lmdeploy", "lmdeploy"),
    (r"gpt-fast", "gpt-fast"), (r"llama\.cpp", "llama.cpp"), (r"mlc", "mlc-llm"), (r"awq", "awq"),
    (r"fastertransformer", "fastertransformer"), (r"megatron", "megatron"), (r"deepspeed", "deepspeed"),
    (r"litgpt|accelerate|transformers", "eager"),
)  # fmt: skip


@dataclass(frozen=True)
class Point:
    """A row as the engine sees it. kind: what `token` is: `mixed` (mean with others' prompts), `step`, `latency` (of the
    whole answer over its tokens), `limit` (run as fast as MLPerf's limit lets it: its time is the limit's, its rate the
    forecast). token, first: seconds, rate: requests per second of a copy; nan where the row does not say."""

    row: Row
    service: Service
    load: Load
    kind: str
    token: float
    first: float
    rate: float = float("nan")


_POINTS: dict[tuple[str, ...], Point | str] = {}
_SHAPES: dict[tuple[str, ...], object] = {}
_MACHINES: dict[str, Accelerator] = {}


def points(tables: Tables, catalogue: Catalogue) -> Iterator[Point]:
    """All rows that can be forecast."""
    for row in tables.get("inference_runs", ()):
        found = point(row, catalogue)
        if isinstance(found, Point):
            yield found


def point(row: Row, catalogue: Catalogue) -> Point | str:
    """The row, or why it is not forecast ("": it states neither target). Each row is read once."""
    key = tuple(row.values())
    if key not in _POINTS:
        _POINTS[key] = _point(row, catalogue)
    return _POINTS[key]


def _point(row: Row, catalogue: Catalogue) -> Point | str:
    if row["status"] != "ok" or (row.get("arch") or "") in ("diffusion", "cnn", "encoder", "encoder-decoder"):
        return ""
    if "zero-inference" in (row.get("engine") or "").lower() or row["suite"] == "zero-inference":
        return ""  # weights come over a link at each step
    nan = float("nan")
    token, kind = _token(row)
    first = (number(row, "ttft_ms") or nan) / 1e3
    if token is None and first != first:
        return ""
    name = accelerator_id(row)
    if not _MACHINES:
        _MACHINES.update({id: catalogue.machine(id) for id in catalogue.accelerators()})
    if name not in _MACHINES:
        return "the accelerator is not in the catalogue"
    asked = tuple(
        row.get(k) or "" for k in ("model", "arch", "params_total", "params_active", "layers", "hidden", "heads")
    )
    if asked not in _SHAPES:
        _SHAPES[asked] = shape_of(row, catalogue)
    shape = _SHAPES[asked]
    if not isinstance(shape, Shape) or shape.kind != "decoder":
        return "the model's shape is not known"
    try:
        service = _service(row, shape, _MACHINES[name])
        load = _load(row, service)
        if row["suite"].startswith("mlperf"):
            return Point(row, service, load, "limit", nan, first, float(load.rate))
        return Point(row, service, load, kind, nan if token is None else token, first)
    except Problem as problem:
        return problem.code


def _token(row: Row) -> tuple[float | None, str]:
    batch, out = number(row, "batch") or 1.0, number(row, "output_len")
    scenario = (row.get("scenario") or "").lower()
    if number(row, "tpot_ms"):
        single = "single" in scenario or "static" in scenario
        return (number(row, "tpot_ms") or 0.0) / 1e3, "step" if single else "mixed"
    if number(row, "itl_median_ms"):
        return (number(row, "itl_median_ms") or 0.0) / 1e3, "step"
    if number(row, "ms_per_token_batch"):
        return (number(row, "ms_per_token_batch") or 0.0) / 1e3 * batch, "latency"
    if "static batch" in scenario and out and number(row, "latency_ms"):
        return (number(row, "latency_ms") or 0.0) / 1e3 / out, "latency"
    speed = number(row, "out_tokens_per_s") or (number(row, "out_tokens_per_s_per_gpu") or 0.0) * (
        number(row, "n_gpus") or 1.0
    )
    if not speed or (out or 2) < 2:
        return None, ""
    if "single stream" in scenario:
        return 1.0 / speed, "step"
    return (batch / speed, "latency") if "static" in scenario else (None, "")


def _service(row: Row, shape: Shape, machine: Accelerator) -> Service:
    text = f"{row.get('quantization') or ''} {row.get('precision') or ''} {row.get('model') or ''}".lower()
    engine = next((name for pattern, name in _ENGINES if re.search(pattern, (row.get("engine") or "").lower())), "vllm")
    weights, experts, precision = _bits(text, row, machine)
    narrow = (engine == "tensorrt-llm" and precision in ("fp8", "fp4")) or re.search(
        "fp8|int8", row.get("kv_cache_dtype") or ""
    )
    cache = 4.0 if "int4" in (row.get("kv_cache_dtype") or "") else 8.0 if narrow else 16.0
    count = int(number(row, "n_gpus") or 1)
    stages, data = int(number(row, "pp") or 1), int(number(row, "dp") or 1)
    tensor = int(number(row, "tp") or max(1, count // (stages * data)))
    if row["suite"] == "ml-energy-v3":
        tensor = count
    if row["suite"].startswith("mlperf"):
        tensor = 1
        while tensor < count and shape.weights * weights / 8 > 0.6 * tensor * machine.memory_bytes:
            tensor *= 2
    if shape.heads % tensor:
        tensor = max(t for t in range(1, tensor + 1) if shape.heads % t == 0)
    return Service(
        shape, machine, tensor, min(stages, shape.layers), data, int(number(row, "ep") or 1), weights, experts, cache,
        precision, engine, _year(row),
    )  # fmt: skip


def _bits(text: str, row: Row, machine: Accelerator) -> tuple[float, float, str]:
    """Bits of the weights, of the experts' if other, and the precision of the products. Groups of 16 to 32 weights share
    a scale of 8 bits (fp4: 4.5 and 4.25), 4-bit K-quants of llama.cpp hold 4.85."""
    has = machine.peak_flops_per_s
    half = "bf16" if "bf16" in has else "fp16"
    eight = "fp8" if "fp8" in has else half
    if "gpt-oss" in text:
        return 16.0, 4.25, half
    if "kimi" in text and "int4" in text:
        return 16.0, 4.5, half
    if "fp4" in text:
        return 4.5, 0.0, "fp4" if "fp4" in has else eight
    if re.search(r"int4|w4a16|q4_k|nf4", text):
        return (4.85 if "q4_k" in text else 4.5), 0.0, half
    if re.search("fp8|submitter", text):
        return 8.0, 0.0, eight
    return (8.0 if "int8" in text else 16.0), 0.0, half


def _year(row: Row) -> float:
    release = _RELEASES.get(row.get("engine_version") or "")
    detail = row.get("source_detail") or ""
    when = re.search(r"measured (\d{4})-(\d\d)", detail) or re.search(r"(20\d\d)_(\d\d)_\d\d", detail)
    dated = int(when[1]) + (int(when[2]) - 0.5) / 12 if when else None
    return release or dated or YEARS.get(row["suite"], 0.0)


def _load(row: Row, service: Service) -> Load:
    scenario, suite = (row.get("scenario") or "").lower(), row["suite"]
    given, out = number(row, "input_len"), number(row, "output_len")
    static = "static" in scenario or "single" in scenario or "first token" in scenario
    if suite.startswith("mlperf"):
        copies = max((number(row, "n_gpus") or 1) / service.accelerators, 1.0)
        prompt = next((n for name, n in MLPERF_PROMPTS.items() if name in (row.get("model") or "").lower()), 300)
        return Load(prompt, out or 200.0, rate=(number(row, "requests_per_s") or 0.0) / copies)
    if suite == "llama.cpp-gpu-bench":
        given = 0.0  # prompt and answer were measured apart
    task = scenario.split(", ")[-1]
    requests = number(row, "avg_concurrency") or number(row, "max_concurrency") or number(row, "batch") or 1.0
    if static:
        requests = number(row, "batch") or 1.0
    default = PROMPTS.get(task, SINGLE_STREAM[0])
    return Load(
        default if given is None else given, max(out or SINGLE_STREAM[1], 1.0), max(requests, 1.0),
        together=static, server=not static,
    )  # fmt: skip
