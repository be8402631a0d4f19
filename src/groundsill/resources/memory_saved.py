"""What one block of a transformer keeps until its backward pass, tensor by tensor.

Korthikanti et al. 2022 (arXiv 2205.05198), section 4.1, is the plain case: 34 s b h bytes and 5 a s s b of scores, of which
24 s b h and all scores are divided by tensor parallelism, and the rest by sequence parallelism. A matrix keeps its input
only where its weights, or an adapter beside it, are trained; attention, norms and activations keep theirs in any case,
because gradients pass through frozen weights too. Flash attention (Dao et al. 2022, arXiv 2205.14135) keeps no scores.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from groundsill.resources.memory_habits import Adapter, Habits
from groundsill.terms.shape import Shape


@dataclass(frozen=True)
class Saved:
    """Bytes for each token of one block. whole: on every tensor rank, unless sequences are split; split: divided by the
    tensor ranks; scores: for each token and each key, divided too. working: of the gradients of one block while its
    backward pass runs. entry: the block's input, all that full recompute keeps."""

    whole: float
    split: float
    scores: float
    working: float
    entry: float

    def plus(self, other: Saved, share: float) -> Saved:
        """self + share x other, field by field; working and entry are the larger of both."""
        return Saved(
            self.whole + share * other.whole,
            self.split + share * other.split,
            self.scores + share * other.scores,
            max(self.working, other.working),
            max(self.entry, other.entry),
        )


