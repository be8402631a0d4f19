"""Makes `src/groundsill/resources/priors.py` from published runs: `python tests/resources/make_priors.py --truth DIR`.

DIR holds `training_runs.csv` and `megatron_throughput.csv` (one row a published run). What is taken from them are two
spreads, nothing else: of the share of the peak between trainings on the same chip, and of step times around a straight
line in the batch.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

HOME = Path(__file__).parents[2] / "src" / "groundsill" / "resources" / "priors.py"
# Dense bf16 (V100: fp16) peaks, FLOP/s: NVIDIA data sheets of A100, H100 SXM and V100 SXM2.
PEAKS = {"A100": 312e12, "H100": 989.4e12, "V100": 125e12}
NUMBERS = ("accelerator_hours", "params_total", "data_processed")
SETUP = [
    "suite",
    "model",
    "accelerator",
    "n_gpus",
    "precision",
    "framework",
    "tp",
    "pp",
    "vp",
    "cp",
    "dp",
    "seq_len",
    "micro_batch",
    "sharding",
    "activation_recompute",
    "layers",
    "hidden",
]

TEXT = '''"""Weak priors on scatter. Made by tests/resources/make_priors.py from published runs; do not edit.

Sources: {mfu_n} dense language-model trainings ({mfu_groups}) as their papers, cards and logs state size, tokens and hours;
step times of {time_groups} setups at several batch sizes from the BigScience training logs ({time_freedom} degrees of freedom).
The files state facts only; no licence restricts them.
"""

from __future__ import annotations

MFU_LOG_SD = {mfu_sd:.3f}
"""Standard deviation of the log of 6ND / (time x peak) between trainings on the same chip."""

TIME_LOG_SD = {time_sd:.3f}
"""Standard deviation of relative differences between measured times and a straight line in the rows."""

PRIOR_WEIGHT = 4.0
"""How many residuals each prior counts for: fewer than stand behind it, so that a handful of own runs outweighs it."""
'''


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def efficiencies(rows: Iterable[dict[str, str]]) -> dict[str, list[float]]:
    """Implied share of the peak by chip: dense text pretraining, one stage, not of low confidence."""
    found: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        kind = (row["run_kind"], row["modality"], row["arch"], row["data_unit"])
        chip = row["hw_class"].split("-")[0]
        if kind != ("pretrain", "text", "dense", "tokens") or row["confidence"] == "low" or chip not in PEAKS:
            continue
        if "all stages" in row["accelerator_hours_basis"] or not all(row[k] for k in NUMBERS):
            continue
        seconds = 3600 * float(row["accelerator_hours"])
        found[chip].append(6 * float(row["params_total"]) * float(row["data_processed"]) / (seconds * PEAKS[chip]))
    return {chip: values for chip, values in sorted(found.items()) if len(values) > 1}


def line_residuals(rows: Iterable[dict[str, str]]) -> tuple[float, int, int]:
    """(sum of squared relative residuals, degrees of freedom, setups) of step time against batch."""
    setups: dict[tuple[str, ...], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        if row["suite"].startswith("bigscience") and row["confidence"] != "low" and row["step_time_s"]:
            setups[tuple(row[k] for k in SETUP)].append((float(row["global_batch"]), float(row["step_time_s"])))
    squares, freedom, used = 0.0, 0, 0
    for points in setups.values():
        batch, seconds = np.array(points).T
        if len(set(batch)) < 3:
            continue
        weighted = np.column_stack([np.ones_like(batch), batch]) / seconds[:, None]
        fit = np.linalg.lstsq(weighted, np.ones_like(batch), rcond=None)[0]
        squares += float(((1 - weighted @ fit) ** 2).sum())
        freedom, used = freedom + len(batch) - 2, used + 1
    return squares, freedom, used


def text(folder: Path) -> str:
    """What `priors.py` holds."""
    shares = efficiencies(_rows(folder / "training_runs.csv"))
    logs = [np.log(values) for values in shares.values()]
    squares = sum(float(((v - v.mean()) ** 2).sum()) for v in logs)
    time_squares, time_freedom, setups = line_residuals(_rows(folder / "megatron_throughput.csv"))
    return TEXT.format(
        mfu_n=sum(map(len, logs)),
        mfu_groups=", ".join(f"{len(v)} on {chip}" for chip, v in shares.items()),
        mfu_sd=(squares / sum(len(v) - 1 for v in logs)) ** 0.5,
        time_groups=setups,
        time_freedom=time_freedom,
        time_sd=(time_squares / time_freedom) ** 0.5,
    )


if __name__ == "__main__":
    HOME.write_text(text(Path(sys.argv[sys.argv.index("--truth") + 1])), encoding="utf-8")
