"""Training by gradient. A plain loop: the Trainer of transformers would bring its folders, callbacks and reports for
thirty lines of work, and hides the order of the rows, which must be ours to give the same answers for the same seed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.models.net import Classifier, to_device
from groundsill.lab.training.recipe import WARM_UP, Recipe
from groundsill.terms.event import Emit, Event, silent
from groundsill.terms.problem import Exit, Problem
from groundsill.tuning import block_of

SORT_BATCHES = 8  # batches that are sorted by length together: like lengths side by side, order still by chance


@dataclass(frozen=True)
class Seen:
    """What went through the body: rows, real tokens, steps, seconds; loss of the first and the last tenth."""

    rows: int
    tokens: int
    steps: int
    seconds: float
    loss_first: float
    loss_last: float


def order(lengths: npt.NDArray[np.int64], rows: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Batches of one epoch: shuffled, sorted by length within groups of 8 batches, groups' batches shuffled again."""
    shuffled = rng.permutation(len(lengths))
    out = []
    for start in range(0, len(shuffled), rows * SORT_BATCHES):
        group = shuffled[start : start + rows * SORT_BATCHES]
        group = group[np.argsort(lengths[group], kind="stable")]
        out += [group[i : i + rows] for i in range(0, len(group), rows)]
    for i in rng.permutation(len(out)):
        yield out[i]


def rate_at(step: int, steps: int) -> float:
    """Share of the highest learning rate: up over the first tenth, then straight down to zero."""
    warm = max(1, round(WARM_UP * steps))
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))


def train(
    net: Classifier,
    ids: tokens.Ids,
    labels: npt.NDArray[np.int32],
    recipe: Recipe,
    *,
    pad: int,
    kind: machine.Precision,
    seed: int,
    most_steps: int | None = None,
    emit: Emit = silent,
) -> Seen:
    """Train the weights of `net` that require a gradient; AdamW on cross-entropy, gradients cut at norm 1.

    On a CPU the same seed gives the same weights. Raises Problem `lab.diverged`, `lab.weights_stand_still`,
    `lab.out_of_memory`.
    """
    lengths = np.array([len(row) for row in ids])
    per_epoch = -(-len(ids) // recipe.batch_rows)
    steps = per_epoch * recipe.epochs
    rng = np.random.default_rng([seed, 7])
    optimiser = _optimiser(net, recipe)
    before = _mark(net)
    losses: list[float] = []
    begin = told = time.perf_counter()
    seen_rows = seen_tokens = 0
    with machine.seeded(seed):
        net.train()
        batches = (rows for _ in range(recipe.epochs) for rows in order(lengths, recipe.batch_rows, rng))
        for step, rows in enumerate(batches):
            if step == most_steps:
                break
            for group in optimiser.param_groups:
                group["lr"] = group["highest"] * rate_at(step, steps)
            losses.append(_step(net, optimiser, [ids[i] for i in rows], labels[rows], pad, kind, (step, steps)))
            seen_rows, seen_tokens = seen_rows + len(rows), seen_tokens + int(lengths[rows].sum())
            now = time.perf_counter()
            if now - told >= 1:
                told, left = now, (now - begin) * (steps - step - 1) / (step + 1)
                emit(Event("lab.progress", {"done": step + 1, "total": steps, "remaining_seconds": left}))
        net.eval()
    if most_steps is None and _mark(net) == before:
        raise Problem("lab.weights_stand_still", got=steps, exit=Exit.INTERNAL)
    tenth = max(1, len(losses) // 10)
    first, last = float(np.mean(losses[:tenth])), float(np.mean(losses[-tenth:]))
    return Seen(seen_rows, seen_tokens, len(losses), time.perf_counter() - begin, first, last)


def _optimiser(net: Classifier, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; a block's learning rate falls by `layer_decay` with each block below the top, embeddings are below all."""
    places = {name: block_of(f"body.{name}") for name, _ in net.body.named_parameters()}
    top = max((place for place in places.values() if place is not None), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, weight in net.body.named_parameters():
        if weight.requires_grad:
            place = places[name]
            above = top - place if place is not None else top + 1 if "embed" in name else 0
            key = recipe.rate * recipe.layer_decay**above, recipe.decay if weight.ndim > 1 else 0.0
            groups.setdefault(key, []).append(weight)
    groups.setdefault((recipe.head_rate, 0.0), []).extend(net.head.parameters())
    made = [{"params": part, "highest": rate, "weight_decay": decay} for (rate, decay), part in groups.items()]
    return torch.optim.AdamW(made, lr=recipe.rate, fused=True)


def _step(
    net: Classifier,
    optimiser: torch.optim.Optimizer,
    ids: tokens.Ids,
    labels: npt.NDArray[np.int32],
    pad: int,
    kind: machine.Precision,
    when: tuple[int, int],
) -> float:
    truth = torch.from_numpy(labels.astype(np.int64)).to(machine.device())
    try:
        with machine.autocast(kind):
            scores = net(*to_device(*tokens.padded(ids, pad)))
        loss = nn.functional.cross_entropy(scores.float(), truth)
        loss.backward()
    except torch.OutOfMemoryError as e:
        raise Problem("lab.out_of_memory", got=len(ids), exit=Exit.NO_ROOM) from e
    each: Callable[[int, int], None] | None = getattr(net, "each_step", None)
    if each is not None:
        each(*when)
    nn.utils.clip_grad_norm_([p for p in net.parameters() if p.requires_grad], 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    value = loss.item()
    if not math.isfinite(value):
        raise Problem("lab.diverged", got=value)
    return value


def _mark(net: Classifier) -> float:
    """A number that moves when the trained weights of the body move: an adapter that was attached but never trained
    would otherwise pass for a bad method."""
    with torch.no_grad():
        return float(sum(p.double().abs().sum() for p in net.body.parameters() if p.requires_grad))


def scores(
    net: Classifier, ids: tokens.Ids, *, pad: int, kind: machine.Precision, budget: int, emit: Emit = silent
) -> npt.NDArray[np.float32]:
    """Scores before the softmax, `(rows, classes)`."""
    lengths = np.array([len(row) for row in ids])
    out = np.zeros((len(ids), net.head.out_features), dtype=np.float32)
    done, begin = 0, time.perf_counter()
    told = begin
    net.eval()
    with torch.inference_mode(), machine.autocast(kind):
        for rows in tokens.batches(lengths, budget):
            out[rows] = net(*to_device(*tokens.padded([ids[i] for i in rows], pad))).float().cpu().numpy()
            done += int(lengths[rows].sum())
            now = time.perf_counter()
            if now - told >= 1:
                told, left = now, (now - begin) * (lengths.sum() / done - 1)
                emit(Event("lab.scoring", {"done": done, "total": int(lengths.sum()), "remaining_seconds": left}))
    return out
