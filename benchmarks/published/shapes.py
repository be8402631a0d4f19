"""The shape of the model of a published row: a model that the catalogue knows and that the row's columns do not contradict,
else the columns, else a generic shape of that many weights.

Stated defaults for what a row leaves open: keys and values have as many heads as queries; heads are 128 wide (64 below
width 2,048); the feed-forward part is 4 widths; 50,304 words; 2,048 tokens; whether it is gated, tied and has learned
positions is what fits the published count of weights best. Where layers and count contradict each other by more than
3.5 %, the count is believed: in the sweeps where this happens, the printed FLOP/s agree with the count. Without layers,
depth and width are those of GPT-3's family (Brown et al. 2020, table 2.1), scaled to the count.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from itertools import product

from groundsill.catalogue.load import Catalogue
from groundsill.terms.network import Network
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Experts, Kind, Shape

from .rows import Row, number

VOCABULARY = 50304
CONTEXT = 2048
SAME = 0.12  # a named model with published weights further off than this share is another model
EXACT = 1e-4  # columns that give the published count to this share describe this very model
BELIEVED = 0.035  # columns and count may differ by this share

_FAMILY = (  # weights, layers, width: GPT-3 (Brown et al. 2020, table 2.1), two smaller, Narayanan et al. 2021 above
    (4e6, 4, 128), (25e6, 6, 384), (125e6, 12, 768), (350e6, 24, 1024), (760e6, 24, 1536), (1.3e9, 24, 2048),
    (2.7e9, 32, 2560), (6.7e9, 32, 4096), (13e9, 40, 5120), (30e9, 48, 7168), (70e9, 80, 8192), (175e9, 96, 12288),
    (530e9, 105, 20480), (1e12, 128, 25600),
)  # fmt: skip
_SIZES: tuple[tuple[str, float, float], ...] = (  # names without a number in them: weights, active weights
    (r"nemotron-3.*nano", 31.6e9, 3.6e9),
    (r"nemotron-3.*super", 120e9, 12e9),
)

_NOISE = re.compile(
    r"-(instruct|chat|hf|base|it|fp8|fp4|nvfp4|bf16|int4|awq|gptq|thinking|2507|2409|2509|replica|sft|preview|dpo|v1|v1\.[0135]|meta|full|"
    r"pretraining|fine|tune|tuned)(?=-|$)"
)
_ALIASES: tuple[tuple[str, str], ...] = (  # names that share a shape: (pattern of the tidy name, catalogue id)
    (r"deepseek-(v3|r1)", "deepseek-v3"),
    (r"deepseek-v2(?!-lite)", "deepseek-v2"),
    (r"(llama-?3(\.[13])?-70b)", "llama-3.1-70b"),
    (r"(llama-?3(\.1)?-8b)", "llama-3.1-8b"),
    (r"llama-?3\.1-405b|hermes-3-405b", "llama-3.1-405b"),
    (r"(code)?llama(-2)?-7b|alpaca|vicuna-7b|wizardlm-7b|baichuan-7b", "llama-2-7b"),
    (r"llama(-2)?-13b|vicuna-13b", "llama-2-13b"),
    (r"llama-2-70b|tulu-v2.*70b", "llama-2-70b"),
    (r"llama-(30|33)b", "llama-30b"),
    (r"llama-65b", "llama-65b"),
    (r"codellama-34b|llama-2-34b", "codellama-34b"),
    (r"gpt-?3-175b|opt(-iml)?-175b|gpt-175b", "gpt-3-175b"),
    (r"gpt-neox-20b|gpt-20b", "gpt-neox-20b"),
    (r"bloomz?-176b", "bloom-176b"),
    (r"bloomz?-7b1", "bloom-7b1"),
    (r"tiny-?llama", "tinyllama-1.1b"),
    (r"mistral-7b|zephyr-7b", "mistral-7b-v0.1"),
    (r"mixtral-8x22b|generic-8x22b", "mixtral-8x22b"),
    (r"mixtral-8x7b|gritlm-8x7b", "mixtral-8x7b"),
    (r"qwen3-(vl-|omni-|coder-)?30b-a3b", "qwen3-30b-a3b"),
    (r"qwen3-(vl-)?235b-a22b", "qwen3-235b-a22b"),
    (r"qwen3-(vl-)?32b", "qwen3-32b"),
    (r"qwen3-(vl-)?8b", "qwen3-8b"),
    (r"bert-base|scibert|arabert(?!-large)", "bert-base"),
    (r"bert-large", "bert-large"),
    (r"resnet-?50", "resnet-50"),
    (r"stable-diffusion-v?(1|2)|taiyi-stable", "stable-diffusion-2"),
    (r"phi-3(\.5)?-mini", "phi-3-mini"),
    (r"smollm3", "smollm3-3b"),
    (r"olmo-2-7b|olmo-3-7b", "olmo-2-7b"),
)


def tidy(name: str) -> str:
    """A name as catalogue ids are written: lower case, hyphens, no maker, no suffix that leaves the shape alone."""
    text = name.split("/")[-1].lower().replace("_", "-").replace(" ", "-")
    text = re.sub(r"\(.*?\)", "", text).strip("-")
    text = re.sub(r"^meta-|^nvidia-", "", text)
    before = None
    while before != text:
        before, text = text, _NOISE.sub("", text)
    return re.sub(r"-+", "-", text).strip("-")


def named(name: str, catalogue: Catalogue) -> str | None:
    """The catalogue's id of the model of this name, written in any of the usual ways."""
    ids, text = catalogue.models(), tidy(name)
    for id in (text, text.replace("llama-3-", "llama-3.1-"), re.sub(r"^(llama|gpt|phi|gemma)(\d)", r"\1-\2", text)):
        if id in ids:
            return id
    for pattern, id in _ALIASES:
        if re.match(pattern, text) and id in ids:
            return id
    return None


