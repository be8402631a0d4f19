"""The peak of one accelerator's memory during a training step: what is always there, and the largest instant.

Instants: the loss (all activations, logits); the backward pass of a block (all activations, one block computed again if
nothing of it was kept, its gradients); the end of the backward pass (all gradients); the optimiser's step. Activations of
a pipeline: min(m, p - stage) micro-batches are under way, 1 + (p - 1) / (p v) of a whole model's with interleaving
(Korthikanti et al. 2022, arXiv 2205.05198, section 4.2.3). The first and the last stage are both counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from groundsill.resources.job import Job, Plan
from groundsill.resources.memory_habits import Adapter, Habits, habits_of
from groundsill.resources.memory_saved import Saved, Wants, block, half_kept
from groundsill.resources.memory_states import (
    Held,
    frozen_bytes,
    held,
    rates,
    trained_weights,
    value_bytes,
)
from groundsill.terms.network import Network
from groundsill.terms.quantity import Quantity


@dataclass(frozen=True)
class Parts:
    """Bytes of tensors on the fullest accelerator at its fullest instant, each () or (plans,). work: what only that
    instant needs (logits, gathered layers, gradients in flight, a block computed again)."""

    weights: Quantity
    gradients: Quantity
    optimizer: Quantity
    activations: Quantity
    work: Quantity

    @property
    def allocated(self) -> Quantity:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.work


def parts(job: Job, plan: Plan, habits: Habits | None = None, adapter: Adapter | None = None) -> Parts:
    """Tensors at the peak. habits: of the software, by default those of `job.stack`; adapter: what `lora` adds, by
    default low-rank matrices beside queries and values."""
    using = habits or habits_of(job.stack)
    beside = adapter or Adapter() if job.method == "lora" else None
    if isinstance(job.shape, Network):
        return _network(job, plan, using)
    if beside is not None and beside.prefix:
        job = replace(job, sequence=job.sequence + beside.prefix)
    stage = held(job.shape, plan)
    common = _common(job, plan, using, beside, stage)
    first = _stage(job, plan, using, beside, common, stage.ends[0], last=False)
    names = ("weights", "gradients", "optimizer", "activations", "work")
    if not np.any(common.spread.pipeline > 1):
        return Parts(**{name: _plain(getattr(first, name)) for name in names})
    last = _stage(job, plan, using, beside, common, stage.ends[1], last=True)
    fuller = first.allocated >= last.allocated
    return Parts(**{name: _plain(np.where(fuller, getattr(first, name), getattr(last, name))) for name in names})


def _plain(value: Any) -> Quantity:
    return value if np.ndim(value) else float(value)


@dataclass(frozen=True)
class _Spread:
    """Sizes that every part needs, each () or (plans,)."""

    tensor: Any
    pipeline: Any
    chunks: Any
    ranks: Any  # that share a copy of the states
    tokens: Any  # of one micro-batch on one accelerator
    passes: Any  # micro-batches of a step
    split: Any  # ranks over which whole tensors are split
    layers: Any  # of the fullest stage

    @classmethod
    def of(cls, job: Job, plan: Plan) -> _Spread:
        tensor, pipeline, context, micro = (
            np.asarray(value, dtype=np.float64)
            for value in (plan.tensor, plan.pipeline, plan.context, plan.micro_batch)
        )
        copies = np.asarray(plan.accelerators) / (tensor * pipeline * context)
        passes = np.maximum(job.batch / (copies * micro), 1.0)
        split = np.where(np.asarray(plan.sequence_parallel, dtype=bool), tensor, 1.0)
        layers = np.ceil((job.shape.layers + job.shape.encoder_layers) / pipeline)
        chunks = np.asarray(plan.chunks, dtype=np.float64)
        return cls(tensor, pipeline, chunks, copies * context, micro * (job.sequence / context), passes, split, layers)


def _under_way(spread: _Spread, last: bool) -> Any:
    """Micro-batches whose activations a stage holds at once; in pieces of a stage where it is cut into chunks."""
    p, v = spread.pipeline, spread.chunks
    plain: Any = 1.0 if last else p
    if v.ndim == 0 and v == 1.0:
        return np.minimum(plain, spread.passes)
    cut = ((v - 1) * p + 1) / v if last else p + (p - 1) / v
    return np.minimum(np.where(v > 1, cut, plain), spread.passes)


@dataclass(frozen=True)
class _Common:
    """What both end stages share, bytes. fixed: of states of blocks; rates of the ends are per weight. one: kept of one
    block for one micro-batch; entry: its input; again: one block computed again; working: gradients while its backward
    pass runs; dense: matrices of an adapter's making; logits; blocks, root: gathered."""

    spread: _Spread
    cut: tuple[Any, Any, Any]
    states: tuple[Any, Any, Any]  # weights of blocks: for optimiser, gradients, weights
    one: Any
    entry: Any
    work: Any
    dense: Any
    logits: Any
    blocks: Any
    root: Any


