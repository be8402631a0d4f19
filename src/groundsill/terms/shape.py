"""The shape of a transformer: what resources and tuning count with."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from groundsill.terms.problem import Problem

Kind = Literal["encoder", "decoder", "encoder-decoder"]


@dataclass(frozen=True)
class Experts:
    """A mixture of experts in place of the feed-forward part.

    count: routed experts of a block; active: of them for each token; width: of one expert; shared_width: of the expert
    that every token passes (0: none); dense_layers: first blocks that keep the plain feed-forward part; every: one block
    in `every` has experts. Raises Problem `shape.bad`.
    """

    count: int
    active: int
    width: int
    shared_width: int = 0
    dense_layers: int = 0
    every: int = 1

    def __post_init__(self) -> None:
        _whole(self, positive=("count", "active", "width", "every"))
        _most("experts.active", self.active, self.count)


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434): keys and values pass a narrow layer, which is cached.

    query_rank: 0 where queries are not narrowed; key_rank: of keys and values; plain_width, rotary_width, value_width:
    per head. Raises Problem `shape.bad`.
    """

    query_rank: int
    key_rank: int
    plain_width: int
    rotary_width: int
    value_width: int

    def __post_init__(self) -> None:
        _whole(self, positive=("key_rank", "plain_width", "value_width"))


