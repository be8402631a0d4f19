"""Which share of an accelerator's peak a training reaches: from published and own runs, never by assumption."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from groundsill.resources._predict import next_value
from groundsill.resources.flops import simple_training_flops
from groundsill.resources.priors import MFU_LOG_SD, PRIOR_WEIGHT
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Array
from groundsill.terms.run import Run

BASELINE_MFU = 0.40
"""The dumb forecast that stands beside ours: one share of the peak for every model and machine. It lies within the 0.21
to 0.46 that Chowdhery et al. 2022 (arXiv 2204.02311, table 3) list for four large models."""


def tells_efficiency(run: Run) -> bool:
    """Whether size, tokens, time and hardware of a training are all known."""
    return bool(
        run.at.get("parameters", 0) > 0
        and run.at.get("tokens", 0) > 0
        and run.measures.get("accelerator_seconds", 0) > 0
        and run.hardware
    )


def implied_mfu(run: Run, peak_flops_per_s: float, goodput: float = 1.0) -> float:
    """6ND / (accelerator seconds x peak x goodput): the share of the peak while the run was running.

    goodput: share of the stated time in which it was; 1 keeps lost time inside the result.
    """
    flops = float(simple_training_flops(run.at["parameters"], run.at["tokens"]))
    return flops / (run.measures["accelerator_seconds"] * peak_flops_per_s * goodput)


def mfu_posterior(
    runs: Sequence[Run],
    *,
    peak_of: Callable[[str], float],
    n: int,
    rng: np.random.Generator,
    goodput_of: Callable[[Run], float] | None = None,
) -> tuple[Array, tuple[str, ...]]:
    """Draws (n,) of the MFU of a new run, and the ids of the runs that they came from.

    Log-normal: each run has its own level around a common mean; the draws are for one more run, cut off at 1. The
    scatter between runs starts from a weak prior (`priors`), so that one run gives a wide answer, not an exact one.
    Runs that lack size, tokens, time or hardware are passed over. peak_of: hardware id -> FLOP/s.
    Raises Problem `resources.no_efficiency`.
    """
    usable = [run for run in runs if tells_efficiency(run)]
    if not usable:
        raise Problem("resources.no_efficiency", got=len(runs))
    implied = [implied_mfu(run, peak_of(run.hardware), goodput_of(run) if goodput_of else 1.0) for run in usable]
    draws = next_value(implied, rng.random(n), prior_sd=MFU_LOG_SD, prior_weight=PRIOR_WEIGHT, highest=1.0)
    return draws, tuple(run.id for run in usable)
