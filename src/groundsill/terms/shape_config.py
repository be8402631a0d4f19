"""The shape that a Hugging Face config.json describes. The one reader, for the lab and for the catalogue.

Keys and defaults are those of the configuration classes of transformers. A key that is left out takes its class's default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from groundsill.terms.config_json import Keys, parse_config
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Experts, Latent, Shape

MOST_WEIGHTS = 10**14


def shape_of_config(data: bytes, at: str) -> Shape:
    """The shape that the bytes of a config.json describe; at: its file, for messages.

    Raises Problem `shape.bad_config`, `shape.bad_key`, `shape.unknown_type` (with the known ones), `shape.bad`.
    """
    top = Keys(parse_config(data, at), at)
    kind = top.word("model_type")
    keys = top
    if top.inner("text_config").table and (kind not in KNOWN or "num_hidden_layers" not in top.table):
        keys = top.inner("text_config")  # a model that also sees or hears: its language part
        outer, kind = kind, keys.word("model_type") or kind
        kind = kind if kind in KNOWN else outer.removesuffix("_text")
        keys.table = {"tie_word_embeddings": top.table.get("tie_word_embeddings"), **keys.table}
    if kind not in KNOWN:
        raise Problem("shape.unknown_type", at=at, got=kind[:80] or "-", limit=", ".join(KNOWN))
    try:
        shape = KNOWN[kind](keys)
    except Problem as e:
        raise e if e.code != "shape.bad" else Problem(e.code, at=f"{at} {e.at}", got=e.got, limit=e.limit) from e
    if shape.weights > MOST_WEIGHTS:
        raise Problem("shape.bad", at=at, got=f"{shape.weights:.3g} weights", limit=f"<= {MOST_WEIGHTS:.0e}")
    return shape


def _base(k: Keys, *, tied: bool = False, **more: Any) -> dict[str, Any]:
    """What nearly all decoders say in the same words."""
    width, heads = k.whole("hidden_size"), k.whole("num_attention_heads")
    return {
        "kind": "decoder",
        "layers": k.whole("num_hidden_layers", of="layers"),
        "width": width,
        "heads": heads,
        "kv_heads": k.whole("num_key_value_heads", default=heads),
        "head_width": more.get("head_width") or k.whole("head_dim", default=_head(k, width, heads)),
        "ffn_width": k.whole("intermediate_size", default=4 * width),
        "vocabulary": k.whole("vocab_size", of="words"),
        "context": k.whole("max_position_embeddings", default=2048, of="tokens"),
        "gated": True,
        "biases": False,
        "tied": k.flag("tie_word_embeddings", tied),
    } | more


def _head(k: Keys, width: int, heads: int) -> int:
    if width % heads and k.table.get("head_dim") is None:
        raise k.bad("num_attention_heads", heads, f"{width} / n")
    return width // heads


def _llama(**fixed: Any) -> Callable[[Keys], Shape]:
    """RMS norms, rotary positions, a gated feed-forward part."""
    tied = fixed.pop("tied", False)

    def read(k: Keys) -> Shape:
        shape = Shape(**(_base(k, tied=tied) | fixed))
        biases = k.flag("attention_bias", False) or k.flag("qkv_bias", False)
        return replace(shape, qkv_biases=shape.qkv_biases or biases, ffn_biases=k.flag("mlp_bias", False))

    return read


def _windowed(read: Callable[[Keys], Shape], *, every: int = 0, switch: str = "") -> Callable[[Keys], Shape]:
    """`read`, with a sliding window. every: one block in so many sees all, unless `layer_types` says which; switch: the
    key that turns windows on."""

    def with_window(k: Keys) -> Shape:
        shape = read(k)
        window = k.whole("sliding_window", "attention_chunk_size", default=0, least=0, of="tokens")
        if not window or (switch and not k.flag(switch, False)):
            return shape
        types = k.names("layer_types")
        full = sum(t == "full_attention" for t in types)
        if types and full == len(types):
            return shape
        pattern = k.whole("sliding_window_pattern", "_sliding_window_pattern", default=every, least=0)
        step = round(len(types) / full) if full else 0 if types else pattern
        return replace(shape, window=window, window_every=step)

    return with_window


def _experts(
    read: Callable[[Keys], Shape], *, count: str = "num_experts", width: str = "moe_intermediate_size"
) -> Callable[[Keys], Shape]:
    """`read`, with experts in place of the feed-forward part."""

    def with_experts(k: Keys) -> Shape:
        shape = read(k)
        wide = k.whole(width, default=shape.ffn_width)
        listed = k.names("mlp_layer_types").count("dense") or k.length("mlp_only_layers")
        plain = k.whole("first_k_dense_replace", default=listed, least=0)
        many = k.whole("n_shared_experts", default=0, least=0)
        found = Experts(
            count=k.whole(count, "num_local_experts", "n_routed_experts"),
            active=k.whole("num_experts_per_tok", "num_experts_per_token", default=2),
            width=wide,
            shared_width=k.whole("shared_expert_intermediate_size", default=many * wide, least=0),
            dense_layers=plain,
            every=k.whole("decoder_sparse_step", "interleave_moe_layer_step", "moe_layer_freq", default=1),
        )
        return replace(shape, experts=found)

    return with_experts


def _latent(k: Keys) -> Shape:
    """DeepSeek-V2, -V3 and their kin."""
    plain, rotary = k.whole("qk_nope_head_dim"), k.whole("qk_rope_head_dim", least=0)
    way = Latent(
        k.whole("q_lora_rank", default=0, least=0), k.whole("kv_lora_rank"), plain, rotary, k.whole("v_head_dim")
    )
    base = _base(k, head_width=plain + rotary)  # the class's own head_dim means something else
    shape = Shape(**(base | {"kv_heads": base["heads"]}), latent=way)
    return _experts(lambda _: shape)(k) if k.table.get("n_routed_experts") else shape


def _llama4(k: Keys) -> Shape:
    """Experts of `intermediate_size` beside an equal shared one; plain blocks are wider."""
    wide = k.whole("intermediate_size")
    shape = replace(Shape(**_base(k)), ffn_width=k.whole("intermediate_size_mlp", default=wide))
    every = k.whole("interleave_moe_layer_step", default=1)
    found = Experts(k.whole("num_local_experts"), k.whole("num_experts_per_tok", default=1), wide, wide, every=every)
    return _windowed(lambda _: replace(shape, experts=found), every=4)(k)


def _gpt(k: Keys, width: int, heads: int, layers: int, context: int, **more: Any) -> Shape:
    """LayerNorm, a plain feed-forward part; `more` overrides."""
    base: dict[str, Any] = {
        "kind": "decoder", "layers": layers, "width": width, "heads": heads, "kv_heads": heads,
        "head_width": _head(k, width, heads), "ffn_width": 4 * width, "vocabulary": k.whole("vocab_size", of="words"),
        "context": context, "gated": False, "biases": True, "tied": k.flag("tie_word_embeddings", True),
        "norm_weights": 2,
    }  # fmt: skip
    return Shape(**(base | more))


def _gpt2(k: Keys) -> Shape:
    width, heads = k.whole("n_embd", "hidden_size"), k.whole("n_head", "num_attention_heads")
    context = k.whole("n_positions", "max_position_embeddings", of="tokens")
    groups = 1 if k.word("model_type") == "gpt_bigcode" and k.flag("multi_query", True) else heads
    wide = k.whole("n_inner", default=4 * width)
    layers = k.whole("n_layer", "num_hidden_layers", of="layers")
    return _gpt(k, width, heads, layers, context, positions=context, ffn_width=wide, kv_heads=groups)


def _gptj(k: Keys) -> Shape:
    width = k.whole("n_embd", "hidden_size")
    shape = _gpt(
        k, width, k.whole("n_head"), k.whole("n_layer", of="layers"), k.whole("n_positions", default=2048, of="tokens")
    )
    tied = k.flag("tie_word_embeddings", False)
    wide = k.whole("n_inner", default=4 * width)
    return replace(shape, tied=tied, biases=False, ffn_biases=True, norms=1, ffn_width=wide)


def _plain(k: Keys, *, tied: bool, **more: Any) -> Shape:
    """GPT-NeoX, Phi and others that use the words of `_base` but have LayerNorm and no gate."""
    return Shape(**(_base(k, tied=tied, gated=False, biases=True) | {"norm_weights": 2} | more))


def _starcoder2(k: Keys) -> Shape:
    return _windowed(lambda k: _plain(k, tied=True, biases=k.flag("use_bias", True)))(k)


def _falcon(k: Keys) -> Shape:
    width, heads = k.whole("hidden_size", "n_embed"), k.whole("num_attention_heads", "n_head")
    new, alone = k.flag("new_decoder_architecture", False), k.flag("multi_query", True)
    groups = k.whole("num_kv_heads", "n_head_kv", default=heads) if new else 1 if alone else heads
    norms = k.whole("num_ln_in_parallel_attn", default=2 if new or not k.flag("parallel_attn", True) else 1)
    layers = k.whole("num_hidden_layers", "n_layer", of="layers")
    context = k.whole("max_position_embeddings", default=2048, of="tokens")
    wide = k.whole("ffn_hidden_size", default=4 * width)
    bias = k.flag("bias", False)
    return _gpt(k, width, heads, layers, context, kv_heads=groups, ffn_width=wide, biases=bias, norms=norms)


def _opt(k: Keys) -> Shape:
    width = k.whole("hidden_size")
    if k.whole("word_embed_proj_dim", default=width) != width:
        raise k.bad("word_embed_proj_dim", k.table["word_embed_proj_dim"], width)
    context = k.whole("max_position_embeddings", default=2048, of="tokens")
    layers, heads = k.whole("num_hidden_layers", of="layers"), k.whole("num_attention_heads")
    bias, wide = k.flag("enable_bias", True), k.whole("ffn_dim", default=4 * width)
    return _gpt(k, width, heads, layers, context, positions=context + 2, ffn_width=wide, biases=bias)


def _bloom(k: Keys) -> Shape:
    width, heads = k.whole("hidden_size", "n_embed"), k.whole("n_head", "num_attention_heads")
    layers = k.whole("n_layer", "num_hidden_layers", of="layers")
    return _gpt(k, width, heads, layers, k.whole("seq_length", default=2048, of="tokens"), embedding_norm=True)


def _mpt(k: Keys) -> Shape:
    width, heads, attention = k.whole("d_model"), k.whole("n_heads"), k.inner("attn_config")
    context = k.whole("max_seq_len", default=2048, of="tokens")
    learned = k.flag("learned_pos_emb", True) and not attention.flag("alibi", True)
    none = k.flag("no_bias", True)
    return _gpt(
        k, width, heads, k.whole("n_layers", of="layers"), context, biases=not none, norm_weights=1 if none else 2,
        positions=context if learned else 0, ffn_width=width * k.whole("expansion_ratio", default=4),
        kv_heads=attention.whole("kv_n_heads", default=heads),
    )  # fmt: skip


def _dbrx(k: Keys) -> Shape:
    width, heads, ffn = k.whole("d_model"), k.whole("n_heads"), k.inner("ffn_config")
    wide = ffn.whole("ffn_hidden_size")
    found = Experts(ffn.whole("moe_num_experts"), ffn.whole("moe_top_k", default=1), wide)
    return _gpt(
        k, width, heads, k.whole("n_layers", of="layers"), k.whole("max_seq_len", of="tokens"), gated=True, biases=False,
        tied=k.flag("tie_word_embeddings", False), norm_weights=1, ffn_width=wide, experts=found,
        kv_heads=k.inner("attn_config").whole("kv_n_heads", default=heads),
    )  # fmt: skip


def _bert(k: Keys) -> Shape:
    width, heads = k.whole("hidden_size", "dim"), k.whole("num_attention_heads", "n_heads")
    distilled = k.word("model_type") == "distilbert"
    places = k.whole("max_position_embeddings", default=512, of="tokens")
    wide = k.whole("embedding_size", default=width)
    return Shape(
        "encoder", k.whole("num_hidden_layers", "n_layers", of="layers"), width, heads, heads, _head(k, width, heads),
        k.whole("intermediate_size", "hidden_dim", default=4 * width), k.whole("vocab_size", of="words"), places,
        gated=False, biases=True, tied=True, positions=places,
        types=0 if distilled else k.whole("type_vocab_size", default=2, least=0), norm_weights=2, embedding_norm=True,
        final_norm=False, pooler=not distilled and k.word("model_type") != "electra",
        embedding_width=0 if wide == width else wide,
    )  # fmt: skip


def _t5(k: Keys) -> Shape:
    heads, layers = k.whole("num_heads"), k.whole("num_layers", of="layers")
    gated = k.flag("is_gated_act", k.word("feed_forward_proj", "relu").startswith("gated"))
    tied = k.flag("tie_word_embeddings", not k.word("model_type").startswith(("mt5", "umt5")))
    return Shape(
        "encoder-decoder", k.whole("num_decoder_layers", default=layers, of="layers"), k.whole("d_model"), heads, heads,
        k.whole("d_kv"), k.whole("d_ff"), k.whole("vocab_size", of="words"),
        k.whole("n_positions", default=512, of="tokens"), gated=gated, biases=False, tied=tied, encoder_layers=layers,
        position_buckets=k.whole("relative_attention_num_buckets", default=32),
    )  # fmt: skip


def _vit(k: Keys) -> Shape:
    width, heads = k.whole("hidden_size"), k.whole("num_attention_heads")
    pixels, patch = k.whole("image_size", default=224), k.whole("patch_size", default=16)
    if patch > pixels:
        raise k.bad("patch_size", patch, pixels)
    tokens = (pixels // patch) ** 2 + 1
    head = any("ImageClassification" in name for name in k.names("architectures"))
    return Shape(
        "encoder", k.whole("num_hidden_layers", of="layers"), width, heads, heads, _head(k, width, heads),
        k.whole("intermediate_size", default=4 * width), 0, tokens, gated=False, biases=True, tied=False,
        positions=tokens, types=1, norm_weights=2, patch_values=k.whole("num_channels", default=3) * patch**2,
        classes=(k.length("id2label") or 2) if head else 0, pooler=not head,
    )  # fmt: skip


_gemma = _llama(tied=True)
_gemma2 = _windowed(_llama(tied=True, norms=4), every=2)
_gemma3 = _windowed(_llama(tied=True, norms=4, query_key_norm=True), every=6)
_qwen2 = _windowed(_llama(qkv_biases=True), switch="use_sliding_window")
_qwen3 = _windowed(_llama(query_key_norm=True), switch="use_sliding_window")
_oss = _windowed(lambda k: replace(_llama()(k), biases=True, qkv_biases=False), every=2)

KNOWN: Mapping[str, Callable[[Keys], Shape]] = {
    "llama": _llama(), "mistral": _windowed(_llama()), "ministral": _windowed(_llama()), "smollm3": _llama(tied=True),
    "seed_oss": _llama(), "internlm2": _llama(), "baichuan": _llama(), "qwen2": _qwen2, "qwen3": _qwen3,
    "qwen2_moe": _experts(_qwen2), "qwen3_moe": _experts(_qwen3),
    "mixtral": _windowed(_experts(_llama(), count="num_local_experts", width="intermediate_size")),
    "olmo": _llama(norm_weights=0), "olmo2": _llama(query_key_norm=True),
    "olmo3": _windowed(_llama(query_key_norm=True), every=4), "olmoe": _experts(_llama(query_key_norm=True)),
    "phi": lambda k: _plain(k, tied=False, norms=1), "phi3": _windowed(_llama()),
    "gemma": _gemma, "gemma2": _gemma2, "gemma3_text": _gemma3, "gemma3": _gemma3,
    "gpt_oss": _experts(_oss, count="num_local_experts", width="intermediate_size"),
    "deepseek_v2": _latent, "deepseek_v3": _latent, "kimi_k2": _latent, "glm4_moe_lite": _latent, "glm_moe_dsa": _latent,
    "minimax_m2": _experts(_llama(query_key_norm=True), count="num_local_experts", width="intermediate_size"),
    "llama4_text": _llama4, "dbrx": _dbrx, "gpt2": _gpt2, "gpt_bigcode": _gpt2, "gptj": _gptj,
    "gpt_neox": lambda k: _plain(k, tied=False), "starcoder2": _starcoder2, "falcon": _falcon, "opt": _opt,
    "bloom": _bloom, "mpt": _mpt, "bert": _bert, "roberta": _bert, "xlm-roberta": _bert, "camembert": _bert,
    "electra": _bert, "distilbert": _bert, "t5": _t5, "mt5": _t5, "umt5": _t5, "vit": _vit,
}  # fmt: skip
"""Reader of each `model_type`."""
