"""The real bench: a thin adapter to the lab, and the only file of this room that knows it. Torch loads late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from groundsill.pilot.inputs import Inputs, Speed, Table
from groundsill.pilot.ladder import kind
from groundsill.terms.candidate import Candidate
from groundsill.terms.event import Emit
from groundsill.terms.run import Run

if TYPE_CHECKING:
    from groundsill.lab.data import Prepared

# What a measurement depends on. Their versions are read from the installed metadata, which does not import them.
PACKAGES = ("torch", "transformers", "peft", "scikit-learn", "tokenizers", "numpy")
PROBE_ROWS = 8  # test rows that a prompt is timed on


class LabBench:
    """Measures with `groundsill.lab`. cache: folder for converted models, kept between runs."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self._located: dict[str, Path] = {}

    def versions(self) -> Mapping[str, str]:
        """Versions of the packages that a measurement depends on. Ours is not among them: runs of an older groundsill are
        used on, so a newer one must not start a new budget; each run holds the version that made it."""
        found = {}
        for name in PACKAGES:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
        return found

    def files(self, spec: Any, base: Path) -> tuple[Path, ...]:
        """The table's files, the user's own test file among them."""
        from groundsill.lab.data.place import resolve

        names = (spec.path, *spec.files.values(), spec.test_file)
        return tuple(resolve(name, base) for name in names if name)

    def read(self, spec: Any, base: Path, emit: Emit) -> Prepared:
        """The table, read, cleaned and split."""
        from groundsill.lab.data import read

        return read(spec, base, emit)

    def speed(self, candidate: Candidate, table: Table, inputs: Inputs, work: Path, emit: Emit) -> Speed:
        """Probe a candidate for a few seconds; a prompt is timed on a few test rows."""
        model, shape = self._model(candidate, inputs, emit)
        if kind(candidate) == "prompt":
            from groundsill.lab.prompting import rows_to_settle

            plain = replace(candidate, recipe=tuple(line for line in candidate.recipe if line[0] == "shots"))
            run = self.measure(
                plain, table, inputs, labels=0, seed=inputs.seeds[0], rows=PROBE_ROWS, work=work, emit=emit
            )
            each = run.measures["score_seconds_per_row"]
            return Speed(each * rows_to_settle(candidate, inputs.shots_of(candidate)), 0.0, 0.0, each)
        from groundsill.lab import training

        probed = training.speed(
            candidate, cast("Prepared", table), model=model, shape=shape, work=work, task=inputs.task
        )
        return Speed(
            probed.start_seconds,
            probed.train_seconds_per_row,
            probed.encode_seconds_per_row,
            probed.score_seconds_per_row,
        )

    def rows_seen(self, candidate: Candidate, labels: int) -> float:
        """Rows times epochs, as the lab's recipe has it."""
        from groundsill.lab.training.recipe import rows_seen

        return float(rows_seen(candidate, labels))

    def measure(
        self,
        candidate: Candidate,
        table: Table,
        inputs: Inputs,
        *,
        labels: int,
        seed: int,
        rows: int,
        work: Path,
        emit: Emit,
    ) -> Run:
        """Build the candidate and score it on the fixed test set, a prompt on `rows` rows of it."""
        model, shape = self._model(candidate, inputs, emit)
        common: dict[str, Any] = {
            "task": inputs.task, "metric": inputs.metric, "seed": seed, "model": model, "shape": shape,
            "hardware": inputs.hardware, "work": work, "emit": emit,
        }  # fmt: skip
        if kind(candidate) == "prompt":
            from groundsill.lab import prompting

            return prompting.measure(
                candidate, cast("Prepared", table), shots=inputs.shots_of(candidate), rows=rows, **common
            )
        from groundsill.lab import training

        return training.measure(candidate, cast("Prepared", table), labels=labels, **common)

    def _model(self, candidate: Candidate, inputs: Inputs, emit: Emit) -> tuple[Path | None, Any]:
        """Folder and shape of the base model; both None for a classical learner."""
        if not candidate.model:
            return None, None
        from groundsill.lab.models import locate

        at = inputs.models[candidate.model]
        if candidate.model not in self._located:
            self._located[candidate.model] = locate(at.where, self.cache, emit)
        return self._located[candidate.model], at.shape
