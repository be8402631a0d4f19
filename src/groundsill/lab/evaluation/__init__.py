"""Judging: predictions to values with their errors; and watching the machine while something runs."""

from groundsill.lab.evaluation.meter import Meter
from groundsill.lab.evaluation.record import Report, run_of
from groundsill.lab.evaluation.score import Scored, judge, score

__all__ = ["Meter", "Report", "Scored", "judge", "run_of", "score"]
