"""A small project file, a small catalogue and a few runs for the tests of this room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from groundsill.project.file import Project, read
from groundsill.terms.candidate import Candidate
from groundsill.terms.card import Card
from groundsill.terms.fact import Fact, Value
from groundsill.terms.problem import Problem
from groundsill.terms.quantity import Exactly, Range, ThreePoint
from groundsill.terms.run import Run
from groundsill.terms.shape import Shape
from groundsill.terms.source import Source

GOOD = """\
schema = 1
name = "reviews"
language = "en"

[task]
kind = "text-classification"
metric = "accuracy"
target = 0.82
confidence = "80%"

[data]
path = "reviews.csv"
text = ["Title", "Review Text"]
label = "Department"
test = {rows = 1000}
licence = "CC0-1.0"
commercial_use = true

[use]
requests_per_month = "20k to 60k"
growth_per_year = "0% to 10%"
value_per_right = "0.03 to 0.06 USD/request"
cost_per_wrong = "0.05 to 0.2 USD/request"
months = 36

[use.class."Intimate"]
value_per_right = "0.1 USD/request"

[labels]
owned = 0
limit = 20000
price = "fact:prices/labels/text"
workers = 3

[team]
role = "ml-engineer"
wage = "fact:wages/ml-engineer/us"
people = 1

[hardware]
train = "cpu"

[hardware.price]
cpu = "0.1 USD/hour"

[finance]
currency = "USD"
discount_rate_per_year = "8% to 15%"

[[candidate]]
route = "classical"

[[candidate]]
route = "tune"
method = "head"
model = "small"

[[risk]]
name = "supplier-price"
chance = 0.1
cost = "20k to 80k USD"
candidate = "tune/head/small"
"""

SHAPE = Shape("encoder", 2, 8, 2, 2, 4, 16, 100, 32, False, True, True)
PAPER = Source(id="paper", kind="publication", title="A paper", published="2025", licence="CC-BY-4.0")


def made_fact(name: str, value: Value | str, unit: str = "", **more: object) -> Fact:
    return replace(Fact(name, value, unit, PAPER, "reported"), **more)  # type: ignore[arg-type]


FACTS = {
    f.name: f
    for f in (
        made_fact("prices/labels/text", Range(0.05, 0.15), "USD/label", date="2024-01-01", shelf_life_days=365),
        made_fact("prices/labels/china", Range(0.1, 0.4), "CNY/label"),
        made_fact("prices/fx/usd-cny", ThreePoint(6.5, 7.0, 7.5), "CNY/USD"),
        made_fact("prices/cloud/cpu", Exactly(0.1), "USD/hour"),
        made_fact("prices/energy/us", Exactly(0.1), "USD/kWh"),
        made_fact("wages/ml-engineer/us", Range(100e3, 200e3), "USD/year"),
        made_fact("wages/by-hour/us", Exactly(60.0), "USD/hour"),
        made_fact("wages/loaded-cost/us", Range(1.2, 1.4), "1"),
        made_fact("sites/default/pue", Range(1.1, 1.5), ""),
        made_fact("sites/default/utilisation", Range(20.0, 50.0), "%"),
        *(made_fact(f"effort/{r}/{k}", Range(0.2, 2.0), "staff-month" if k == "build" else "staff-month/month")
          for r in ("classical", "tune", "prompt", "pretrain") for k in ("build", "month")),
    )
}  # fmt: skip


@dataclass(frozen=True)
class FakeModel:
    shape: Shape | None
    facts: Mapping[str, Fact]


@dataclass
class FakeCatalogue:
    commercial_use: str = "yes"
    published: tuple[Run, ...] = ()
    facts: dict[str, Fact] = field(default_factory=lambda: dict(FACTS))

    def fact(self, name: str) -> Fact:
        if name not in self.facts:
            raise Problem("catalogue.unknown_fact", got=name, near="")
        return self.facts[name]

    def names(self, prefix: str = "") -> tuple[str, ...]:
        return tuple(sorted(n for n in self.facts if n.startswith(prefix)))

    def accelerator(self, id: str) -> Mapping[str, Fact]:
        if id not in ("cpu", "h100"):
            raise Problem("catalogue.unknown_accelerator", got=id, near="cpu, h100")
        return {
            "memory_bytes": made_fact("memory_bytes", Exactly(8.0), "GiB"),
            "power_w": made_fact("power_w", Exactly(10.0), "W"),
        }

    def model(self, id: str) -> FakeModel:
        if id != "small":
            raise Problem("catalogue.unknown_model", got=id, near="small")
        facts = {
            "licence": made_fact("licence", "Some Licence"),
            "commercial_use": made_fact("commercial_use", self.commercial_use, note="no weapons"),
            "parameters": made_fact("parameters", Exactly(1e6), "weight"),
        }
        return FakeModel(SHAPE, facts)

    def runs(self, task: str | None = None) -> tuple[Run, ...]:
        return tuple(r for r in self.published if task is None or r.task == task)


CARD = Card(
    path="reviews.csv", file_hash="f" * 64, data_hash="d" * 64, rows=22_000, pool_rows=21_000, test_rows=1_000,
    test_id="t" * 16, test_kind="random", chance=0.44, classes={"Tops": 12_000, "Intimate": 10_000},
    test_classes={"Tops": 560, "Intimate": 440}, made="2026-11-22",
)  # fmt: skip

HEAD = Candidate("tune", "head", "small")
CLASSICAL = Candidate("classical")


def made_run(
    candidate: Candidate = HEAD, labels: float = 200, seed: int | None = 0, value: float = 0.7, **more: object
) -> Run:
    base = Run(
        candidate, "text-classification", "accuracy", {"labels": labels}, Source("r", "measured"), value=value, stderr=0.01,
        seed=seed, chance=0.44, test_id="t" * 16, test_rows=1000, data_hash="d" * 64,
    )  # fmt: skip
    return replace(base, **more)  # type: ignore[arg-type]


def read_text(folder: Path, text: str = GOOD) -> Project:
    path = folder / "groundsill.toml"
    path.write_text(text, encoding="utf-8")
    return read(path)


def line_of(text: str, fragment: str) -> int:
    """Line (from 1) of the first line that holds `fragment`."""
    return next(i for i, line in enumerate(text.split("\n"), 1) if fragment in line)
