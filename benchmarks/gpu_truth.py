"""Measure training steps, their memory and decoding on this machine, and the estimator's error on them.

    python benchmarks/gpu_truth.py --out DIR [--device cuda|cpu] [--small] [--only NAME,...] [--seconds 20] [--json]

Needs torch, transformers and this package (LoRA also peft; energy also pynvml, and is left empty without it). Models have
random weights. Rows are appended to megatron_throughput.csv (trained in full), finetune_runs.csv (LoRA) and
inference_runs.csv in DIR as soon as they are measured, with versions, in the columns of the published runs; a set-up that does not fit
into memory becomes a row with status oom. Without the device it says so, writes nothing and ends with 0.

The error of a step time is |forecast / measured - 1|, first without own measurements, then after one of the measured
set-ups, each in turn, judged on the others. A machine that the catalogue does not have is forecast from its own products and
bandwidth, measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.published.columns import append

from groundsill.pilot.hardware import Device, hardware_id
from groundsill.resources.errors import Errors
from groundsill.resources.job import RECOMPUTE, Job, Plan
from groundsill.resources.own import (
    STACK,
    Request,
    Residual,
    own_accelerator,
    own_memory,
    own_observed,
    own_residuals,
    point,
)
from groundsill.resources.settings import setting
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.run import CALIBRATION, MEASURES, Run
from groundsill.terms.shape import Shape
from groundsill.terms.source import Source

MEMORY_KIND = {"cuda": "peak per GPU, torch max_memory_allocated", "cpu": "resident memory above the start"}
SEED, RANK = 0, 8


@dataclass(frozen=True)
class Setup:
    """One thing to measure. kind: `train` or `decode`. tokens: of a sequence, or of the prompt. model: public name of the
    shape, whose figures come from its configuration."""

    name: str
    kind: str
    model: str
    shape: Shape
    tokens: int
    batch: int
    method: str = "full"
    recompute: str = "none"


def llama(layers: int, width: int, heads: int, kv_heads: int, ffn: int, vocabulary: int, context: int = 4096) -> Shape:
    """A decoder with gated feed-forward parts and no biases."""
    return Shape(
        "decoder", layers, width, heads, kv_heads, width // heads, ffn, vocabulary, context, True, False, False
    )


def bert(layers: int, width: int, heads: int, vocabulary: int = 30522, context: int = 512) -> Shape:
    """An encoder with a pooler left out."""
    return Shape(
        "encoder", layers, width, heads, heads, width // heads, 4 * width, vocabulary, context, False, True, True,
        positions=context, types=2, norm_weights=2, embedding_norm=True, final_norm=False,
    )  # fmt: skip


def gpt2(layers: int, width: int, heads: int) -> Shape:
    """GPT-2 with its learned positions."""
    return Shape(
        "decoder", layers, width, heads, heads, width // heads, 4 * width, 50257, 1024, False, True, True,
        positions=1024, norm_weights=2,
    )  # fmt: skip


TINYLLAMA, SEVEN = llama(22, 2048, 32, 4, 5632, 32000), llama(32, 4096, 32, 32, 11008, 32000)
SETUPS = (
    Setup("gpt2", "train", "GPT-2 124M", gpt2(12, 768, 12), 1024, 16),
    Setup("gpt2-medium", "train", "GPT-2 355M", gpt2(24, 1024, 16), 1024, 8),
    Setup("tinyllama", "train", "TinyLlama 1.1B", TINYLLAMA, 2048, 4),
    Setup("tinyllama-again", "train", "TinyLlama 1.1B", TINYLLAMA, 2048, 16, recompute="full"),
    Setup("3b-again", "train", "OpenLLaMA 3B", llama(26, 3200, 32, 32, 8640, 32000), 2048, 2, recompute="full"),
    Setup("bert-base", "train", "BERT base", bert(12, 768, 12), 128, 64),
    Setup("bert-large", "train", "BERT large", bert(24, 1024, 16), 512, 16),
    Setup("tinyllama-lora", "train", "TinyLlama 1.1B", TINYLLAMA, 1024, 8, method="lora"),
    Setup("7b-lora", "train", "Llama 2 7B", SEVEN, 1024, 2, method="lora"),
    Setup("7b-lora-again", "train", "Llama 2 7B", SEVEN, 2048, 4, method="lora", recompute="full"),
    Setup("tinyllama-decode", "decode", "TinyLlama 1.1B", TINYLLAMA, 512, 1),
    Setup("7b-decode", "decode", "Llama 2 7B", SEVEN, 512, 1),
    Setup("7b-decode-8", "decode", "Llama 2 7B", SEVEN, 512, 8),
)
THIN = llama(4, 256, 4, 4, 704, 8192)
SMALL = (
    Setup("thin", "train", "4 x 256 decoder", THIN, 64, 4),
    Setup("thin-long", "train", "4 x 256 decoder", THIN, 128, 4),
    Setup("wide", "train", "4 x 384 decoder", llama(4, 384, 6, 6, 1024, 8192), 64, 4),
    Setup("thin-again", "train", "4 x 256 decoder", THIN, 64, 4, recompute="full"),
    Setup("encoder", "train", "4 x 256 encoder", bert(4, 256, 4, 8192, 128), 64, 8),
    Setup("thin-lora", "train", "4 x 256 decoder", THIN, 64, 4, method="lora"),
    Setup("thin-decode", "decode", "4 x 256 decoder", THIN, 64, 1),
)


class Bench:
    """The machine, and what all rows say of it."""

    def __init__(self, where: str, seconds: float) -> None:
        from groundsill.pilot.machine import known_memory
        from groundsill.pilot.machine_bench import LabMachine

        self.lab, self.seconds, self.where = LabMachine(where, SEED), seconds, where
        self.device: Device = self.lab.device()
        self.hardware = hardware_id(self.device, known_memory())
        self.precision = self.lab.training_precision()
        self.versions = dict(self.lab.versions())

    def common(self, setup: Setup) -> dict[str, Any]:
        """The cells that every file has."""
        shape = setup.shape
        named = self.hardware if not self.hardware.startswith("own/") else self.device.name
        return {
            "row_id": f"own-{setup.name}-{self.lab.now()}", "suite": f"gpu-truth-{self.hardware}", "model": setup.model,
            "arch": "dense" if shape.kind == "decoder" else shape.kind, "params_total": shape.weights,
            "params_active": shape.weights, "layers": shape.layers, "hidden": shape.width, "heads": shape.heads,
            "kv_heads": shape.kv_heads, "ffn": shape.ffn_width, "vocab": shape.vocabulary, "seq_len": setup.tokens,
            "accelerator": named, "hw_class": self.device.name, "n_gpus": 1, "n_nodes": 1, "precision": self.precision,
            "framework": "transformers, PyTorch eager", "sw_version": _told(self.versions), "tp": 1, "pp": 1, "cp": 1,
            "dp": 1, "sharding": "none", "status": "ok", "source": "benchmarks/gpu_truth.py", "confidence": "high",
            "source_detail": f"{self.device.name}, seed {SEED}", "provenance": "measured here",
            "group_key": f"own|{setup.name}|{self.hardware}", "notes": f"random weights; {self.lab.now()}",
        }  # fmt: skip

    def train(self, setup: Setup) -> tuple[str, dict[str, Any], dict[str, float], Job, Plan]:
        """Measure a step; returns the file, the row, what was measured, the job and the plan."""
        lora = setup.method == "lora"
        half = self.precision in ("bf16", "fp16")
        job = Job(
            setup.shape, setup.tokens, setup.batch, self.precision, method="lora" if lora else "full",
            weight_bits=16.0 if half else 32.0, stack=STACK,
        )  # fmt: skip
        plan = Plan(micro_batch=setup.batch, recompute=RECOMPUTE.index(setup.recompute))  # type: ignore[arg-type]
        row = self.common(setup)
        try:
            seen = self.lab.step(job, plan, self.seconds)
        except Problem as problem:
            if problem.code != "lab.no_memory":
                raise
            seen, row["status"] = {}, "oom"
        job = replace(job, trainable=seen.get("trainable_weights", 0.0) if lora else 0.0)
        step, tokens = seen.get("step_seconds"), setup.tokens * setup.batch
        row |= {
            "micro_batch": setup.batch, "grad_accum": 1, "global_batch": setup.batch, "tokens_per_step": tokens,
            "activation_recompute": setup.recompute, "grad_checkpointing": str(setup.recompute != "none").lower(),
            "optimizer": "AdamW, fused", "method": "LoRA" if lora else "full", "lora_rank": RANK if lora else "",
            "lora_targets": "query,value" if lora else "", "mem_kind": MEMORY_KIND[self.where], "mem_unit": "GB",
            "trainable_params": int(seen["trainable_weights"]) if seen else "",
        }  # fmt: skip
        if step:
            each = tokens / step
            row |= {"step_time_s": f"{step:.6g}", "tokens_per_s": f"{each:.6g}", "tokens_per_s_per_gpu": f"{each:.6g}"}
            row["samples_per_s"] = f"{setup.batch / step:.6g}"
            row["notes"] += f"; spread {seen.get('spread', float('nan')):.3f} over {seen['repeats']:.0f} steps"
        if "peak_bytes" in seen:
            row["mem_per_gpu_gb"] = row["peak_mem_gb"] = f"{seen['peak_bytes'] / 1e9:.4f}"
        if "reserved_bytes" in seen:
            row["notes"] += f"; reserved {seen['reserved_bytes'] / 1e9:.3f} GB"
        if "power_w" in seen:
            row["node_power_w"], row["notes"] = f"{seen['power_w']:.1f}", row["notes"] + "; power of the GPU alone"
        return ("finetune_runs" if lora else "megatron_throughput"), row, seen, job, plan

    def decode(self, setup: Setup) -> tuple[str, dict[str, Any], dict[str, float]]:
        """Measure reading and writing; returns the file, the row, what was measured."""
        row = self.common(setup)
        try:
            seen = self.lab.pace(setup.shape, self.precision, setup.batch, setup.tokens, self.seconds)
        except Problem as problem:
            if problem.code != "lab.no_memory":
                raise
            seen, row["status"] = {}, "oom"
        row |= {
            "engine": "transformers, PyTorch eager", "engine_version": row["sw_version"], "batch": setup.batch,
            "input_len": setup.tokens, "scenario": "static batch", "kv_cache_dtype": self.precision,
        }  # fmt: skip
        if seen:
            each = seen["token_seconds"]
            row |= {
                "ttft_ms": f"{seen['prefill_seconds'] * 1e3:.5g}", "tpot_ms": f"{each * 1e3:.5g}",
                "output_len": int(seen["repeats"]), "out_tokens_per_s": f"{setup.batch / each:.5g}",
                "out_tokens_per_s_per_gpu": f"{setup.batch / each:.5g}",
            }  # fmt: skip
            if "peak_bytes" in seen:
                row["mem_gb"] = f"{seen['peak_bytes'] / 1e9:.4f}"
            if "power_w" in seen:
                row["power_w"] = f"{seen['power_w']:.1f}"
        return "inference_runs", row, seen


def _told(versions: dict[str, str]) -> str:
    return "; ".join(f"{name} {version}" for name, version in sorted(versions.items()))


# ---- the estimator on what was measured


def as_run(bench: Bench, job: Job, plan: Plan, seen: dict[str, float]) -> Run:
    """A measured step as a run, the way calibration stores it."""
    at, words = point(job=job, plan=plan)
    source = Source("measured", "measured", "gpu_truth")
    keep = {k: v for k, v in seen.items() if k in MEASURES}
    return Run(
        Candidate("pretrain", job.method, "blank", words), CALIBRATION, "", at, source, measures=keep,
        hardware=bench.hardware, started=bench.lab.now(),
    )  # fmt: skip


def as_request(bench: Bench, setup: Setup, seen: dict[str, float]) -> Run:
    """Measured reading and writing as a run."""
    at, words = point(job=Request(setup.shape, setup.batch, setup.tokens, bench.precision, STACK))
    keep = {k: v for k, v in seen.items() if k in MEASURES}
    return Run(
        Candidate("prompt", "zero-shot", "blank", words), CALIBRATION, "", at, Source("measured", "measured", "gpu_truth"),
        measures=keep, hardware=bench.hardware, started=bench.lab.now(),
    )  # fmt: skip


def machine_runs(bench: Bench) -> list[Run]:
    """Products and bandwidth, for a machine that the catalogue does not have."""
    source, found = Source("measured", "measured", "gpu_truth"), []
    edge = 512 if bench.where == "cpu" else 8192
    for precision in {bench.precision, "fp32"}:
        seen = bench.lab.product(edge, edge, edge, precision, 1.0)
        candidate = Candidate("none", "product", "", (("precision", precision),))
        found.append(Run(candidate, CALIBRATION, "", {"m": edge}, source, measures=seen, hardware=bench.hardware))
    seen = bench.lab.moving("triad", 1 << (26 if bench.where == "cpu" else 30), 1.0)
    seen["memory_bytes"] = bench.device.memory_bytes
    found.append(Run(Candidate("none", "triad"), CALIBRATION, "", {}, source, measures=seen, hardware=bench.hardware))
    return found


def machine_of(bench: Bench, runs: list[Run]) -> Accelerator | None:
    """The catalogue's accelerator, else the measured one."""
    from groundsill.catalogue.load import Catalogue

    catalogue = Catalogue()
    known = bench.hardware in catalogue.accelerators()
    return catalogue.machine(bench.hardware) if known else own_accelerator(runs, bench.hardware)


