"""How long one training step takes: kernels at the efficiency they reach, traffic that is not hidden, idle pipeline stages.

seconds = (busy + tensor + expert + context + stage) (1 + bubble) + data not hidden + optimiser + host + fixed, where busy is the
sum of the kernels' times or, if that is longer, of their launches. Of data-parallel traffic of d seconds beside r seconds
of computing, a share rho runs at the same time: (1 - rho) d + rho (max(r, d) - r) is left. Both maxima are soft. The few coefficients (shares of ideal speed that are
reached) are fitted to published runs (`factors/time.json`); what they leave unexplained is `errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from groundsill.resources import host
from groundsill.resources.factors import shipped
from groundsill.resources.job import Job, Plan
from groundsill.resources.kernels import LOW, kernels
from groundsill.resources.parallel import traffic
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.network import Network
from groundsill.terms.quantity import Quantity

SHARP = 4.0  # exponent of a soft maximum: (x^4 + y^4)^(1/4)


@dataclass(frozen=True)
class Coefficients:
    """Factors on ideal times (1 / share reached), but: low: more for each halving of bits below 16; overlap: share of
    data-parallel traffic that runs beside computing; launch, latency, fixed: seconds of one kernel launch, one step of a collective, one
    optimiser step."""

    matrix: float
    thin: float
    low: float
    attention: float
    output: float
    memory: float
    scores: float
    network: float
    weights: float
    tensor: float
    expert: float
    context: float
    stage: float
    data: float
    overlap: float
    optimiser: float
    launch: float
    route: float
    latency: float
    fixed: float

    @classmethod
    def of(cls, factors: Mapping[str, Any] | None = None) -> Coefficients:
        """The table `step` of the factors (shipped: `factors/time.json`)."""
        table = (factors or shipped("time"))["step"]
        return cls(**{f.name: float(table[f.name]) for f in fields(cls)})


@dataclass(frozen=True)
class Basis:
    """Ideal seconds and counts of a step, (plans,) each, as `kernels` and `traffic` have them. halvings: of bits below
    16; network: element-wise time of a network that is no transformer; down, host: seconds of `host.offloaded`."""

    matrix: Quantity
    thin: Quantity
    attention: Quantity
    output: Quantity
    memory: Quantity
    scores: Quantity
    network: Quantity
    weights: Quantity
    optimiser: Quantity
    launches: Quantity
    routes: Quantity
    tensor: Quantity
    expert: Quantity
    context: Quantity
    stage: Quantity
    data: Quantity
    hops: Quantity
    bubble: Quantity
    halvings: Quantity
    down: Quantity
    host: Quantity


def basis(job: Job, plan: Plan, accelerator: Accelerator) -> Basis:
    """What does not depend on coefficients. Raises what `kernels` and `traffic` raise."""
    work, talk = kernels(job, plan, accelerator), traffic(job, plan, accelerator)
    other = isinstance(job.shape, Network)
    halvings = {"fp8": 1.0, "int8": 1.0, "fp4": 2.0}.get(job.precision, 0.0) if job.precision in LOW else 0.0
    none = 0.0 * np.asarray(work.memory)
    down, update = host.offloaded(job, plan, accelerator)
    return Basis(
        work.matrix, work.thin, work.attention, work.output, none if other else work.memory, work.scores,
        work.memory if other else none,
        work.weights, work.optimiser, work.launches, work.routes, talk.tensor, talk.expert, talk.context, talk.stage, talk.data,
        talk.hops, talk.bubble, halvings, down, update,
    )  # fmt: skip


@dataclass(frozen=True)
class Step:
    """Seconds of one step and of its parts, each (plans,) or a number; the parts add up to `seconds`.

    pipeline: idle time of stages. data: traffic between copies that computing does not hide. launch: where starting
    kernels takes longer than running them, the difference. host: of an optimiser in the host's memory, and of gradients on
    their way there that computing does not hide.
    """

    seconds: Quantity
    matrix: Quantity
    attention: Quantity
    memory: Quantity
    launch: Quantity
    tensor: Quantity
    expert: Quantity
    context: Quantity
    pipeline: Quantity
    data: Quantity
    optimiser: Quantity
    fixed: Quantity
    host: Quantity

    @property
    def parts(self) -> dict[str, Quantity]:
        """All but the sum."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "seconds"}


def seconds_of(b: Basis, c: Coefficients) -> Step:
    """The step's parts from ideal times and coefficients; whatever the arrays run over."""
    matrix = c.low ** np.asarray(b.halvings) * (c.matrix * b.matrix + c.thin * b.thin) + c.output * np.asarray(b.output)
    attention = c.attention * np.asarray(b.attention)
    memory = c.memory * np.asarray(b.memory) + c.scores * np.asarray(b.scores)
    memory = memory + c.network * np.asarray(b.network) + c.weights * np.asarray(b.weights)
    computing = matrix + attention + memory
    launching = c.launch * np.asarray(b.launches) + c.route * np.asarray(b.routes)
    busy = _longest(computing, launching)
    tensor, expert = c.tensor * np.asarray(b.tensor), c.expert * np.asarray(b.expert)
    context, stage = c.context * np.asarray(b.context), c.stage * np.asarray(b.stage)
    run = busy + tensor + expert + context + stage
    idle = run * b.bubble
    sent = c.data * np.asarray(b.data)
    data = (1.0 - c.overlap) * sent + c.overlap * (_longest(run + idle, sent) - run - idle)
    optimiser, fixed = c.optimiser * np.asarray(b.optimiser), c.fixed + c.latency * np.asarray(b.hops)
    away = np.asarray(b.host) + (_longest(run + idle, b.down) - run - idle) * (np.asarray(b.down) > 0)
    total = run + idle + data + optimiser + away + fixed
    return Step(
        total,
        matrix,
        attention,
        memory,
        busy - computing,
        tensor,
        expert,
        context,
        idle + stage,
        data,
        optimiser,
        fixed,
        away,
    )


def _longest(x: Quantity, y: Quantity) -> Quantity:
    """Soft maximum of two times."""
    top = np.maximum(np.maximum(x, y), 1e-300)
    return np.asarray(top * ((np.asarray(x) / top) ** SHARP + (np.asarray(y) / top) ** SHARP) ** (1.0 / SHARP))


def step(
    job: Job, plan: Plan, accelerator: Accelerator, factors: Mapping[str, Any] | Coefficients | None = None
) -> Step:
    """One optimiser step of `job` under `plan`; every field of the plan may be an array (plans,).

    Without the hierarchical error (`errors.Errors`), whose median factor is the same for all plans of a job on equally
    many accelerators. Raises Problem `accelerator.no_precision`, `resources.no_bandwidth`.
    """
    c = factors if isinstance(factors, Coefficients) else Coefficients.of(factors)
    return seconds_of(basis(job, plan, accelerator), c)
