"""FLOP for each trained token against published rows that state an MFU and a speed: MFU x peak / (tokens/s of one GPU).

Each row is counted by the convention that its source states. `6N`: 6 FLOP for each weight, look-ups and norms included,
plus the whole square of attention (PaLM appendix B, llm-foundry, torchtitan, nanoGPT). Otherwise: matrices and the whole
square of attention (Megatron, Korthikanti). Peak: dense, of the row's precision. The peer is 6N alone. Nothing is fitted.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from groundsill.catalogue.load import Catalogue
from groundsill.resources.flops import attention_flops_per_token, training_flops
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

from .rows import Row, Scored, Tables, accelerator_id, counts, number, precision
from .shapes import shape_of

FILES = ("megatron_throughput",)
_BY_WEIGHTS = re.compile(r"6\s*n\b|6n\+|palm|nanogpt", re.IGNORECASE)


def fit(tables: Tables) -> dict[str, Any]:
    """Nothing to learn."""
    return {}


def score(tables: Tables, factors: Any, catalogue: Catalogue) -> list[Scored]:
    """One Scored for each row that tells an MFU and a speed."""
    found = []
    for row in tables.get("megatron_throughput", ()):
        truth = implied(row, catalogue)
        shape = shape_of(row, catalogue) if truth else None
        if not truth or not isinstance(shape, Shape):
            continue
        note = f"{row['model']}, {row['accelerator']}, {row['precision']}, {row['flops_convention'][:40]}"
        ours, plain = flops_per_token(row, shape), 6.0 * shape.active_weights
        found.append(Scored("flops", row["suite"], row["group_key"], ours, truth, note=note))
        found.append(Scored("flops@6N", row["suite"], row["group_key"], plain, truth, note=note))
    return found


def missed(tables: Tables, catalogue: Catalogue) -> dict[str, int]:
    """Rows with an MFU that are not scored: reason -> rows."""
    found: Counter[str] = Counter()
    for row in tables.get("megatron_throughput", ()):
        if counts(row) and number(row, "mfu"):
            if not _rate(row):
                found["no speed, or no sizes"] += 1
            elif not implied(row, catalogue):
                found["no peak of the accelerator"] += 1
    return dict(found)


def implied(row: Row, catalogue: Catalogue) -> float | None:
    """FLOP for each token that the row's MFU, speed and peak amount to; None if one of them is missing."""
    mfu, rate, id = number(row, "mfu"), _rate(row), accelerator_id(row)
    if not counts(row) or not mfu or not rate or id is None:
        return None
    try:
        peak = catalogue.machine(id).peak(precision(row))
    except Problem:
        return None
    return mfu * peak / rate


def flops_per_token(row: Row, shape: Shape) -> float:
    """Ours, by the row's convention."""
    context = number(row, "seq_len") or shape.context
    if _BY_WEIGHTS.search(row.get("flops_convention") or ""):
        attention = attention_flops_per_token(shape, context, convention="full")
        return float(6.0 * shape.active_weights + 3.0 * attention)
    return float(training_flops(shape, 1.0, context_tokens=context, convention="full"))


def _rate(row: Row) -> float | None:
    """Tokens a second of one GPU: as stated, else from the step."""
    rate, seconds, gpus = number(row, "tokens_per_s_per_gpu"), number(row, "step_time_s"), number(row, "n_gpus")
    tokens = number(row, "tokens_per_step")
    batch, context = number(row, "global_batch"), number(row, "seq_len")
    if not tokens and batch and context and (number(row, "layers") or 0) > 1:
        tokens = batch * context
    if rate:
        return rate
    return tokens / (seconds * gpus) if tokens and seconds and gpus else None
