"""What the host adds to a training step: an optimiser that lives in its memory, and reading the data.

An optimiser in the host's memory (Ren et al. 2021, ZeRO-Offload, arXiv 2101.06840, sections 3 and 4): in each step the gradients
of the trained weights go to the host (2 bytes each) while the backward pass still runs; the host's processor updates the
weights, and they come back (2 bytes each) as they are done, so the longer of the two counts. The next pass waits for
them. Data are read ahead while the step runs, so a step takes the longer of the two (Mohan et al. 2021, arXiv
2007.06775, section 3: what is left is the fetch stall); preparing them on the host is not counted.
"""

from __future__ import annotations

import numpy as np

from groundsill.resources.job import Job, Plan
from groundsill.resources.kernels import OPTIMISER, held_weights
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Quantity

HALF_BYTES = 2.0  # of a gradient or weight on its way
ADAM_WEIGHTS_PER_S = 10e9 / 2.57
"""Weights that the processors of one server update in a second: 2.57 s for 10 billion (ZeRO-Offload, table 4, two sockets of a
DGX-2). Servers differ; binding cores to ranks alone changed a whole step by 1.3 (DeepSpeed pull request 7474)."""


def offloaded(job: Job, plan: Plan, accelerator: Accelerator) -> tuple[Quantity, Quantity]:
    """Seconds of the gradients' way to the host, and of update and way back; (plans,) or a number, 0 where nothing is offloaded.

    Raises Problem `resources.no_bandwidth` where the way to the host is needed and unknown.
    """
    away = np.asarray(plan.offload, dtype=bool)
    if not away.any() or job.optimiser == "none":
        return 0.0, 0.0
    if accelerator.host_bytes_per_s <= 0:
        raise Problem("resources.no_bandwidth", at=accelerator.id, got="host_bytes_per_s")
    held = job.shape.weights if isinstance(job.shape, Network) else held_weights(job.shape, plan)
    trained = held if job.method == "full" else job.trainable
    shards = np.where(np.asarray(plan.shard) >= 1, np.asarray(plan.data) * plan.context, 1.0)
    mine = np.where(away, np.asarray(trained) / shards, 0.0)
    moved = HALF_BYTES * mine / accelerator.host_bytes_per_s
    sharing = np.minimum(np.asarray(plan.accelerators, dtype=np.float64), max(accelerator.node_size, 1))
    update = OPTIMISER[job.optimiser] * mine * sharing / ADAM_WEIGHTS_PER_S
    return moved, np.maximum(update, moved)


def reading(job: Job) -> float:
    """Seconds to read the data of one step, below which none can be; 0 where bytes or rate are not known. It is no part of `step`,
    whose error it does not share."""
    return job.batch * job.sample_bytes / job.read_bytes_per_s if job.read_bytes_per_s > 0 else 0.0