def _common(job: Job, plan: Plan, habits: Habits, adapter: Adapter | None, stage: Held) -> _Common:
    spread, shard = _Spread.of(job, plan), np.asarray(plan.shard)
    cut = tuple(np.where(shard >= level, spread.ranks, 1.0) for level in (1, 2, 3))
    states = tuple(stage.blocks / c for c in cut)
    if job.shape.experts:
        # An expert's states are split over those ranks only that hold the same experts.
        few = [np.maximum(np.where(c > 1, c / np.asarray(plan.expert), 1.0), 1.0) for c in cut]
        states = tuple(s + stage.experts / f for s, f in zip(states, few, strict=True))
    one, entry, again, working, dense = _of_block(job, plan, habits, adapter, spread)
    blocks, root = _gathered(job, stage, habits, spread, shard)
    return _Common(
        spread, (cut[0], cut[1], cut[2]), (states[0], states[1], states[2]), one, entry, again + working, dense,
        _logits(job, habits, spread), blocks, root,
    )  # fmt: skip


def _stage(job: Job, plan: Plan, habits: Habits, adapter: Adapter | None, c: _Common, ends: Any, last: bool) -> Parts:
    """The parts of the first or the last stage; ends: weights before or after the blocks."""
    spread, per_weight, full = c.spread, rates(job, habits), job.method == "full"
    on_stage = [state + ends / cut for state, cut in zip(c.states, c.cut, strict=True)]
    trained = on_stage if full else [_adapter_share(job, adapter, spread, cut) for cut in c.cut]
    weights = trained[2] * per_weight.weight
    if not full:
        weights = weights + frozen_bytes(job.shape, job, habits, on_stage[2], c.states[2])
    optimizer, gradients = trained[0] * per_weight.optimiser, trained[1] * per_weight.gradient
    if np.any(plan.offload):
        stays = ~np.asarray(plan.offload, dtype=bool)
        optimizer, gradients = optimizer * stays, gradients * (stays | (np.asarray(plan.shard) < 1))
    under_way = _under_way(spread, last)
    activations = c.one * (spread.layers * under_way) + c.dense
    activations = activations + (c.entry * under_way if habits.stage_outputs else c.entry)
    steady = job.master and full and value_bytes(job.precision) < 4.0
    fixed = gradients if steady else np.where(spread.passes > 1, gradients, 0.0)
    if habits.gradient_freed:
        fixed = gradients = gradients / spread.layers
    at_loss = c.logits if last else np.where(spread.pipeline == 1, c.logits, 0.0)
    in_block = c.work + (c.blocks * np.where(spread.pipeline == 1, 0.5, 0.0) if full else 0.0)
    top = np.maximum(at_loss, in_block) + activations + c.blocks + c.root
    top = np.maximum(top, gradients - fixed + c.one + c.work + c.blocks)
    if not habits.fused_step:
        top = np.maximum(top, gradients - fixed + trained[0] * per_weight.moment)
    top = top + habits.bucket_bytes
    shown = np.minimum(activations, top)
    return Parts(weights, fixed, optimizer, shown, top - shown)


def _adapter_share(job: Job, adapter: Adapter | None, spread: _Spread, cut: Any) -> Any:
    """New weights on one rank: spread over pipeline and tensor ranks as what they adapt is."""
    return trained_weights(job, adapter) / (spread.pipeline * spread.tensor * cut)


def _on_rank(saved: Saved, spread: _Spread, keys: float) -> Any:
    """Bytes of one block's tensors for one micro-batch."""
    return spread.tokens * (saved.whole / spread.split + (saved.split + saved.scores * keys) / spread.tensor)


