"""Shapes: what a model's own config says it is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

BERT = ("bert", "roberta", "xlm-roberta", "electra", "camembert")
LLAMA = ("llama", "mistral", "qwen2", "smollm3")


def shape_of(folder: Path) -> Shape:
    """Shape of the model in `folder` (BERT-like encoders and Llama-like decoders).

    Raises Problem `lab.unknown_architecture`, `lab.model_missing`.
    """
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kind = config.get("model_type", "")
        if kind in BERT:
            return _bert(config)
        if kind in LLAMA:
            return _llama(config, kind)
    except OSError as e:
        raise Problem("lab.model_missing", at=str(folder), got="config.json") from e
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise Problem("lab.unknown_architecture", at=str(folder), got=str(e), limit=", ".join(BERT + LLAMA)) from e
    raise Problem("lab.unknown_architecture", at=str(folder), got=kind, limit=", ".join(BERT + LLAMA))


def _bert(config: dict[str, Any]) -> Shape:
    width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    return Shape(
        kind="encoder",
        layers=int(config["num_hidden_layers"]),
        width=width,
        heads=heads,
        kv_heads=heads,
        head_width=width // heads,
        ffn_width=int(config["intermediate_size"]),
        vocabulary=int(config["vocab_size"]),
        context=int(config["max_position_embeddings"]),
        gated=False,
        biases=True,
        tied=True,
        positions=int(config["max_position_embeddings"]),
        types=int(config.get("type_vocab_size", 2)),
        norm_weights=2,
        embedding_norm=True,
        final_norm=False,
        pooler=False,
    )


def _llama(config: dict[str, Any], kind: str) -> Shape:
    width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    return Shape(
        kind="decoder",
        layers=int(config["num_hidden_layers"]),
        width=width,
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_width=int(config.get("head_dim") or width // heads),
        ffn_width=int(config["intermediate_size"]),
        vocabulary=int(config["vocab_size"]),
        context=int(config["max_position_embeddings"]),
        gated=True,
        biases=bool(config.get("attention_bias", False)),
        tied=bool(config.get("tie_word_embeddings", kind == "smollm3")),
    )
