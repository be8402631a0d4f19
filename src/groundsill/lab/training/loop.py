"""The training loop. Our own, as the order of the rows, the weight of each unit in a step and the checkpoints must be ours
to give the same weights for the same seed (docs/decisions/0004.md)."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.models import device as machine
from groundsill.lab.objectives import Batch, Objective
from groundsill.lab.training import packing
from groundsill.lab.training.adversarial import Push
from groundsill.lab.training.averaging import Average, put, trained
from groundsill.lab.training.checkpoint import (
    Keeper,
    Saving,
    State,
    Tensors,
    optimiser_tensors,
    part_of,
    restore_optimiser,
)
from groundsill.lab.training.moved import Moved
from groundsill.lab.training.optimise import optimiser, penalise, rate_at, recompute, set_dropout
from groundsill.lab.training.order import Order
from groundsill.lab.training.recipe import Recipe
from groundsill.lab.training.room import out_of_memory, smaller
from groundsill.lab.training.settings import Settings
from groundsill.lab.training.several import Team, team
from groundsill.lab.training.watch import Best, Rates, Spent, stops
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Seen:
    """What went through the body: rows, real tokens, steps, seconds; loss of the first and the last tenth; looks: the
    metric after some of the steps."""

    rows: int
    tokens: int
    steps: int
    seconds: float
    loss_first: float
    loss_last: float
    looks: tuple[tuple[int, float], ...] = ()


def train(
    net: nn.Module,
    objective: Objective,
    recipe: Recipe,
    settings: Settings | None = None,
    *,
    kind: machine.Precision,
    seed: int,
    most_steps: int | None = None,
    head_alone: bool = False,
    saving: Saving | None = None,
    best: Best | None = None,
    rates: Rates | None = None,
    emit: Emit = silent,
) -> Seen:
    """Train the weights of `net` that require a gradient on the rows of `objective`; the net is left in evaluation mode.

    net: with a `body` (a base model) and perhaps a `head`, which learns at its own rate. kind: of the matrix products.
    most_steps: stop there, for a look at the speed. head_alone: nothing but the head is meant to train. saving: where checkpoints go; from the newest sound one training goes
    on. best: early stopping. On a CPU the same seed gives the same weights, cut short and resumed or not. Under torchrun
    each process takes its share of every batch.

    Raises Problem `lab.diverged`, `lab.weights_stand_still`, `lab.frozen_weights_moved`, `lab.out_of_memory`,
    `lab.cannot_pack`, `lab.nothing_to_watch`, `lab.no_embedding`, `lab.no_average`, `lab.processes_differ`; with saving also
    `lab.checkpoint_no_room`, `lab.checkpoint_corrupt`, `lab.other_checkpoint`, `lab.pickle_refused` and, when asked to
    stop, `lab.training_interrupted` (exit RESUMABLE).
    """
    with machine.seeded(seed), team() as ours, ExitStack() as held:
        training = _Training(net, objective, recipe, settings or Settings(), kind, seed, ours, emit, head_alone)
        return training.run(held, most_steps, saving, best, rates or Rates())


@dataclass(eq=False)
class _Training:
    net: nn.Module
    objective: Objective
    recipe: Recipe
    settings: Settings
    kind: machine.Precision
    seed: int
    team: Team
    emit: Emit
    head_alone: bool
    losses: list[float] = field(default_factory=list)
    waiting: list[torch.Tensor] = field(default_factory=list)
    rows: int = 0
    tokens: int = 0
    step: int = 0  # steps done
    before_seconds: float = 0.0

    def run(
        self, held: ExitStack, most_steps: int | None, saving: Saving | None, best: Best | None, rates: Rates
    ) -> Seen:
        """All steps, from the newest checkpoint on."""
        if self.settings.patience and best is None:
            raise Problem("lab.nothing_to_watch", got=self.settings.patience)
        self._prepare(held)
        self.best = best
        keeper = Keeper(saving, self._key(saving.mark), self.emit) if saving else None
        found = keeper.newest() if keeper else None
        if found is not None:
            self._restore(found)
        self.team.same(float(self.step))
        last = self.steps if most_steps is None else min(self.steps, most_steps)
        ends = self.order.ends()
        self.spent = Spent(rates, last, self.step, self.before_seconds, self.emit)
        with stops(keeper is not None) as stop:
            for batches in self.order.batches(self.step):
                if self.step >= last or self._had_enough():
                    break
                self._one(batches)
                self.step += 1
                if self.best is not None and most_steps is None:
                    self._look(ends)
                stopped = keeper is not None and self.team.total(float(stop.asked)) > 0
                if keeper is not None and (stopped or self.team.total(float(self._due(keeper))) > 0):
                    self._hear()
                    if self.team.rank == 0:
                        keeper.save(self._state())
                if stopped:
                    raise Problem("lab.training_interrupted", got=self.step, limit=self.steps, exit=Exit.RESUMABLE)
                self.spent.step(self.step - 1, self.losses)
        return self._finish(most_steps is None)

    def _prepare(self, held: ExitStack) -> None:
        own = self.settings
        self.lengths = self.objective.lengths
        self.order = Order(
            self.lengths, self.recipe.epochs, self.seed, self.recipe.batch_rows, own.batch_tokens, own.packed,
            own.accumulate,
        )  # fmt: skip
        self.steps = self.order.steps
        set_dropout(self.net, own.dropout)
        if own.recompute:
            recompute(self.net)
        if own.packed:
            packing.proof(self.net, self.objective)
        self.weights = [p for p in self.net.parameters() if p.requires_grad]
        self.optimiser = optimiser(self.net, self.recipe, own)
        self.average = Average(self.net, own)
        self.push = held.enter_context(Push(self.net, own.adversarial)) if own.adversarial else None
        self.each_step: Any = getattr(self.net, "each_step", None)
        self.moved = Moved(self.net)
        self.team.same(float(self.moved.start))
        self.net.train()

    # ---- one step

    def _one(self, batches: list[Rows]) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = group["highest"] * rate_at(self.step, self.steps, self.settings)
        shares = [rows for rows in map(self.team.share, batches) if len(rows)]
        try:
            loss = self._gradients(shares)
        except RuntimeError as e:
            if not out_of_memory(e):
                raise
            fits = smaller(self.net, self.optimiser, self.objective, max(batches, key=len), self.kind)
            raise self._no_room(max(map(len, batches)), fits) from e
        self.team.sum_gradients(self.weights)
        if self.each_step is not None:
            self.each_step(self.step, self.steps)
        if self.settings.l1 or self.settings.l2:
            penalise(self.weights, self.settings)
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self.weights, self.settings.clip)
        self.optimiser.step()
        if not self.losses and not self.waiting:
            self.moved.after_first(self.net, self.emit)
        self.optimiser.zero_grad(set_to_none=True)
        self.average.step(self.step, self.steps)
        self._note(loss, batches)

    def _gradients(self, shares: list[Rows]) -> torch.Tensor:
        """Forward and backward of this process's rows; the mean loss of the step's units, as far as they are its own."""
        made = [self._batch(rows) for rows in shares]
        units = self.team.total(float(sum(batch.units for batch in made)))
        total = torch.zeros((), device=machine.device())
        for batch in made:
            total = total + self._backward(batch, units)
            if self.push is not None:
                self.push.aim()
                self._backward(batch, units)
                self.push.rest()
        return total

    def _batch(self, rows: Rows) -> Batch:
        batch = self.objective.batch(rows)
        if self.settings.packed and isinstance(self.objective, packing.Packs):
            return packing.pack(batch, causal=self.objective.causal)
        return batch

    def _backward(self, batch: Batch, units: float) -> torch.Tensor:
        with machine.autocast(self.kind):
            loss = self.objective.loss(self.net, batch) / max(units, 1e-12)
        loss.backward()
        return loss.detach()

    def _note(self, loss: torch.Tensor, batches: list[Rows]) -> None:
        """Count; on a GPU the loss is read only now and then, as reading waits for all that was started."""
        for rows in batches:
            self.rows, self.tokens = self.rows + len(rows), self.tokens + int(self.lengths[rows].sum())
        self.waiting.append(loss)
        if loss.device.type == "cpu" or len(self.waiting) >= 16:
            self._hear()

    def _hear(self) -> None:
        """Raises Problem `lab.diverged`."""
        for loss in self.waiting:
            value = self.team.total(float(loss))
            self.losses.append(value)
            if not math.isfinite(value):
                raise Problem("lab.diverged", got=value)
        self.waiting.clear()

    def _no_room(self, rows: int, fits: int) -> Problem:
        times = self.settings.accumulate * -(-rows // max(1, fits))
        code = "lab.out_of_memory_smaller_fits" if fits else "lab.out_of_memory"
        return Problem(code, got=rows, limit=fits, accumulate=times, exit=Exit.NO_ROOM)

    # ---- between steps

    def _look(self, ends: set[int]) -> None:
        every = self.settings.look_steps
        if self.best is not None and (self.step % every == 0 if every else self.step in ends):
            with self.average.inside(), torch.random.fork_rng([]):
                self.best.look(self.net, self.step, self.emit)

    def _had_enough(self) -> bool:
        return self.best is not None and bool(self.best.patience) and self.best.waited >= self.best.patience

    def _finish(self, whole: bool) -> Seen:
        self._hear()
        if self.best is not None and self.best.weights:
            put(self.net, self.best.weights)
        elif whole:
            put(self.net, self.average.mean)
        self.net.eval()
        if whole and not self.moved.at_end(self.net, self.head_alone):
            raise Problem("lab.weights_stand_still", got=self.step, exit=Exit.INTERNAL)
        tenth = max(1, len(self.losses) // 10)
        first, last = float(np.mean(self.losses[:tenth])), float(np.mean(self.losses[-tenth:]))
        seconds = self.before_seconds + (self.spent.end() if whole else self.spent.seconds)
        looks = tuple(self.best.looks) if self.best is not None else ()
        return Seen(self.rows, self.tokens, len(self.losses), seconds, first, last, looks)

    # ---- checkpoints

    def _due(self, keeper: Keeper) -> bool:
        return self.team.rank == 0 and keeper.due(self.step)

    def _key(self, mark: str) -> str:
        """Of this very training: what it starts from, what it sees, how it trains."""
        said = repr((self.recipe, self.settings, self.kind, self.seed, self.moved.start, mark, self.team.size))
        names = repr([(n, tuple(w.shape)) for n, w in trained(self.net).items()])
        return blake2b(said.encode() + names.encode() + self.lengths.tobytes(), digest_size=8).hexdigest()

    def _state(self) -> State:
        tensors: Tensors = {f"optimiser.{k}": t for k, t in optimiser_tensors(self.optimiser).items()}
        tensors |= {f"mean.{k}": t for k, t in self.average.mean.items()}
        tensors["chance"] = torch.get_rng_state()
        if machine.device().type == "cuda":
            tensors["chance_gpu"] = torch.cuda.get_rng_state()
        if hasattr(self.each_step, "state"):
            tensors |= {f"each_step.{k}": t for k, t in self.each_step.state().items()}
        about: dict[str, Any] = {
            "rows": self.rows, "tokens": self.tokens, "losses": self.losses, "averaged": self.average.count,
            "seconds": self.before_seconds + self.spent.seconds, "torch": torch.__version__,
        }  # fmt: skip
        if self.best is not None:
            tensors |= {f"best.{k}": t for k, t in self.best.weights.items()}
            about |= {"looks": self.best.looks, "waited": self.best.waited}
        weights = {name: weight.detach() for name, weight in trained(self.net).items()}
        return State(self.step, weights, tensors, about)

    def _restore(self, state: State) -> None:
        put(self.net, state.weights)
        restore_optimiser(self.optimiser, part_of(state.tensors, "optimiser"))
        self.average.mean, self.average.count = part_of(state.tensors, "mean"), int(state.about["averaged"])
        torch.set_rng_state(state.tensors["chance"])
        if "chance_gpu" in state.tensors:
            torch.cuda.set_rng_state(state.tensors["chance_gpu"])
        if hasattr(self.each_step, "restore"):
            self.each_step.restore(part_of(state.tensors, "each_step"), self.steps)
        if self.best is not None:
            self.best.looks = [(int(step), float(value)) for step, value in state.about["looks"]]
            self.best.value = max((value for _, value in self.best.looks), default=-math.inf)
            self.best.waited, self.best.weights = int(state.about["waited"]), part_of(state.tensors, "best")
        self.step, self.rows, self.tokens = state.step, int(state.about["rows"]), int(state.about["tokens"])
        self.losses = [float(value) for value in state.about["losses"]]
        self.before_seconds = float(state.about["seconds"])
        self.emit(Event("lab.resumed", {"step": self.step, "steps": self.steps}))
