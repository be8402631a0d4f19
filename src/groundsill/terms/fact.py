"""A fact: never a bare number in code."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Literal

from groundsill.terms.mixture import Mixture
from groundsill.terms.quantity import Chance, Choose, Exactly, Pert, Range, ThreePoint, to_si
from groundsill.terms.source import Source

Grade = Literal["maker", "measured", "reported", "judged", "user"]
Value = Exactly | Range | ThreePoint | Pert | Mixture | Chance | Choose


@dataclass(frozen=True)
class Fact:
    """A number or name with unit, basis, date, source and grade.

    name: where it is looked up (`wages/ml-engineer/us`, or the key of the project file: `use.requests_per_month`).
    value: an uncertain number in `unit`, or a name (a licence). place: file and line for the user's own lines.
    shelf_life_days: prices older than this raise a warning; None never expires.
    """

    name: str
    value: Value | str
    unit: str
    source: Source
    grade: Grade
    basis: str = ""
    date: str = ""
    place: str = ""
    note: str = ""
    shelf_life_days: int | None = None

    def age_days(self, today: datetime.date) -> int | None:
        """Days since the fact's date; None without one. A date that is only a year or a month counts from its first day."""
        if not self.date:
            return None
        day = (self.date + "-01-01")[:10] if len(self.date) == 4 else (self.date + "-01")[:10]
        return (today - datetime.date.fromisoformat(day)).days

    def expired(self, today: datetime.date) -> bool:
        """Whether the fact is past its shelf life. One without a date or a shelf life never is."""
        age = self.age_days(today)
        return age is not None and self.shelf_life_days is not None and age > self.shelf_life_days

    @property
    def si_factor(self) -> float:
        """What the value is multiplied by to be SI."""
        return to_si(self.unit)[0]

    @property
    def currency(self) -> str:
        """Currency named in the unit, "" if none."""
        return to_si(self.unit)[1]
