"""Rows of the csv files of `--truth DIR`, and how their errors are summed up.

One error for each group of near-duplicates (the median of its rows), then the median of a suite's groups, then the median
of the suites that have at least three groups. Only rows that ran and whose figures were read with high confidence count.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Row = Mapping[str, str]
Tables = Mapping[str, Sequence[Row]]  # file name without .csv -> its rows
FILES = ("training_runs", "megatron_throughput", "finetune_runs", "inference_runs")
FEWEST_GROUPS = 3


@dataclass(frozen=True)
class Scored:
    """One forecast beside the truth.

    quantity: a figure's id without its ending (`step_time`, `train_memory`); `quantity@peer` is a peer's forecast of the
    same rows. low, high: of the 80 % interval, NaN where there is none. group: of near-duplicates, one error each. note:
    what a list of the worst should say (model, accelerator, why).
    """

    quantity: str
    suite: str
    group: str
    predicted: float
    truth: float
    low: float = float("nan")
    high: float = float("nan")
    note: str = ""

    @property
    def error(self) -> float:
        """|predicted / truth - 1|."""
        return abs(self.predicted / self.truth - 1.0)

    @property
    def inside(self) -> bool:
        """Whether the 80 % interval held."""
        return self.low <= self.truth <= self.high


def read(folder: Path, name: str) -> list[Row]:
    """The rows of `name`.csv, [] if it is not there. No status means ok; no suite means the organisation."""
    path = folder / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        found = list(csv.DictReader(lines))
    for row in found:
        row["status"] = row.get("status") or "ok"
        row["suite"] = row.get("suite") or row.get("org") or ""
    return list(found)


def read_all(folder: Path) -> dict[str, list[Row]]:
    """Every file of the folder that we know."""
    return {name: read(folder, name) for name in FILES}


def crossing(truth: Tables, fit: Tables) -> Iterator[tuple[str, dict[str, list[Row]], dict[str, list[Row]]]]:
    """(suite, rows to fit on, rows to test on) for each suite of `truth`: neither the suite nor any of its groups is in
    the rows to fit on."""
    for suite in sorted({row["suite"] for rows in truth.values() for row in rows if counts(row)}):
        test = {name: [row for row in rows if row["suite"] == suite] for name, rows in truth.items()}
        groups = {row["group_key"] for rows in test.values() for row in rows}
        rest = {
            name: [row for row in rows if row["suite"] != suite and row["group_key"] not in groups]
            for name, rows in fit.items()
        }
        yield suite, rest, test


def crossed(
    fitting: Callable[[Tables], Any], scoring: Callable[[Tables, Any], list[Scored]], truth: Tables, fit: Tables
) -> list[Scored]:
    """Every suite of `truth`, scored with what was fitted on the others."""
    return [one for _, rest, test in crossing(truth, fit) for one in scoring(test, fitting(rest))]


def counts(row: Row) -> bool:
    """Whether this row is scored."""
    return row["status"] == "ok" and row["confidence"] == "high"


def number(row: Row, key: str) -> float | None:
    """A cell as a number, None if it is empty or a text."""
    try:
        return float(row.get(key) or "")
    except ValueError:
        return None


def by_group(errors: Iterable[tuple[str, str, float]]) -> dict[str, dict[str, float]]:
    """suite -> group -> median, from (suite, group, error) of each row."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for suite, group, error in errors:
        found[suite][group].append(error)
    return {s: {g: float(np.median(v)) for g, v in groups.items()} for s, groups in found.items()}


def over_suites(groups: Mapping[str, Mapping[str, float]], share: float = 0.5) -> tuple[float, int]:
    """The quantile `share` of each suite's groups, then the median over suites of three or more; how many suites."""
    each = [float(np.quantile(list(g.values()), share)) for g in groups.values() if len(g) >= FEWEST_GROUPS]
    return (float(np.median(each)) if each else float("nan")), len(each)