def shape_of(row: Row, catalogue: Catalogue) -> Shape | Network | None:
    """What the row's model is made of; None if not even its size is known."""
    kind = (row.get("arch") or "").lower()
    try:
        found = _known(row, catalogue)
        sizes = number(row, "layers") and number(row, "hidden") and "moe" not in kind
        columns = _from_columns(row) if sizes else None
        total = number(row, "params_total")
        if found is None or (columns and total and _off(columns, total) < EXACT < _off(found, total)):
            found = columns or found
        if found is not None:
            return found
        total, active = _size(row)
        if active and active < 0.9 * total:
            return moe_of(total, active, _context(row))
        return of_weights(total, kind, _context(row), _vocabulary(row)) if total else None
    except Problem:
        return None


def _off(made: Shape | Network, total: float) -> float:
    return abs(made.weights / total - 1.0)


def _known(row: Row, catalogue: Catalogue) -> Shape | Network | None:
    """The model that the row names, with the row's vocabulary and layers, unless other columns contradict it."""
    id = named(row.get("model") or "", catalogue)
    if id is None:
        return None
    model = catalogue.model(id)
    if model.shape is None:
        return model.network
    shape, total = model.shape, number(row, "params_total")
    layers, vocabulary = int(number(row, "layers") or shape.layers), int(number(row, "vocab") or shape.vocabulary)
    if (
        total
        and layers == shape.layers
        and _off(shape, total) > SAME
        and _off(shape, total + shape.embedding_weights) > SAME
    ):
        return None
    for column, value in (("hidden", shape.width), ("heads", shape.heads), ("ffn", shape.ffn_width)):
        if number(row, column) not in (None, value):
            return None
    if layers != shape.layers and shape.experts:
        dense = min(shape.experts.dense_layers, layers - 1)
        shape = replace(shape, experts=replace(shape.experts, dense_layers=dense))
    return replace(shape, layers=layers, vocabulary=vocabulary)


def _size(row: Row) -> tuple[float, float | None]:
    """Weights and active weights, from the columns or the name; 0 if unknown."""
    name = (row.get("model") or "").lower()
    for pattern, total, active in _SIZES:
        if re.search(pattern, tidy(name)):
            return total, active
    match = re.search(r"(?<![\w.])(\d+(?:\.\d+)?)\s?([mbt])(?![a-z])", name)
    said = float(match[1]) * {"m": 1e6, "b": 1e9, "t": 1e12}[match[2]] if match else 0.0
    return number(row, "params_total") or said, number(row, "params_active")


def _context(row: Row) -> int:
    return int(number(row, "seq_len") or CONTEXT)


def _vocabulary(row: Row) -> int:
    return int(number(row, "vocab") or VOCABULARY)