def errors_of(residuals: list[Residual], machine: Accelerator) -> dict[str, list[float]]:
    """|forecast / measured - 1| of each set-up: of step time before own runs and after each other one; of memory."""
    steps, memory = ([r for r in residuals if r.what == what] for what in ("step", "memory"))
    found: dict[str, list[float]] = {
        "step_before": [],
        "step_after_one": [],
        "memory_before": [],
        "memory_after_one": [],
    }
    learnt = Errors.of()
    settings = [setting(r.job, r.machine, 1.0) for r in steps if r.job]
    if steps:
        plain = learnt.posterior(settings).mean
        found["step_before"] = [abs(math.exp(p - r.error) - 1) for p, r in zip(plain, steps, strict=True)]
    for i, one in enumerate(steps):
        after = learnt.posterior(settings, own_observed([one], machine)).mean
        found["step_after_one"] += [
            abs(math.exp(a - r.error) - 1) for k, (a, r) in enumerate(zip(after, steps, strict=True)) if k != i
        ]
    for what in ("prefill", "token"):
        found[f"{what}_before"] = [abs(math.exp(-r.error) - 1) for r in residuals if r.what == what]
    found["memory_before"] = [abs(math.exp(-r.error) - 1) for r in memory]
    for i, one in enumerate(memory):
        shift = own_memory([one], machine).shift
        found["memory_after_one"] += [abs(math.exp(shift - r.error) - 1) for k, r in enumerate(memory) if k != i]
    return found