def _of_block(
    job: Job, plan: Plan, habits: Habits, adapter: Adapter | None, spread: _Spread
) -> tuple[Any, Any, Any, Any, Any]:
    """(kept for one micro-batch, the input, computed again, its gradients, dense matrices of all blocks of a stage)."""
    shape, a = job.shape, value_bytes(job.precision)
    wants = Wants(job.method == "full", adapter, job.weight_bits < 16 and job.method != "full", a, job.flash)
    none = block(shape, wants, habits)
    some = half_kept(shape, wants, habits) if habits.selective == "matmuls" else replace(none, scores=0.0)
    keys, recompute = float(job.sequence), np.asarray(plan.recompute)
    each, entry = _on_rank(none, spread, keys), spread.tokens * none.entry / spread.split
    at_rest = entry * 0.0 if habits.offload_activations else entry
    one = np.where(recompute == 0, each, np.where(recompute == 1, _on_rank(some, spread, keys), at_rest))
    again = np.where(recompute == 0, 0.0, each) + _unpacked(job, spread)
    if job.method == "head":
        one, again = one * 0.0, each
    dense: Any = 0.0
    if adapter is not None and adapter.dense:
        dense = 4.0 * adapter.dense * sum(i * o for i, o in adapter.sizes(shape).values())
        again = again + np.where(recompute == 2, dense, 0.0)
        dense = np.where(recompute == 2, 0.0, dense * spread.layers)
    return one, entry, again, spread.tokens * (none.working / spread.tensor), dense


def _unpacked(job: Job, spread: _Spread) -> Any:
    """The 2-byte copy of the largest matrix of a block that is held in few bits, while it multiplies."""
    shape = job.shape
    if job.weight_bits >= 16 or job.method == "full":
        return 0.0
    wide = shape.experts.width if shape.experts else shape.ffn_width
    return 2.0 * shape.width * max(shape.score_width, wide) / spread.tensor


def _logits(job: Job, habits: Habits, spread: _Spread) -> Any:
    """What the loss needs, where the last block is."""
    words = job.shape.vocabulary if job.shape.kind != "encoder" else job.shape.classes
    if job.method == "head" or not words:
        return np.zeros(())
    rate: Any = habits.chunked_logit_bytes if job.chunked_logits else habits.logit_bytes
    if habits.split_logit_bytes and not job.chunked_logits:
        rate = np.where(spread.tensor > 1, habits.split_logit_bytes, rate)
    return spread.tokens * (rate * words / spread.tensor)


def _gathered(job: Job, stage: Held, habits: Habits, spread: _Spread, shard: Any) -> tuple[Any, Any]:
    """(two blocks, ends): whole weights of split ones, for the block at work and the next; the ends stay gathered."""
    if not np.any(shard >= 3):
        return np.zeros(()), np.zeros(())
    split, a = (shard >= 3) & (spread.ranks > 1), value_bytes(job.precision)
    size = a if job.method == "full" or job.weight_bits >= 16 else job.weight_bits / 8.0
    blocks = 2.0 * stage.block * size
    if habits.stage_gathered:
        whole = (stage.blocks + stage.experts) * (size + (4.0 if job.method == "full" else 0.0))
        blocks = np.where(spread.pipeline > 1, whole, blocks)
    return blocks * split, np.maximum(*stage.ends) * a * split


def _network(job: Job, plan: Plan, habits: Habits) -> Parts:
    """A network that is not a plain transformer: copied whole, states split by ZeRO's stages; saved values by layer."""
    network: Any = job.shape
    shard, copies = np.asarray(plan.shard), np.asarray(plan.accelerators, dtype=np.float64)
    cut = [np.where(shard >= level, copies, 1.0) for level in (1, 2, 3)]
    per_weight, a = rates(job, habits), value_bytes(job.precision)
    trained = trained_weights(job, None)
    samples = np.asarray(plan.micro_batch, dtype=np.float64) * job.sequence
    largest = max((layer.values for layer in network.layers), default=0.0)
    kept = np.where(np.asarray(plan.recompute) == 2, _checkpoints(network), network.saved_values) * a * samples
    if job.method == "head":
        kept = kept * 0.0
    weights = trained * per_weight.weight / cut[2]
    if job.method != "full":
        weights = weights + network.weights * job.weight_bits / 8.0 / cut[2]
    offload = np.asarray(plan.offload, dtype=bool)
    optimizer = np.where(offload, 0.0, trained * per_weight.optimiser / cut[0])
    gradients = trained * per_weight.gradient / cut[1]
    work = np.where(np.asarray(plan.recompute) == 2, _checkpoints(network), largest) * a * samples
    return Parts(*(_plain(v) for v in np.broadcast_arrays(weights, gradients, optimizer, kept, work)))


def _checkpoints(network: Any) -> float:
    """Values kept with recomputing: about the square root of the layers' (Chen et al. 2016, arXiv 1604.06174)."""
    count = sum(layer.count for layer in network.layers)
    return float(network.saved_values / max(count, 1) ** 0.5)