@dataclass(frozen=True)
class Shape:
    """A transformer: decoder, encoder, or both.

    heads: query heads; kv_heads: key and value heads; head_width: per head; gated: three matrices in the feed-forward
    part instead of two; biases: linear layers have one; tied: input and output embedding share weights; positions:
    learned position embeddings (0 with rotary); types: token-type embeddings, or the class token of a picture;
    norm_weights: weights of one norm in units of width (2 for LayerNorm, 1 for RMSNorm); embedding_norm, pooler: of
    BERT. experts, latent: see there. window: tokens that a block with sliding-window attention sees (0: all);
    window_every: one block in so many sees all (0: none does). encoder_layers: blocks of the encoder of an
    encoder-decoder, whose `layers` decode and also attend to it. patch_values: values of one patch of a picture (0:
    text); classes: outputs of a picture's class head. query_key_norm: a norm for each head's queries and keys.
    qkv_biases, ffn_biases: biases there alone, where `biases` is false. norms: of one block. position_buckets: rows of
    T5's table of relative positions, one table a stack. modulation: vectors of `width` that a condition makes for each
    block of a diffusion transformer, through a matrix (6 in DiT, arXiv 2212.09748). embedding_width: of the input's
    look-up tables where a matrix widens them to `width` (0: they have it).

    Counts are exact but for a few weights in a hundred thousand: attention sinks, biases of the output matrix, norms of
    queries over all heads at once. Raises Problem `shape.bad` for what cannot be built.
    """

    kind: Kind
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    ffn_width: int
    vocabulary: int
    context: int
    gated: bool
    biases: bool
    tied: bool
    positions: int = 0
    types: int = 0
    norm_weights: int = 1
    embedding_norm: bool = False
    final_norm: bool = True
    pooler: bool = False
    experts: Experts | None = None
    latent: Latent | None = None
    window: int = 0
    window_every: int = 0
    encoder_layers: int = 0
    patch_values: int = 0
    classes: int = 0
    query_key_norm: bool = False
    qkv_biases: bool = False
    ffn_biases: bool = False
    norms: int = 2
    position_buckets: int = 0
    modulation: int = 0
    embedding_width: int = 0

    def __post_init__(self) -> None:
        _whole(self, positive=("layers", "width", "heads", "kv_heads", "head_width", "context"))
        if self.kind not in get_args(Kind):
            raise Problem("shape.bad", at="kind", got=self.kind, limit=", ".join(get_args(Kind)))
        if self.heads % self.kv_heads:
            raise Problem("shape.bad", at="kv_heads", got=self.kv_heads, limit=f"heads / n, heads = {self.heads}")
        if (self.kind == "encoder-decoder") != (self.encoder_layers > 0):
            raise Problem("shape.bad", at="encoder_layers", got=self.encoder_layers, limit=self.kind)
        if self.ffn_width == 0 and self.dense_blocks + self.encoder_layers:
            raise Problem("shape.bad", at="ffn_width", got=0, limit=">= 1")
        if self.experts:
            _most("experts.dense_layers", self.experts.dense_layers, self.layers)

    # What one block is made of

    @property
    def score_width(self) -> int:
        """Width of all queries together, which is also what one score costs in multiplications."""
        if self.latent:
            return self.heads * (self.latent.plain_width + self.latent.rotary_width)
        return self.heads * self.head_width

    @property
    def value_width(self) -> int:
        """Width of all heads' answers together: the input of attention's last matrix."""
        return self.heads * (self.latent.value_width if self.latent else self.head_width)

    @property
    def cached_values(self) -> int:
        """Values that one token leaves in the cache of one decoding block."""
        if self.latent:
            return self.latent.key_rank + self.latent.rotary_width
        return 2 * self.kv_heads * self.head_width

    @property
    def attention_matrices(self) -> int:
        """Weights of the matrices of one block's self-attention."""
        if not self.latent:
            return self._plain_attention
        way, heads = self.latent, self.heads
        query = self.width * way.query_rank + way.query_rank * self.score_width
        query = query if way.query_rank else self.width * self.score_width
        key = self.width * (way.key_rank + way.rotary_width)
        key += way.key_rank * heads * (way.plain_width + way.value_width)
        return query + key + self.value_width * self.width

    @property
    def cross_matrices(self) -> int:
        """Weights of the matrices of one block's attention to the encoder; 0 unless there are both."""
        return self._plain_attention if self.encoder_layers else 0

    @property
    def ffn_matrices(self) -> int:
        """Weights of the matrices of the plain feed-forward part."""
        return self._ffn(self.ffn_width)

    @property
    def expert_matrices(self) -> int:
        """Weights of the matrices of one routed expert; 0 without experts."""
        return self._ffn(self.experts.width) if self.experts else 0

    @property
    def always_matrices(self) -> int:
        """Weights of the router and of the shared expert of one block; 0 without experts."""
        return self.width * self.experts.count + self._ffn(self.experts.shared_width) if self.experts else 0

    # How many blocks of which kind

    @property
    def expert_blocks(self) -> int:
        """Blocks with experts."""
        return (self.layers - self.experts.dense_layers) // self.experts.every if self.experts else 0

    @property
    def dense_blocks(self) -> int:
        """Blocks (of the decoder, if there are two stacks) with a plain feed-forward part."""
        return self.layers - self.expert_blocks

    @property
    def window_blocks(self) -> int:
        """Blocks whose attention sees a window only."""
        full = self.layers // self.window_every if self.window_every else 0
        return self.layers - full if self.window else 0

    # Weights

    @property
    def block_weights(self) -> int:
        """Weights of one block: of one with experts, where there are any; of the decoder, where there are two stacks."""
        return self.expert_block_weights if self.experts else self.dense_block_weights

    @property
    def dense_block_weights(self) -> int:
        """Weights of one block with a plain feed-forward part, of the decoder where there are two stacks."""
        cross = self.cross_matrices + self.norm_weights * self.width if self.encoder_layers else 0
        cross += self._attention_biases if self.encoder_layers else 0
        return self.encoder_block_weights + cross

    @property
    def encoder_block_weights(self) -> int:
        """Weights of one block that attends to itself only, with a plain feed-forward part."""
        return self._attention_weights + self.ffn_matrices + self._ffn_biases(self.ffn_width)

    @property
    def expert_block_weights(self) -> int:
        """Weights of one block with experts, all of them; 0 without experts."""
        if not self.experts:
            return 0
        one = self.expert_matrices + self._ffn_biases(self.experts.width)
        shared = self._ffn_biases(self.experts.shared_width) if self.experts.shared_width else 0
        router = self.experts.count if self.biases or self.ffn_biases else 0
        return self._attention_weights + self.always_matrices + shared + router + self.experts.count * one

    @property
    def stack_weights(self) -> int:
        """Weights of all blocks."""
        blocks = self.dense_blocks * self.dense_block_weights + self.expert_blocks * self.expert_block_weights
        return blocks + self.encoder_layers * self.encoder_block_weights

    @property
    def embedding_weights(self) -> int:
        """Input embeddings: words, positions, types, patches and their norm."""
        rows = self.vocabulary + self.positions + self.types
        wide = self.embedding_width or self.width
        patches = (self.patch_values + 1) * self.width if self.patch_values else 0
        patches += (wide + 1) * self.width if self.embedding_width else 0
        return rows * wide + patches + (self.norm_weights * wide if self.embedding_norm else 0)

    @property
    def head_weights(self) -> int:
        """What comes after the blocks: last norms, output matrix (0 if tied, or an encoder), pooler, class head."""
        stacks = 2 if self.encoder_layers else 1
        final = stacks * self.norm_weights * self.width if self.final_norm else 0
        output = 0 if self.tied or self.kind == "encoder" else self.vocabulary * self.width
        pool = self.width * self.width + self.width if self.pooler else 0
        return final + output + pool + (self.width + 1) * self.classes

    @property
    def weights(self) -> int:
        """All weights, the output matrix counted once if tied, not at all for an encoder."""
        tables = self.position_buckets * self.heads * (2 if self.encoder_layers else 1)
        return self.embedding_weights + tables + self.stack_weights + self.head_weights

    @property
    def active_weights(self) -> int:
        """Weights without the experts that one token does not pass: all of them without experts."""
        if not self.experts:
            return self.weights
        one = self.expert_matrices + self._ffn_biases(self.experts.width)
        return self.weights - self.expert_blocks * (self.experts.count - self.experts.active) * one

    # Parts

    @property
    def _plain_attention(self) -> int:
        return 2 * self.width * self.head_width * (self.heads + self.kv_heads)

    def _ffn(self, width: int) -> int:
        return (3 if self.gated else 2) * self.width * width

    @property
    def _attention_weights(self) -> int:
        """Matrices, biases and norms of a block without its feed-forward part; what a condition makes, too."""
        inner = self.latent.query_rank + self.latent.key_rank if self.latent else 0
        inner += 2 * self.head_width if self.query_key_norm else 0
        made = self.modulation * self.width * (self.width + 1)
        norms = self.norms * self.norm_weights * self.width
        return self.attention_matrices + self._attention_biases + norms + inner + made

    @property
    def _attention_biases(self) -> int:
        inside = (self.heads + 2 * self.kv_heads) * self.head_width if self.biases or self.qkv_biases else 0
        return inside + (self.width if self.biases else 0)

    def _ffn_biases(self, width: int) -> int:
        return width * (2 if self.gated else 1) + self.width if self.biases or self.ffn_biases else 0


def _whole(made: Shape | Experts | Latent, positive: tuple[str, ...]) -> None:
    """Every number of `made` is whole and not negative, those named `positive` above zero; switches are switches."""
    place = "" if isinstance(made, Shape) else f"{type(made).__name__.lower()}."
    for field in fields(made):
        value = getattr(made, field.name)
        if field.type == "bool" and not isinstance(value, bool):
            raise Problem("shape.bad", at=place + field.name, got=value, limit="true, false")
        if field.type == "int":
            if isinstance(value, bool) or not isinstance(value, int):
                raise Problem("shape.bad", at=place + field.name, got=value, limit="1, 2, 3, ...")
            least = 1 if field.name in positive else 0
            if value < least:
                raise Problem("shape.bad", at=place + field.name, got=value, limit=f">= {least}")


def _most(name: str, got: int, limit: int) -> None:
    if got > limit:
        raise Problem("shape.bad", at=name, got=got, limit=f"<= {limit}")