def figures(errors: dict[str, list[float]], reach: dict[str, float]) -> list[dict[str, Any]]:
    """Median of each kind of error, lowest and highest beside it."""
    out = []
    for name, values in errors.items():
        if values:
            middle = float(np.median(values))
            one = {
                "id": f"gpu_truth_{name}",
                "value": middle,
                "low": min(values),
                "high": max(values),
                "n": len(values),
            }
            out.append(one | {"reach": reach[name], "better": "lower", "holds": middle <= reach[name]})
    return out


REACH = {
    "step_before": 0.10,
    "step_after_one": 0.06,
    "memory_before": 0.08,
    "memory_after_one": 0.05,
    "prefill_before": 0.25,
    "token_before": 0.15,
}


def measure(bench: Bench, setups: Sequence[Setup], out: Path) -> tuple[list[Run], list[dict[str, Any]]]:
    """Measure, append the rows, return the steps as runs and all rows."""
    runs, rows = [], []
    for setup in setups:
        try:
            if setup.kind == "train":
                file, row, seen, job, plan = bench.train(setup)
                if seen:
                    runs.append(as_run(bench, job, plan, seen))
            else:
                file, row, seen = bench.decode(setup)
                if seen:
                    runs.append(as_request(bench, setup, seen))
        except Problem as problem:
            print(f"{setup.name:18s} left out: {problem}")
            continue
        append(out, file, row)
        rows.append(row)
        told = {
            k: seen[k]
            for k in ("step_seconds", "prefill_seconds", "token_seconds", "spread", "peak_bytes", "power_w")
            if k in seen
        }
        print(f"{setup.name:18s} {row['status']:4s} " + "  ".join(f"{k} {v:.4g}" for k, v in told.items()), flush=True)
    return runs, rows


def main() -> int:
    """Measure, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true", help="models for a processor")
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=20.0, help="for the repeats of one set-up")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        bench = Bench(args.device, args.seconds)
    except Problem as problem:
        print(f"nothing measured: {problem.code} ({problem.got})")
        if args.json:
            print(json.dumps({"figures": [], "skipped": problem.code}))
        return 0
    wanted = [n for n in args.only.split(",") if n]
    setups = [s for s in (SMALL if args.small else SETUPS) if not wanted or s.name in wanted]
    print(f"{bench.device.name}, {bench.hardware}, {bench.precision}; {_told(bench.versions)}")
    runs, rows = measure(bench, setups, args.out)
    known = [*(machine_runs(bench) if bench.hardware.startswith("own/") else []), *runs]
    machine = machine_of(bench, known)
    found = [] if machine is None else figures(errors_of(own_residuals(known, lambda id: machine), machine), REACH)
    for one in found:
        print(f"{one['id']:28s} {one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f}), n={one['n']}")
    if args.json:
        print(json.dumps({"figures": found, "rows": len(rows), "hardware": bench.hardware, "versions": bench.versions}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