NOTHING = Saved(0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Wants:
    """What is trained in a block. full: all weights; adapter: else what is beside them; quantised: frozen weights are
    held in few bits; value_bytes: of an activation; flash: no scores are kept."""

    full: bool
    adapter: Adapter | None
    quantised: bool
    value_bytes: float
    flash: bool

    def input_of(self, *names: str, habits: Habits) -> float:
        """How many copies of the common input of these matrices are kept as it is."""
        if self.full:
            return 1.0
        if self.quantised and habits.quantised_inputs:
            return habits.quantised_inputs
        beside = self.adapter is not None and self.adapter.kept_inputs and set(names) & set(self.adapter.targets)
        return float(bool(beside) and habits.adapter_shared and not habits.adapter_dropout)


def block(shape: Shape, wants: Wants, habits: Habits) -> Saved:
    """One block on average, over dense blocks and blocks with experts, decoder and encoder."""
    parts = _attention(shape, wants, habits)
    if shape.encoder_layers:
        cross = _attention(shape, wants, habits)
        parts = parts.plus(cross, shape.layers / (shape.layers + shape.encoder_layers))
    beside = _adapters(shape, wants, habits)
    parts = parts.plus(replace(beside, working=0.0), 1.0)
    blocks = shape.layers + shape.encoder_layers
    if shape.ffn_width:
        parts = parts.plus(_feed_forward(shape, shape.ffn_width, wants, habits), 1 - shape.expert_blocks / blocks)
    if shape.experts:
        parts = parts.plus(_experts(shape, wants, habits), shape.expert_blocks / blocks)
    parts = parts.plus(_norms(shape, wants, habits), 1.0)
    return replace(parts, working=parts.working + beside.working)


def half_kept(shape: Shape, wants: Wants, habits: Habits) -> Saved:
    """One block where every second matrix product is computed again (torchtitan's selective option): kept are the input,
    the products for q, v, the gate and the end, and what attention gives."""
    a, none = wants.value_bytes, block(shape, wants, habits)
    wide = shape.ffn_width
    if shape.experts:
        share = shape.expert_blocks / shape.layers
        wide = round(
            (1 - share) * wide + share * (shape.experts.active * shape.experts.width + shape.experts.shared_width)
        )
    split = a * (shape.score_width + shape.kv_heads * shape.head_width + shape.value_width + wide) + 4.0 * shape.heads
    return Saved(2 * a * shape.width, split, 0.0, none.working, none.entry)


def _attention(shape: Shape, wants: Wants, habits: Habits) -> Saved:
    """Queries, keys, values, the answer; scores with their mask; what a narrow layer before them keeps."""
    a, queries, few = wants.value_bytes, shape.score_width, shape.kv_heads * shape.head_width
    answer = shape.value_width
    if shape.latent:
        keys, values = queries, answer
    elif habits.repeats_kv and shape.kv_heads < shape.heads:
        keys = values = queries
    else:
        keys = values = few
    split = a * (queries + keys + values + answer) + (4.0 * shape.heads if wants.flash else 0.0)
    if wants.quantised:
        split += a * answer * max(habits.quantised_inputs - 1.0, 0.0)
    if habits.joint_qkv and not shape.latent:
        split += a * (queries + few)
    whole = a * shape.width * wants.input_of("q", "k", "v", habits=habits)
    if shape.latent:
        whole += a * 2 * (shape.latent.query_rank + shape.latent.key_rank) + a * shape.latent.rotary_width
    if shape.query_key_norm:
        split += max(habits.norm_bytes, a) * (queries + few)
    whole += shape.width if habits.dropout else 0.0
    scores = 0.0 if wants.flash else shape.heads * (a + (1 + a if habits.dropout else 0.0))
    working = a * (2 * queries + 2 * few + 2 * answer + 2 * shape.width)
    return Saved(whole, split, scores, working, a * shape.width)


def _feed_forward(shape: Shape, wide: int, wants: Wants, habits: Habits) -> Saved:
    a = wants.value_bytes
    kept = 1.0 if not shape.gated else 2.0 if habits.compiled else 3.0
    inner = wants.input_of("down", habits=habits)
    kept += 0.0 if habits.compiled and wants.adapter else inner
    entered = wants.input_of("up", "gate", habits=habits) if shape.norms > 1 else 0.0
    whole = a * shape.width * entered + (shape.width if habits.dropout else 0.0)
    return Saved(whole, a * kept * wide, 0.0, a * ((4 if shape.gated else 2) * wide + shape.width), 0.0)


def _experts(shape: Shape, wants: Wants, habits: Habits) -> Saved:
    """Router, the tokens as they are sent to their experts and come back, the experts' feed-forward parts."""
    experts, a = shape.experts, wants.value_bytes
    if experts is None:
        return NOTHING
    routed = _feed_forward(shape, experts.active * experts.width, wants, habits)
    shared = _feed_forward(shape, experts.shared_width, wants, habits) if experts.shared_width else NOTHING
    sent = Saved(8.0 * experts.count + 2 * a * experts.active * shape.width, 0.0, 0.0, 0.0, 0.0)
    return routed.plus(shared, 1.0).plus(sent, 1.0)


def _norms(shape: Shape, wants: Wants, habits: Habits) -> Saved:
    each = max(habits.norm_bytes, wants.value_bytes) + (habits.norm_trained_bytes if wants.full else 0.0)
    if shape.norm_weights == 2:  # LayerNorm is one kernel everywhere, which keeps its input as it is
        each = wants.value_bytes
    count = shape.norms + (shape.layers / (shape.layers + shape.encoder_layers) if shape.encoder_layers else 0.0)
    return Saved(count * each * shape.width, 0.0, 0.0, 3 * each * shape.width, 0.0)


def _adapters(shape: Shape, wants: Wants, habits: Habits) -> Saved:
    """What adapters keep beside the matrices that they adapt; the output matrix is not in a block."""
    one = wants.adapter
    if one is None:
        return NOTHING
    sizes = {name: size for name, size in one.sizes(shape).items() if name != "head"}
    bytes_ = habits.adapter_bytes
    kept = float(sum(one.kept_outputs * 4.0 * o + one.rank * bytes_ for _, o in sizes.values()))
    kept += one.values * wants.value_bytes * shape.width
    if one.kept_inputs and (habits.adapter_dropout or not habits.adapter_shared):
        groups = [{"q", "k", "v"}, {"o"}, {"up"}, {"gate"}, {"down"}] if habits.joint_qkv else [{n} for n in sizes]
        for group in groups:
            entered = max((i for name, (i, _) in sizes.items() if name in group), default=0)
            kept += one.kept_inputs * entered * (bytes_ + (1.0 if habits.adapter_dropout else 0.0))
    some = [o for name, (_, o) in sizes.items() if name in "qkv"]
    if habits.adapter_padded and 0 < len(some) < 3:
        kept += wants.value_bytes * sum(some)
    # What a 4-byte adapter gives is 4-byte until it is added, and so is its gradient.
    widest = max((o for _, o in sizes.values()), default=0) if one.kept_inputs else 0
    return Saved(kept, 0.0, 0.0, 2 * bytes_ * widest if bytes_ > wants.value_bytes else 0.0, 0.0)
