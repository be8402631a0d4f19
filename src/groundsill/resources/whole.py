"""From the forecast of a step to the hours of a whole training: what published runs took beyond a well-tuned step.

Step times come from benchmarks: tuned code, no evaluation, no slow data, no bad nodes. Whole runs as teams report them took longer, and how
much longer goes with the team more than with the model. So, in logs, hours = forecast + level + pull (baseline -
forecast): `level` is what whole runs took beyond the forecast, `pull` how far the share of the peak that all runs have in common (the
baseline) is the better guess, `scatter` what differs from run to run. All three are fitted to published runs
(`factors/time.json`, table `hours`), each shrunk towards a value that is stated there. A team that has measured its own
step knows most of it: what is left of the step's variance after its runs is the share that is applied. The runs behind it
trained models from the start; tuning is taken to be no different, for want of published whole tunings with their plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from groundsill.resources.efficiency import BASELINE_MFU
from groundsill.resources.factors import shipped
from groundsill.resources.flops import attention_flops_per_token
from groundsill.resources.job import Job
from groundsill.resources.kernels import block_matrices, half_peak
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.quantity import Quantity


def usual_seconds(job: Job, accelerator: Accelerator, sequences: Quantity) -> Quantity:
    """Accelerator-seconds of so many sequences at the baseline's share of the 16-bit peak, () or (draws,). FLOP are counted as most
    papers count them for MFU: attention as if every word saw all others (Chowdhery et al. 2022, PaLM, arXiv 2204.02311, appendix B).

    Raises Problem `accelerator.no_precision`.
    """
    passes = {"full": 3.0, "lora": 2.0, "head": 1.0}[job.method]
    if isinstance(job.shape, Network):
        each = passes * job.shape.forward_flops
    else:
        shape, decoder = job.shape, job.shape.kind != "encoder"
        head = shape.vocabulary * shape.width if decoder else 0
        attention = float(attention_flops_per_token(shape, job.sequence)) * (2.0 if decoder else 1.0)
        each = passes * (2.0 * (block_matrices(shape) + head) + attention) * job.sequence
    return each * sequences / (BASELINE_MFU * half_peak(accelerator, job.precision))


@dataclass(frozen=True)
class Practice:
    """level, pull: see above; scatter: standard deviation of a run's log beyond the step's own doubt."""

    level: float
    pull: float
    scatter: float

    @classmethod
    def of(cls, factors: Mapping[str, Any] | None = None) -> Practice:
        """The table `hours` of the factors (shipped: `factors/time.json`)."""
        table = (factors or shipped("time"))["hours"]
        return cls(float(table["level"]), float(table["pull"]), float(table["scatter"]))

    def beyond(self, forecast: Quantity, baseline: Quantity, unknown: Quantity = 1.0) -> tuple[Quantity, Quantity]:
        """What to add to ln(forecast), and the standard deviation that this adds; each () or (runs,).

        forecast, baseline: hours (or seconds) of the whole run by the engine, over goodput, and at the common share of the
        peak. unknown: variance of the step's log after own runs over that before; 1 where nothing was measured.
        """
        share = np.asarray(unknown, dtype=np.float64)
        moved = share * (self.level + self.pull * (np.log(baseline) - np.log(forecast)))
        return moved, np.sqrt(share) * self.scatter
