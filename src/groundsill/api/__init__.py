"""The Python face of groundsill: the same calls that the commands and notebooks use.

Those on a project take the path of its file and string the rooms together: read, bind, draw, assess, write; `estimate_*`
take the name of a model. Failures are `groundsill.terms.problem.Problem`; progress comes as
`groundsill.terms.event.Event` to `emit`. Each name is loaded when it is first asked for: an estimate needs few rooms.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundsill.api.analysis import Done, assess, bound, check, explain, whatif
    from groundsill.api.choosing import ModelChoice, estimate_model
    from groundsill.api.comparing import Comparison, compare
    from groundsill.api.curves import estimate_curve
    from groundsill.api.data_card import DataDone, data
    from groundsill.api.estimate_serving import estimate_serve
    from groundsill.api.estimates import estimate_calibrate, estimate_plan, estimate_train, estimate_tune
    from groundsill.api.evaluating import Evaluation, evaluate
    from groundsill.api.facts import accelerators, check_catalogue, expired_facts, fact, fact_names, facts_of
    from groundsill.api.measuring import PilotDone, import_runs, pilot
    from groundsill.api.predictions import scored_predictions
    from groundsill.api.prompting import Prompted, prompt
    from groundsill.api.starting import Finding, Made, doctor, init

_HOMES = {
    "analysis": ("Done", "assess", "bound", "check", "explain", "whatif"),
    "choosing": ("ModelChoice", "estimate_model"),
    "comparing": ("Comparison", "compare"),
    "curves": ("estimate_curve",),
    "data_card": ("DataDone", "data"),
    "estimate_serving": ("estimate_serve",),
    "estimates": ("estimate_calibrate", "estimate_plan", "estimate_train", "estimate_tune"),
    "evaluating": ("Evaluation", "evaluate"),
    "facts": ("accelerators", "check_catalogue", "expired_facts", "fact", "fact_names", "facts_of"),
    "measuring": ("PilotDone", "import_runs", "pilot"),
    "predictions": ("scored_predictions",),
    "prompting": ("Prompted", "prompt"),
    "starting": ("Finding", "Made", "doctor", "init"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Comparison",
    "DataDone",
    "Done",
    "Evaluation",
    "Finding",
    "Made",
    "ModelChoice",
    "PilotDone",
    "Prompted",
    "accelerators",
    "assess",
    "bound",
    "check",
    "check_catalogue",
    "compare",
    "data",
    "doctor",
    "estimate_calibrate",
    "estimate_curve",
    "estimate_model",
    "estimate_plan",
    "estimate_serve",
    "estimate_train",
    "estimate_tune",
    "evaluate",
    "expired_facts",
    "explain",
    "fact",
    "fact_names",
    "facts_of",
    "import_runs",
    "init",
    "pilot",
    "prompt",
    "scored_predictions",
    "whatif",
]


def __getattr__(name: str) -> Any:
    """The module of `name` is imported now (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
