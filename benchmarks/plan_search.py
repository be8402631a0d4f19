"""How fast all parallel plans of GPT-3 175B on 1,024 accelerators are judged.

    python benchmarks/plan_search.py [--json] [--sample 400] [--batch 1536]

All plans on 1,024 A100 are enumerated, pruned, their memory and time counted at the medians, and the frontier found; then
the three best are carried through all draws. Because a batch and a count allow only so many plans, the same is done for
several counts at once until there are at least as many plans as calculon enumerates for this case. Seconds are CPU seconds
of one core. Two peers: calculon at 150 to 220 candidates a second on one core (measured on it earlier on a machine like
this one; its 1.69 M candidates for 1,024 GPUs then take over two hours), and, in the same run, a plain loop over a random
sample of our own plans with our own models of memory and time, one plan a call.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from groundsill.api.estimates import estimate_plan
from groundsill.catalogue.load import Catalogue
from groundsill.resources import memory, step
from groundsill.resources.job import Job
from groundsill.resources.plans import space
from groundsill.resources.search import Judged, search

MODEL, ACCELERATOR, COUNT, SEQUENCE = "gpt-3-175b", "a100-sxm-80gb", 1024, 2048
COUNTS = (256, 384, 512, 768, 1024)
PEER_PLANS = 1_690_000  # calculon, 175B on 1,024 GPUs, without offload
PEER_PER_SECOND = (150.0, 220.0)
REACH_S = 10.0
REPEATS = 3


def spent(work: Any) -> tuple[float, Any]:
    """CPU seconds of a call, and its result."""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def plain_loop(job: Job, machine: Any, sample: int, seed: int = 1) -> float:
    """CPU seconds of one plan when plans of a random sample are judged one call at a time, memory first."""
    everything = np.concatenate(list(space(job, machine, COUNT).blocks()))
    rows = np.random.default_rng(seed).choice(len(everything), sample, replace=False)
    none = np.zeros(len(rows))
    plans = [Judged(everything[rows], none, none, none).plan(i) for i in range(len(rows))]

    def loop() -> None:
        for plan in plans:
            if memory.peak(job, plan).bytes <= machine.memory_bytes:
                step.step(job, plan, machine)

    return spent(loop)[0] / sample


def main(argv: Sequence[str] | None = None) -> None:
    """Runs, prints, and with --json ends in one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sample", type=int, default=400, help="plans of the plain loop")
    parser.add_argument("--batch", type=int, default=1536, help="sequences of a step (GPT-3: 3.2 M tokens)")
    given = parser.parse_args(argv)
    catalogue = Catalogue()
    shape, machine = catalogue.model(MODEL).shape, catalogue.machine(ACCELERATOR)
    assert shape is not None
    job = Job(shape, SEQUENCE, given.batch)
    search(job, machine, 64)  # loads what is loaded once
    rows = []
    for counts in ((COUNT,), COUNTS):
        tries = [spent(partial(search, job, machine, counts)) for _ in range(REPEATS)]
        taken, found = sorted(seconds for seconds, _ in tries), tries[0][1]
        rows.append((taken, found))
        print(
            f"{', '.join(map(str, counts))}: {found.enumerated:,} plans, {found.judged:,} judged, {found.timed:,} fit, "
            f"{len(found.points)} on the frontier: {taken[1]:.2f} s, {found.enumerated / taken[1]:,.0f} plans/s"
        )
    whole, made = spent(
        lambda: estimate_plan(
            MODEL, accelerator=ACCELERATOR, count=COUNT, batch=given.batch, sequence=SEQUENCE, tokens=3e11
        )
    )
    print(f"with the three best through 2,000 draws, prices and energy: {whole:.2f} s ({made.enumerated:,} plans)")
    each = plain_loop(job, machine, given.sample)
    (narrow, at_1024), (taken, found) = rows
    rate = found.enumerated / taken[1]
    slow, fast = PEER_PER_SECOND
    print(
        f"plain loop: {1 / each:,.0f} plans/s, {rate * each:,.0f} times slower; calculon: {slow:.0f} to {fast:.0f} plans/s"
    )
    if given.json:
        figures = [
            {"id": "plan_search_s", "value": round(taken[1], 2), "low": round(taken[0], 2), "high": round(taken[-1], 2),
             "n": found.enumerated, "reach": REACH_S, "better": "lower",
             "holds": taken[1] < REACH_S and found.enumerated >= PEER_PLANS,
             "peer": {"name": "calculon, 1.69 M candidates at 220 a second", "value": round(PEER_PLANS / fast)}},
            {"id": "plan_search_1024_s", "value": round(narrow[1], 2), "low": round(narrow[0], 2),
             "high": round(narrow[-1], 2), "n": at_1024.enumerated, "reach": REACH_S, "better": "lower",
             "holds": narrow[1] < REACH_S,
             "peer": {"name": "the same plans in a plain loop", "value": round(each * at_1024.enumerated, 1)}},
        ]  # fmt: skip
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
