"""Training: one candidate, so many labels, one seed -> one Run. And how fast that would be."""

from groundsill.lab.training.measure import measure
from groundsill.lab.training.probe import Speed, speed
from groundsill.lab.training.recipe import rows_seen

__all__ = ["Speed", "measure", "rows_seen", "speed"]
