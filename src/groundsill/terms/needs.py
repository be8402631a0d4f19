"""Needs: what a route demands. No money in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from groundsill.terms.quantity import Quantity


@dataclass(frozen=True)
class Need:
    """One demand.

    item: what is bought; also the key of its price, `price.<item>`, in currency per unit. Items in use:
    `labels` (label), `staff:<role>` (s of work), `accelerator:<id>` (s), `api-in:<model>`, `api-out:<model>` (token),
    `energy` (J), `storage` (B s), `tokens` (token of training data), `licence:<what>` (object).
    amount: SI, a float or (draws,). shared: what has the same key is bought once by a project that builds several
    candidates ("" if not shared). owned: part of the amount the project has already; it costs nothing.
    trail: names of the facts and runs that it came from.
    """

    item: str
    amount: Quantity
    unit: str
    shared: str = ""
    owned: float = 0.0
    trail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Needs:
    """Needs of one option in four parts, and how long and how large it is.

    per_request: for each request served. per_month: held each month of operation. per_retune: each time the model is
    built again, every `retune_seconds` (None: never). calendar_seconds: from decision to first use. train_bytes,
    serve_bytes: peak memory of one accelerator.
    """

    build: tuple[Need, ...] = ()
    per_request: tuple[Need, ...] = ()
    per_month: tuple[Need, ...] = ()
    per_retune: tuple[Need, ...] = ()
    calendar_seconds: Quantity = 0.0
    retune_seconds: Quantity | None = None
    train_bytes: Quantity | None = None
    serve_bytes: Quantity | None = None
    notes: tuple[str, ...] = field(default_factory=tuple)

    def parts(self) -> dict[str, tuple[Need, ...]]:
        """The four parts by name."""
        return {
            "build": self.build,
            "per_request": self.per_request,
            "per_month": self.per_month,
            "per_retune": self.per_retune,
        }
