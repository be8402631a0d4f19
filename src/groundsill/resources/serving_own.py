"""The user's own runs of serving, as the error model of serving takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import astuple

import numpy as np

from groundsill.resources.own import STACK, Request, Residual, alike
from groundsill.resources.serving import OwnRuns, setting_of
from groundsill.resources.serving_errors import NOTHING, OWN, Observed, Setting, What
from groundsill.resources.serving_parts import Load, Service, levels_of, rates_of, work_of
from groundsill.terms.accelerator import Accelerator

MEASURED: Mapping[str, What] = {"token": "token", "prefill": "first"}


def request_service(asked: Request, machine: Accelerator) -> tuple[Service, Load]:
    """What served a measured request: one accelerator, a static batch, no server in front."""
    bits = 32.0 if asked.precision in ("fp32", "tf32") else 16.0
    engine = "eager" if asked.stack in ("", STACK) else asked.stack
    service = Service(asked.shape, machine, weight_bits=bits, cache_bits=bits, precision=asked.precision, engine=engine)
    return service, Load(asked.tokens, 1.0, asked.batch, together=True, server=False)


def own_served(residuals: Iterable[Residual], requests: Mapping[str, Request], accelerator: Accelerator) -> OwnRuns:
    """Runs on machines like `accelerator` that tell the speed of serving. requests: run id -> what was asked. Each set-up
    counts once, by the median of its runs."""
    rows: dict[What, dict[Setting, list[float]]] = {"token": {}, "first": {}}
    for r in residuals:
        what = MEASURED.get(r.what)
        if what is None or r.run not in requests or not alike(r.machine, accelerator):
            continue
        asked = requests[r.run]
        service, load = request_service(asked, r.machine)
        name = hashlib.sha256(repr((astuple(asked), r.machine.id)).encode()).hexdigest()[:12]
        at = setting_of(service, work_of(service, load), rates_of(levels_of(service)), OWN, f"{OWN}:{name}")
        rows[what].setdefault(at, []).append(r.error)
    return OwnRuns(*(_observed(rows[what]) for what in ("token", "first")))


def _observed(rows: Mapping[Setting, list[float]]) -> Observed:
    if not rows:
        return NOTHING
    return Observed(tuple(rows), np.array([float(np.median(v)) for v in rows.values()]))
