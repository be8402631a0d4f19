"""Small cases, draws and curves, made by hand: the rooms beside this one are not needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from groundsill.project.case import Case, Entrant
from groundsill.terms.anchor import Anchor
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.curve import LabelsNeeded, Rung
from groundsill.terms.draws import Draws
from groundsill.terms.fact import Fact
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import HOUR, MONTH, Array, Exactly, Quantity, Range
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape
from groundsill.terms.source import Source

USER = Source("project", "user")
N = 2000
LLAMA_2_7B = Shape("decoder", 32, 4096, 32, 32, 128, 11008, 32000, 4096, gated=True, biases=False, tied=False)
H100 = {
    "accelerator.h100-sxm-80gb.peak_flops_per_s": 989.4e12,
    "accelerator.h100-sxm-80gb.memory_bytes": 80e9,
    "accelerator.h100-sxm-80gb.memory_bytes_per_s": 3.35e12,
    "accelerator.h100-sxm-80gb.power_w": 700.0,
}
WORK: Mapping[str, Any] = {
    **{
        f"effort.{route}.build": Range(0.2 * MONTH, 0.8 * MONTH)
        for route in ("classical", "prompt", "tune", "continue")
    },
    "effort.pretrain.build": Range(24 * MONTH, 96 * MONTH),
    **{f"effort.{route}.month": 0.1 * MONTH for route in ("classical", "prompt", "tune", "continue", "pretrain")},
    "team.people": 1.0,
    "site.pue": 1.2,
    "site.utilisation": 0.4,
    "use.requests_per_month": Range(2e4, 6e4),
    "use.tokens_in": 200.0,
    "use.tokens_out": 20.0,
}
CARD = Card("t.csv", "f", "d", 5000, 4000, 1000, "test", "random", 0.44, {"a": 2000, "b": 3000}, {"a": 440, "b": 560})


@dataclass(frozen=True)
class FakeCurve:
    """0.5 + 0.02 log2(labels) with a scatter of 0.01; too far beyond `limit` labels."""

    axis: str = "labels"
    rungs: tuple[Rung, ...] = (Rung(200, 0.65, 0.01, 3, "fresh", ("a",)), Rung(800, 0.7, 0.01, 3, "fresh", ("b",)))
    trail: tuple[str, ...] = ("a", "b")
    limit: float = 32 * 800
    calls: list[Mapping[str, float]] | None = None

    def at(self, point: Mapping[str, float]) -> Array:
        if self.calls is not None:
            self.calls.append(point)
        size = point.get("labels", point.get("tokens", 1.0))
        if size > self.limit:
            raise Problem("scaling.too_far", got=size, limit=self.limit)
        return 0.5 + 0.02 * np.log2(size) + 0.01 * np.random.default_rng(1).standard_normal(N)

    def reach(self, target: float, limit: float) -> LabelsNeeded | None:
        return None


def facts_of(numbers: Mapping[str, Any]) -> dict[str, Fact]:
    return {
        name: Fact(name, Exactly(value) if isinstance(value, (int, float)) else value, "", USER, "user")
        for name, value in numbers.items()
    }


def pilot(candidate: Candidate, hardware: str = "cpu-2-core") -> tuple[Run, ...]:
    """Five rungs of three seeds, 3 s + 0.02 s a label, a scatter of 5 %; 10 ms to score a row; 50 tokens a label."""
    noise = np.exp(0.05 * np.random.default_rng(5).standard_normal(15))
    cells = [(n, seed) for n in (200.0, 400.0, 800.0, 1600.0, 3200.0) for seed in range(3)]
    return tuple(
        Run(
            candidate, "text-classification", "accuracy", {"labels": n}, Source("own", "measured"), value=0.6, seed=seed,
            measures={"train_seconds": (2 + 0.01 * n) * e, "encode_seconds": 1 + 0.01 * n, "peak_bytes": 1e9 + n,
                      "score_seconds_per_row": 0.01 * e, "train_tokens": 50 * n},
            hardware=hardware,
        )
        for (n, seed), e in zip(cells, noise, strict=True)
    )  # fmt: skip


def published() -> tuple[Run, ...]:
    """Llama 2 on A100 (Touvron et al. 2023, table 2), one H100 training, and one with later stages that must not count."""

    def run(parameters: float, hours: float, hardware: str, task: str = "pretraining") -> Run:
        measures = {"accelerator_seconds": hours * HOUR, "accelerators": 1024}
        at = {"parameters": parameters, "tokens": 2e12}
        return Run(
            Candidate("pretrain"), task, "", at, Source("llama2", "publication"), measures=measures, hardware=hardware
        )

    return (
        run(6.74e9, 184_320, "a100-sxm-80gb"),
        run(13e9, 368_640, "a100-sxm-80gb"),
        run(7e9, 60_000, "h100-sxm-80gb"),
        run(7e9, 9_000_000, "h100-sxm-80gb", "pretraining-all-stages"),
    )


def case_of(entrant: Entrant, numbers: Mapping[str, Any], names: Mapping[str, str] | None = None, **more: Any) -> Case:
    settings = {"team.role": "ml-engineer", "hardware.train": "cpu-2-core", "hardware.owned": "false", **(names or {})}
    base = Case(
        "t", "en", "USD", "text-classification", "accuracy", 0.8, 0.8, 36, (entrant,),
        facts_of({**WORK, **numbers}), card=CARD, published=published(), names=settings,
    )  # fmt: skip
    return replace(base, **more)


def draws_of(case: Case, n: int = N, seed: int = 1, exact: bool = False) -> Draws:
    """As `project.draw` does; exact: every number at its median."""
    streams = Draws({}, n, seed)
    values: dict[str, Quantity] = {}
    for name, fact in case.facts.items():
        if not isinstance(fact.value, (Exactly, Range)):
            continue
        draw = not exact and isinstance(fact.value, Range)
        values[name] = fact.value.quantile(streams.rng(name).random(n)) if draw else fact.value.median
    return Draws(values, n, seed)


def entrant_of(
    route: str, method: str = "", model: str = "", choices: Iterable[Mapping[str, float]] = ({},), **more: Any
) -> Entrant:
    return Entrant(Candidate(route, method, model), tuple(choices), Anchor("accuracy"), **more)