_ACCELERATORS: tuple[tuple[str, str], ...] = (  # first match wins; catalogue ids
    (r"gb300", "gb300"),
    (r"gb200", "gb200"),
    (r"gh200", "gh200"),
    (r"b300", "b300-sxm"),
    (r"b200", "b200-sxm"),
    (r"h800", "h800-sxm-80gb"),
    (r"h200.*nvl", "h200-nvl"),
    (r"h200", "h200-sxm"),
    (r"h100.*nvl", "h100-nvl-94gb"),
    (r"h100.*pcie", "h100-pcie-80gb"),
    (r"h100-9[56]gb", "h100-sxm-96gb"),
    (r"h100", "h100-sxm-80gb"),
    (r"a800", "a800-sxm-80gb"),
    (r"a100.*pcie.*40|a100.*40.*pcie", "a100-pcie-40gb"),
    (r"a100.*pcie", "a100-pcie-80gb"),
    (r"a100.*80", "a100-sxm-80gb"),
    (r"a100.*40", "a100-sxm-40gb"),
    (r"a100", "a100-sxm-80gb"),
    (r"a10g", "a10g"),
    (r"\ba10\b", "a10"),
    (r"a30", "a30"),
    (r"\ba40\b", "a40"),
    (r"l40s", "l40s"),
    (r"l40", "l40"),
    (r"\bl4\b", "l4"),
    (r"\bt4\b", "t4"),
    (r"v100s?.*pcie", "v100-pcie-32gb"),
    (r"v100.*32", "v100-sxm-32gb"),
    (r"v100", "v100-sxm-16gb"),
    (r"rtx pro 6000", "rtx-pro-6000"),
    (r"rtx 6000 ada", "rtx-6000-ada"),
    (r"rtx 4000 ada", "rtx-4000-ada"),
    (r"a6000", "rtx-a6000"),
    (r"a5000", "rtx-a5000"),
    (r"4090", "rtx-4090"),
    (r"4080", "rtx-4080"),
    (r"3090", "rtx-3090"),
    (r"3080 ti", "rtx-3080-ti"),
    (r"3080", "rtx-3080"),
    (r"3070", "rtx-3070"),
    (r"1080 ti", "gtx-1080-ti"),
    (r"p100", "p100"),
    (r"7900 xtx", "rx-7900-xtx"),
    (r"mi325", "mi325x"),
    (r"mi300", "mi300x"),
    (r"mi250", "mi250x"),
    (r"gaudi", "gaudi-2"),
    (r"tpu.?v2", "tpu-v2"),
    (r"tpu.?v3", "tpu-v3"),
    (r"tpu.?v4", "tpu-v4"),
    (r"tpu.?v5e", "tpu-v5e"),
    (r"tpu.?v5p", "tpu-v5p"),
    (r"tpu.?v6|trillium", "tpu-v6e"),
    (r"ascend 910b", "ascend-910b"),
    (r"ascend 910", "ascend-910"),
    (r"m1 max", "apple-m1-max"),
    (r"m2 ultra", "apple-m2-ultra"),
    (r"m3 max", "apple-m3-max"),
    (r"trainium", "trainium-1"),
)


def accelerator_id(row: Row) -> str | None:
    """The catalogue's id of the row's accelerator, None if it names none that we know."""
    text = (row.get("accelerator") or "").lower().replace("(r)", "")
    if row.get("hw_class") == "A100-40GB" and "80" in text:
        return "a100-sxm-40gb"  # the class is the correction of the source
    return next((name for pattern, name in _ACCELERATORS if re.search(pattern, text)), None)


def precision(row: Row, default: str = "bf16") -> str:
    """The precision of the matrix products, as the catalogue names it."""
    text = (row.get("precision") or "").lower()
    for pattern, name in (
        (r"fp4|nvfp4|mxfp4", "fp4"),
        (r"fp8|float8", "fp8"),
        (r"bf16|bfloat16", "bf16"),
        (r"fp16|amp|float16|half", "fp16"),
        (r"int8", "int8"),
        (r"tf32", "tf32"),
        (r"fp32|float32", "fp32"),
    ):
        if re.search(pattern, text):
            return name
    return default