def _from_columns(row: Row) -> Shape:
    """All variants that the columns allow; of these, the one nearest to the published count of weights."""
    layers, width = int(number(row, "layers") or 0), int(number(row, "hidden") or 0)
    heads = int(number(row, "heads") or max(1, width // (128 if width >= 2048 else 64)))
    kv_heads, ffn, total = int(number(row, "kv_heads") or heads), number(row, "ffn"), number(row, "params_total")
    kind, context = (row.get("arch") or "").lower(), _context(row)
    if "vit" in kind or "diffusion" in kind:
        return _picture(layers, width, heads, total, kind)
    encoder = kind.startswith("encoder")
    variants: list[Shape] = []
    for gated, tied, positions, plain in product((False, True), (True, False), (0, context), (True, False)):
        if gated and (plain or ffn == 4 * width):
            continue
        wide = int(ffn) if ffn else (round(8 * width / 3 / 256) * 256 if gated else 4 * width)
        variants.append(
            Shape(
                "encoder" if encoder else "decoder", layers, width, heads, kv_heads, max(1, width // heads), wide,
                _vocabulary(row), context, gated, biases=plain, tied=tied, positions=positions,
                norm_weights=2 if plain else 1, types=2 if encoder else 0, embedding_norm=encoder,
                final_norm=not encoder,
            )
        )  # fmt: skip
    if not total:
        few = ffn is not None and ffn < 4 * width
        return next((v for v in variants if v.gated == few and not v.tied and not v.positions), variants[0])
    best = _nearest(variants, total)
    if _off(best, total) > BELIEVED:
        best = _nearest([best, *(replace(v, head_width=128) for v in variants)], total)
    if _off(best, total) <= BELIEVED or abs(best.stack_weights / total - 1.0) <= BELIEVED:
        return best  # the count of some encoders leaves the look-up tables out
    believed = round((total - best.weights + best.stack_weights) / best.block_weights)
    return replace(best, layers=max(1, believed))


def _nearest(variants: list[Shape], total: float) -> Shape:
    return min(variants, key=lambda v: _off(v, total))


def _picture(layers: int, width: int, heads: int, total: float | None, kind: str) -> Shape:
    """A vision transformer, or one that takes noise off; what the count leaves over is made by the condition."""
    vit = "vit" in kind
    plain = Shape(
        "encoder", layers, width, heads, heads, width // heads, 4 * width, 0, 197, False, True, False, positions=197,
        types=1, norm_weights=2, patch_values=768 if vit else 64,
    )  # fmt: skip
    over = 0.0 if vit or not total else (total - plain.weights) / (layers * width**2)
    return replace(plain, modulation=min(max(round(over), 0), 12))


@cache
def of_weights(total: float, kind: str, context: int = CONTEXT, vocabulary: int = VOCABULARY) -> Shape:
    """A generic transformer of `total` weights. Dense decoders: gated, from 30 billion weights on eight queries to a key
    and value head; diffusion transformers: six modulation vectors; encoder-decoders: two equal stacks."""
    both, picture, made = "decoder" in kind, "vit" in kind, "diffusion" in kind
    encoder = kind.startswith("encoder") and not both
    what: Kind = "encoder-decoder" if both else "encoder" if encoder or picture or made else "decoder"
    gated = what == "decoder"
    size, layers, width = min(_FAMILY, key=lambda f: abs(math.log(f[0] / total)))
    layers = max(1, round(layers / 2)) if both else layers
    grain = 128 if width >= 2048 else 64
    width = max(grain, round(width * math.sqrt(total / size) / grain) * grain)
    heads = width // grain
    grouped = 8 if gated and total >= 3e10 and heads % 8 == 0 else heads
    start = Shape(
        what, layers, width, heads, grouped, grain, 4 * width, 1000 if picture or made else vocabulary, context, gated,
        biases=not gated, tied=total < 2e9 or both, norm_weights=1 if gated else 2, encoder_layers=layers if both else 0,
        patch_values=768 if picture else 64 if made else 0, modulation=6 if made else 0, types=2 if encoder else 0,
    )  # fmt: skip
    blocks = layers + start.encoder_layers
    each = (total - start.weights + blocks * start.ffn_matrices) / (blocks * (3 if gated else 2) * width)
    return replace(start, ffn_width=max(16, round(each / 16) * 16))


@cache
def moe_of(total: float, active: float, context: int = CONTEXT, vocabulary: int = 131072) -> Shape:
    """A generic mixture of experts: the depth and width of a dense model of the active size, a quarter narrower; 128
    experts (8 where more than a fifth of them is active), as many active as the two counts say."""
    dense = of_weights(active, "dense", context, vocabulary)
    width = max(128, round(dense.width * 0.75 / 128) * 128)
    heads = max(8, width // 128 // 8 * 8)
    base = Shape(
        "decoder", dense.layers, width, heads, 8, 128, 0, vocabulary, context, True, False, False,
        experts=Experts(1, 1, 1),
    )  # fmt: skip
    fixed = min(float(base.weights - base.layers * base.expert_matrices), 0.8 * active)
    share = (active - fixed) / max(total - fixed, 1.0)
    count = 8 if share > 0.2 else 128
    chosen = min(max(round(share * count), 1), count)
    each = (total - fixed) / (base.layers * count * 3 * width)
    return replace(base, experts=Experts(count, chosen, max(16, round(each / 16) * 16)))
