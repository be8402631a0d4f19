"""The Python face of groundsill: the same calls that the commands and notebooks use.

Each takes the path of a project file and strings the rooms together: read, bind, draw, assess, write. Failures are
`groundsill.terms.problem.Problem`; progress comes as `groundsill.terms.event.Event` to `emit`.
"""

from groundsill.api.analysis import Done, assess, bound, check, explain
from groundsill.api.facts import check_catalogue, fact, fact_names
from groundsill.api.measuring import PilotDone, import_runs, pilot
from groundsill.api.starting import Finding, Made, doctor, init

__all__ = [
    "Done",
    "Finding",
    "Made",
    "PilotDone",
    "assess",
    "bound",
    "check",
    "check_catalogue",
    "doctor",
    "explain",
    "fact",
    "fact_names",
    "import_runs",
    "init",
    "pilot",
]
