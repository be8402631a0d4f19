"""Prompting one candidate of a project, outside the pilot's budget: chosen by labels, or hosted under a spending cap."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from groundsill.api.analysis import folder_of
from groundsill.api.measuring import inputs_of
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit, silent
from groundsill.terms.problem import Exit, Problem

if TYPE_CHECKING:
    from groundsill.lab.prompting.hosted import Client
    from groundsill.project.file import Project
    from groundsill.terms.run import Run

PREFIX = "hosted/"
PURSE = "spending.sqlite"


@dataclass(frozen=True)
class Terms:
    """On what terms a hosted model is asked. address: of the server, up to and with the version. cap: most that this project
    may ever spend on hosted prompts, in the currency of the prices. price_in, price_out: of a million tokens, None for the
    catalogue's list price (USD). The rest as in `lab.prompting.hosted.Hosted`."""

    address: str
    cap: float
    key_variable: str = "OPENAI_API_KEY"
    price_in: float | None = None
    price_out: float | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    limit_name: str = "max_tokens"


@dataclass(frozen=True)
class Prompted:
    """run: also in the ledger. prompt: the settled prompt as a file, None for a hosted model. spent: by this project on
    hosted models so far, what is only set aside included; None where nothing was hosted."""

    run: Run
    prompt: Path | None
    spent: float | None

    def record(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {"run": self.run.record(), "prompt": str(self.prompt) if self.prompt else None, "spent": self.spent}


def prompt(
    path: Path,
    candidate: str,
    *,
    labels: int | None = None,
    rows: int | None = None,
    seed: int = 0,
    terms: Terms | None = None,
    emit: Emit = silent,
) -> Prompted:
    """Measure a prompt candidate of the project on its test rows and write the run to the ledger.

    labels: let these many labelled rows choose number of examples and calibration (a recipe line for this call). terms: for a
    hosted model; without them none is asked. Raises Problem `api.no_pilot`, `api.not_a_prompt`, `api.no_terms`,
    `project.data_may_not_leave`, and those of the lab.
    """
    from groundsill.catalogue.ledger import Ledger
    from groundsill.pilot.bench import LabBench
    from groundsill.pilot.run import record
    from groundsill.project import file

    project = file.read(path)
    if project.spec is None:
        raise Problem("api.no_pilot", at=str(path))
    prompts = {c.id: c for c in project.candidates if c.route == "prompt"}
    if candidate not in prompts:
        raise Problem("api.not_a_prompt", at=str(path), got=candidate, limit=", ".join(prompts) or "-", exit=Exit.USAGE)
    chosen = prompts[candidate]
    if labels is not None:
        recipe = {**dict(chosen.recipe), "labels": float(labels)}
        chosen = replace(chosen, recipe=tuple(sorted(recipe.items())))
    folder = folder_of(project)
    work, bench = folder / "work", LabBench(folder / "cache")
    inputs = inputs_of(project)
    asked = rows or inputs.prompt_rows
    client = _client(project, chosen, terms, folder, seed) if chosen.model.startswith(PREFIX) else None
    table = bench.read(project.spec, project.folder, emit)
    if client is None:
        made = bench.measure(chosen, table, inputs, labels=0, seed=seed, rows=asked, work=work, emit=emit)
        settled: Path | None = work / "prompts" / f"{made.id}.json"
    else:
        from groundsill.lab.prompting.hosted_measure import measure_hosted

        made = measure_hosted(
            chosen, table, client, task=inputs.task, metric=inputs.metric, shots=inputs.shots_of(chosen), seed=seed,
            hardware=PREFIX.rstrip("/"), rows=asked, work=work, emit=emit,
        )  # fmt: skip
        settled = None
    record(Ledger(folder), [made])
    spent = client.purse.spent() if client else None
    return Prompted(made, settled, spent.settled + spent.open if spent else None)


def _client(project: Project, candidate: Candidate, terms: Terms | None, folder: Path, seed: int) -> Client:
    """The client of a hosted model; prices of the catalogue unless the terms give their own."""
    from groundsill.catalogue.hosted import hosted_price
    from groundsill.lab.prompting.hosted import Client, Hosted
    from groundsill.lab.prompting.purse import Purse

    if project.data is not None and not project.data.may_leave:
        raise Problem("project.data_may_not_leave", at=project.place(("data", "may_leave")), got=candidate.id)
    if terms is None:
        raise Problem("api.no_terms", at=candidate.id, exit=Exit.USAGE)
    provider, _, name = candidate.model.removeprefix(PREFIX).partition("/")
    given: dict[str, float | None] = {"in": terms.price_in, "out": terms.price_out}
    if None in given.values():
        known = hosted_price(name, provider, None)
        for kind in given:
            if given[kind] is None and kind in known:
                value = known[kind].value
                given[kind] = None if isinstance(value, str) else float(value.median)
    prices = {kind: value for kind, value in given.items() if value is not None}
    if len(prices) < len(given):
        raise Problem("api.no_token_price", at=candidate.id, got=candidate.model, exit=Exit.USAGE)
    same = {k: v for k, v in asdict(terms).items() if k in Hosted.__dataclass_fields__}
    hosted = Hosted(model=name, cost_in=prices["in"] / 1e6, cost_out=prices["out"] / 1e6, **same)
    purse = Purse(folder / PURSE, terms.cap)
    return Client(hosted, purse, folder / "work" / "hosted", np.random.default_rng(seed))
