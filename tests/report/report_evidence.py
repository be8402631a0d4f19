"""Candidates, facts and runs of the example assessment."""

from __future__ import annotations

from groundsill.terms.candidate import Candidate
from groundsill.terms.fact import Fact, Value
from groundsill.terms.quantity import Chance, Exactly, Range, ThreePoint
from groundsill.terms.run import Run
from groundsill.terms.source import Source

NONE = Candidate("none")

CLASSICAL = Candidate("classical", "tfidf-logistic")

HEAD = Candidate("tune", "head", "all-minilm-l6-v2")

LORA = Candidate("tune", "lora", "all-minilm-l6-v2", (("rank", 8.0),))

FULL = Candidate("tune", "full", "all-minilm-l6-v2")

PROMPT = Candidate("prompt", "few-shot", "smollm2-135m")

HOSTED = Candidate("prompt", "zero-shot", "hosted/example/large-1")

MONTHS, DRAWS = 36, 2000

RUNGS = (200, 400, 800, 1600, 3200)

USER = Source("project", "user", "groundsill.toml")

WAGES = Source(
    "wages-2025",
    "publication",
    "Occupational wage survey",
    "A bureau",
    "2025-05-01",
    "2026-11-20",
    "https://example.org/wages",
)

VENDOR = Source(
    "cloud", "vendor", "Price page of a cloud", read="2026-11-20", address="https://example.org/prices?a=1&b=2"
)

JUDGED = Source("founders", "judged", "Judgement of the makers")

PILOT = Source("pilot", "measured", "Pilot on this machine")

SHIPPED = Source("example", "shipped", "Long pilot, sent with the example", published="2026-11-10")


def _fact(name: str, value: Value | str, unit: str, source: Source, line: int = 0, grade: str = "reported") -> Fact:
    place = f"groundsill.toml:{line}" if line else ""
    date = "" if line else source.published or source.read
    return Fact(name, value, unit, source, "user" if line else grade, "gross" if source is WAGES else "", date, place)  # type: ignore[arg-type]


def facts() -> dict[str, Fact]:
    """The inputs of the example."""
    rows = [
        _fact("task.target", Exactly(0.85), "1", USER, 9),
        _fact("task.confidence", Exactly(0.8), "1", USER, 10),
        _fact("use.months", Exactly(MONTHS), "month-count", USER, 14),
        _fact("use.requests_per_month", Range(20e3, 60e3), "", USER, 15),
        _fact("use.value_per_right", Range(0.06, 0.14), "USD", USER, 16),
        _fact("use.cost_per_wrong", ThreePoint(0.02, 0.05, 0.12), "USD", USER, 17),
        _fact("use.growth_per_year", Range(-0.05, 0.25), "", USER, 18),
        _fact("labels.owned", Exactly(22628), "label", USER, 21),
        _fact("finance.discount_rate_per_year", Exactly(10), "%", USER, 30),
        _fact("risk.rework", Chance(0.1, Range(5e3, 20e3)), "USD", USER, 33),
        _fact("price.labels", Range(0.02, 0.08), "USD/label", VENDOR),
        _fact("price.staff:ml-engineer", Range(9e3, 15e3), "USD/month", WAGES),
        _fact("price.energy", Exactly(0.13), "USD/kWh", WAGES),
        _fact("effort.tune.build", Range(0.5, 2.5), "staff-month", JUDGED, 0, "judged"),
        _fact("effort.classical.build", Range(0.2, 1.0), "staff-month", JUDGED, 0, "judged"),
        _fact("licence/all-minilm-l6-v2", "Apache-2.0", "", VENDOR),
    ]
    return {f.name: f for f in rows}


def quality_at(candidate: Candidate, n: float) -> float:
    limit, start, bend = {
        CLASSICAL: (0.86, 0.42, 0.42),
        HEAD: (0.885, 0.3, 0.45),
        LORA: (0.93, 0.5, 0.38),
        FULL: (0.94, 0.75, 0.4),
    }[candidate]
    return limit - start * (n / 50) ** -bend


def runs() -> dict[str, Run]:
    """Three seeds a rung, fresh up to 800 labels, shipped beyond."""
    found: dict[str, Run] = {}
    for candidate in (CLASSICAL, HEAD, LORA, FULL):
        for n in RUNGS if candidate in (CLASSICAL, HEAD) else RUNGS[:4] if candidate == LORA else RUNGS[:3]:
            for seed in range(3):
                run = Run(
                    candidate=candidate,
                    task="text-classification",
                    metric="accuracy",
                    at={"labels": float(n)},
                    source=PILOT if n <= 800 else SHIPPED,
                    value=round(quality_at(candidate, n) + 0.006 * (seed - 1), 4),
                    stderr=0.011,
                    seed=seed,
                    chance=0.443,
                    test_id="fixed",
                    test_rows=1000,
                    measures={"train_seconds": n / 20, "peak_bytes": 9.1e8},
                    hardware="2 cores, 8 GiB",
                    data_hash="9f2c" * 16,
                    started=f"2026-11-2{seed}T10:00:00Z",
                )
                found[run.id] = run
    prompt = Run(
        PROMPT,
        "text-classification",
        "accuracy",
        {"shots": 6.0},
        PILOT,
        0.43,
        0.02,
        0,
        0.443,
        hardware="2 cores, 8 GiB",
    )
    return found | {prompt.id: prompt}
