"""From the user's own measured runs to what the forecasts learn from: the job that each run was, the machine that it ran
on, and by how much the forecast was off."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import Any, Literal, cast

import numpy as np

from groundsill.resources.errors import Observed
from groundsill.resources.job import Job, Plan
from groundsill.resources.memory_habits import Adapter
from groundsill.resources.memory_odds import MemoryFactors, read_factors
from groundsill.resources.settings import OWN, setting
from groundsill.terms.accelerator import Accelerator
from groundsill.terms.problem import Problem
from groundsill.terms.run import CALIBRATION, Run
from groundsill.terms.shape import Experts, Latent, Shape

What = Literal["step", "memory", "prefill", "token"]
MEASURED: Mapping[What, str] = {
    "step": "step_seconds",
    "memory": "peak_bytes",
    "prefill": "prefill_seconds",
    "token": "token_seconds",
}
PARTS: Mapping[str, Any] = {"shape": Shape, "plan": Plan, "experts": Experts, "latent": Latent}
LEAST_SPREAD = 0.01  # of one measurement, in logs: below this what differs between two sessions is what counts
UNSEEN_SPREAD = (
    0.10  # of a measurement that was not repeated: the scatter of repeated steps on a machine with other work
)
STACK = "hf"  # software of calibration and of the lab
CPU = "cpu"  # the family of processors
HALF_IS_FASTER = 1.15  # the gain from which the lab trains in bf16 on a CPU


@dataclass(frozen=True)
class Request:
    """What was asked of a decoder that served: `batch` requests of `tokens` tokens each."""

    shape: Shape
    batch: int
    tokens: int
    precision: str
    stack: str = ""


@dataclass(frozen=True)
class Residual:
    """How far off a forecast was. error: ln(measured / forecast). spread: standard deviation of one repeat of the
    measurement, in logs. machine: that it ran on. job, plan: what ran, None for a request. setup: a name of job and plan
    together. run: its id."""

    what: What
    error: float
    spread: float
    machine: Accelerator
    job: Job | None
    plan: Plan | None
    setup: str
    run: str


# ---- a job as a run carries it, and back


def point(**parts: Any) -> tuple[dict[str, float], tuple[tuple[str, str | float], ...]]:
    """What a run says of its job, as (`at`, `recipe`): numbers, and words, of all fields that are not as usual.

    parts: values and frames by name, `point(job=..., plan=...)`; the fields of a `job` stand without a prefix, and so do
    those of a Request given as `job`. Raises Problem `resources.no_record` for a model that is no transformer and for a plan that holds several.
    """
    at: dict[str, float] = {}
    words: dict[str, str | float] = {}
    for name, value in parts.items():
        _flatten("" if name == "job" else name, value, at, words)
    return at, tuple(sorted(words.items()))


def _flatten(name: str, value: Any, at: dict[str, float], words: dict[str, str | float]) -> None:
    kind = PARTS.get(name.rsplit(".", 1)[-1])
    if kind and not isinstance(value, kind):
        raise Problem("resources.no_record", at=name, got=type(value).__name__, limit=kind.__name__)
    if is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            inner = getattr(value, f.name)
            if f.default is MISSING or np.ndim(inner) or inner != f.default:
                _flatten(f"{name}.{f.name}".lstrip("."), inner, at, words)
    elif isinstance(value, str):
        words[name] = value
    elif isinstance(value, (bool, int, float, np.number, np.bool_)):
        at[name] = float(value)
    else:
        raise Problem("resources.no_record", at=name, got=type(value).__name__, limit="a number")


def job_of(run: Run) -> tuple[Job, Plan] | None:
    """The training step that a run measured; None if the run does not carry one that could be."""
    known = {**dict(run.candidate.recipe), **run.at}
    if "shape.layers" not in known or "sequence" not in known:
        return None
    try:
        job, plan = _raise(Job, "", known), _raise(Plan, "plan", known)
    except Problem:  # sizes that make no model
        return None
    return None if job is None or plan is None else (cast(Job, job), cast(Plan, plan))


def request_of(run: Run) -> Request | None:
    """What a run that measured serving asked for; None if the run does not carry it."""
    known = {**dict(run.candidate.recipe), **run.at}
    if "shape.layers" not in known or "tokens" not in known:
        return None
    try:
        return cast("Request | None", _raise(Request, "", known))
    except Problem:
        return None


def _raise(kind: Any, name: str, known: Mapping[str, Any]) -> Any:
    """A frame from the fields that a run carries; None if one that must be there is missing."""
    given: dict[str, Any] = {}
    for f in fields(kind):
        full = f"{name}.{f.name}".lstrip(".")
        if f.name in PARTS and any(k.startswith(f"{full}.") for k in known):
            given[f.name] = _raise(PARTS[f.name], full, known)
            if given[f.name] is None:
                return None
        elif full in known:
            given[f.name] = _as(str(f.type), known[full])
        elif f.default is MISSING:
            return None
    return kind(**given)


def _as(kind: str, value: Any) -> Any:
    if isinstance(value, str) or kind == "float":
        return value
    if kind in ("bool", "Any"):
        return bool(value)
    return int(value) if float(value).is_integer() else float(value)


# ---- the machine itself


def own_accelerator(runs: Iterable[Run], hardware: str, family: str = "") -> Accelerator | None:
    """The machine called `hardware` as calibration measured it; None if it was never calibrated.

    peak: the best product of matrices in each precision; bandwidth: the best of copy and triad; memory: what the system
    says. The best, because other work on the machine can only slow it down. power_w: the highest mean draw seen, nan
    where no meter could be read.
    """
    mine = [r for r in runs if r.task == CALIBRATION and r.hardware == hardware]
    peaks: dict[str, float] = {}
    for run in mine:
        precision = str(dict(run.candidate.recipe).get("precision", ""))
        if precision and "flops_per_s" in run.measures:
            peaks[precision] = max(peaks.get(precision, 0.0), run.measures["flops_per_s"])
    bandwidth, memory = _highest(mine, "bytes_per_s"), _highest(mine, "memory_bytes")
    if not peaks or not bandwidth or not memory:
        return None
    power = _highest(mine, "power_w") or math.nan
    return Accelerator(hardware, family or ("gpu" if "gpu" in hardware else CPU), peaks, memory, bandwidth, power)


def _highest(runs: Sequence[Run], measure: str) -> float:
    return max((r.measures[measure] for r in runs if measure in r.measures), default=0.0)


# ---- how far off the forecasts were


Forecast = Callable[[What, "Job | Request", Plan, Accelerator], "float | None"]


def forecast(what: What, asked: Job | Request, plan: Plan, machine: Accelerator) -> float | None:
    """Seconds or bytes by the shipped coefficients, without own runs; None for the memory of a request. Raises Problem as
    `step.step`, `memory.peak` and `serving.serve`."""
    from groundsill.resources import memory, step

    if isinstance(asked, Request):
        return _served(what, asked, machine)
    if what == "memory":
        adapter = Adapter() if asked.method == "lora" else None
        return float(memory.peak(asked, plan, None, machine, adapter=adapter).allocated)
    return float(step.step(asked, plan, machine).seconds)


def _served(what: What, asked: Request, machine: Accelerator) -> float | None:
    from groundsill.resources.serving import serve
    from groundsill.resources.serving_own import request_service

    if what not in ("prefill", "token"):
        return None
    got = serve(*request_service(asked, machine))
    return float(np.asarray(got.seconds_to_first_token if what == "prefill" else got.seconds_per_token))


def slowed(machine: Accelerator, runs: Iterable[Run], forecast: Forecast = forecast) -> Accelerator:
    """A measured machine as trainings find it: its products and its bandwidth divided by how much longer its calibrated
    steps took than they tell (median, in logs; twice, because launches do not slow down with them).

    The shares of ideal speed in the forecast were learnt on accelerators. What a processor or an unknown GPU reaches of its
    own best products is another share, and one that only its own steps can tell.
    """
    mine = [
        (asked, run)
        for run in runs
        if run.task == CALIBRATION and run.hardware == machine.id and (asked := job_of(run))
    ]
    for _ in range(2):
        found = [r for asked, run in mine for r in _errors(run, *asked, machine, forecast) if r[0] == "step"]
        errors = [error for _, error in found]
        if errors:
            factor = math.exp(-float(np.median(errors)))
            peaks = {name: peak * factor for name, peak in machine.peak_flops_per_s.items()}
            rate = machine.memory_bytes_per_s * factor
            machine = replace(machine, peak_flops_per_s=peaks, memory_bytes_per_s=rate)
    return machine


def own_machine(runs: Sequence[Run], hardware: str, forecast: Forecast = forecast) -> Accelerator | None:
    """The calibrated machine called `hardware` for forecasts of training, None if it was not calibrated in full."""
    found = own_accelerator(runs, hardware)
    return None if found is None else slowed(found, runs, forecast)


def own_machines(runs: Sequence[Run]) -> dict[str, Accelerator]:
    """Every machine that was calibrated in full, by hardware id, as `own_machine`."""
    found = {id: own_machine(runs, id) for id in dict.fromkeys(r.hardware for r in runs if r.task == CALIBRATION)}
    return {id: machine for id, machine in found.items() if machine is not None}


def own_residuals(
    runs: Sequence[Run],
    machine_of: Callable[[str], Accelerator | None],
    *,
    shape_of: Callable[[str], Shape | None] = lambda model: None,
    forecast: Forecast = forecast,
) -> list[Residual]:
    """Residuals of all runs that tell step time, memory, or the speed of serving, in the order of the runs.

    machine_of: hardware id -> the catalogue's accelerator, None if it has none; then, or where no peak is known, the
    calibration runs of that machine stand in (`own_machine`). shape_of: model id -> its shape, for pilots and trainings, whose runs name the
    model only. A run whose forecast raises a Problem (a precision that the machine has not) is passed over.
    """
    machines: dict[str, Accelerator | None] = {}
    found = []
    for run in runs:
        if not run.hardware or run.source.kind not in ("measured", "imported"):
            continue
        if run.hardware not in machines:
            known = machine_of(run.hardware)
            machines[run.hardware] = (
                known if known and known.peak_flops_per_s else own_machine(runs, run.hardware, forecast)
            )
        machine = machines[run.hardware]
        if machine is not None:
            found += _of_run(run, machine, forecast, shape_of)
    return found


def own_observed(residuals: Iterable[Residual], accelerator: Accelerator) -> Observed:
    """The step times as `errors.Errors.posterior` takes them, for a forecast on `accelerator`: runs of processors speak
    for processors, those of accelerators for accelerators. Several runs of one set-up share its effect."""
    steps = [r for r in residuals if r.what == "step" and alike(r.machine, accelerator) and r.job and r.plan]
    settings = tuple(
        setting(r.job, r.machine, float(r.plan.accelerators), group=r.setup) for r in steps if r.job and r.plan
    )
    return Observed(settings, np.array([r.error for r in steps], dtype=np.float64), np.ones(len(steps)))


def own_memory(
    residuals: Iterable[Residual], accelerator: Accelerator, factors: MemoryFactors | None = None
) -> MemoryFactors:
    """The memory model's doubt after own runs on machines like `accelerator`; one value for each set-up, so that the same
    measurement made often does not count as many."""
    by_setup: dict[str, list[float]] = {}
    for r in residuals:
        if r.what == "memory" and alike(r.machine, accelerator):
            by_setup.setdefault(r.setup, []).append(r.error)
    errors = [float(np.median(v)) for v in by_setup.values()]
    return read_factors(factors).updated([1.0] * len(errors), [math.exp(e) for e in errors])


def alike(a: Accelerator, b: Accelerator) -> bool:
    """Whether what was measured on one says something of the other: both processors, or neither."""
    return (a.family == CPU) == (b.family == CPU)


def setup_of(job: Job, plan: Plan) -> str:
    """A name that is the same for the same job and plan, whenever they ran."""
    at, words = point(job=replace(job, year=0.0), plan=plan)
    return OWN + ":" + hashlib.sha256(repr((sorted(at.items()), words)).encode()).hexdigest()[:12]


def _of_run(
    run: Run, machine: Accelerator, forecast: Forecast, shape_of: Callable[[str], Shape | None]
) -> list[Residual]:
    asked: tuple[Job | Request, Plan] | None
    request = request_of(run)
    asked = (request, Plan()) if request else job_of(run) or pilot_job(run, machine, shape_of)
    if asked is None:
        return []
    what, plan = asked
    if isinstance(what, Job) and not what.year and run.started[:4].isdigit():
        what = replace(what, year=float(run.started[:4]))
    job = what if isinstance(what, Job) else None
    setup = setup_of(job, plan) if job else run.candidate.id
    spread = max(run.measures.get("spread", UNSEEN_SPREAD), LEAST_SPREAD)
    return [
        Residual(name, error, spread, machine, job, plan if job else None, setup, run.id)
        for name, error in _errors(run, what, plan, machine, forecast)
    ]


def _errors(
    run: Run, what: Job | Request, plan: Plan, machine: Accelerator, forecast: Forecast
) -> Iterable[tuple[What, float]]:
    """ln(measured / forecast) of all that the run measured and that can be forecast."""
    for name, true in _measured(run, what).items():
        try:
            guess = forecast(name, what, plan, machine)
        except Problem:
            continue
        if guess is not None and guess > 0 and true > 0 and math.isfinite(guess):
            yield name, math.log(true / guess)


def _measured(run: Run, what: Job | Request) -> dict[What, float]:
    """Seconds and bytes that the run tells, by what they are. The memory of a pilot counts its whole process: left out."""
    if isinstance(what, Job) and "train_rows_seen" in run.measures:
        steps = run.measures["train_rows_seen"] / what.batch
        return {"step": run.measures["train_seconds"] / steps}
    return {name: run.measures[key] for name, key in MEASURED.items() if key in run.measures}


def pilot_job(run: Run, machine: Accelerator, shape_of: Callable[[str], Shape | None]) -> tuple[Job, Plan] | None:
    """The mean step of a pilot or a tuning that says how many rows and tokens went through which model; else None.

    Rows of a batch: the recipe's, else 16, as the lab's recipes have it. Precision: bf16 on a GPU that has it and on a
    CPU whose own products are at least 1.15 times as fast in it, else fp32.
    """
    rows, tokens = run.measures.get("train_rows_seen", 0.0), run.measures.get("train_tokens", 0.0)
    method = run.candidate.method
    if run.candidate.route not in ("tune", "continue", "pretrain") or method == "head" or rows <= 0 or tokens <= 0:
        return None
    shape = shape_of(run.candidate.model) if run.candidate.model else None
    if shape is None or run.measures.get("train_seconds", 0.0) <= 0:
        return None
    batch = int(float(dict(run.candidate.recipe).get("batch_rows", 16)))
    peaks = machine.peak_flops_per_s
    half = "bf16" in peaks and peaks["bf16"] >= HALF_IS_FASTER * peaks.get("fp32", 0.0)
    trainable = run.measures.get("trainable_weights", 0.0)
    job = Job(
        shape=shape,
        sequence=max(1, round(tokens / rows)),
        batch=batch,
        precision="bf16" if half else "fp32",
        method="full" if method == "full" else "lora",
        trainable=trainable,
        weight_bits=32.0,
        stack=STACK,
    )
    return job, Plan(micro_batch=batch)
