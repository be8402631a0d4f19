"""Models of a given shape with random weights, for timing: nothing is downloaded, and how fast a model runs does not
depend on what its weights say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from groundsill.lab.models.clock import room
from groundsill.lab.models.device import quiet, seeded
from groundsill.lab.models.net import Classifier
from groundsill.terms.problem import Problem
from groundsill.terms.shape import Shape

CLASSES = 8  # of the head on an encoder: its cost is nothing beside the body's


class Language(nn.Module):
    """body: a decoder with its output matrix; called with token numbers `(rows, tokens)`, it gives the mean loss of the
    next token over the rows."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """`(rows, tokens)` -> loss ()."""
        loss: torch.Tensor = self.body(input_ids=numbers, labels=numbers, use_cache=False).loss
        return loss


class Encoder(Classifier):
    """An encoder with a head over 8 classes; called with token numbers `(rows, tokens)`, it gives a loss."""

    def forward(self, numbers: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """`(rows, tokens)` -> loss ()."""
        mask = torch.ones_like(numbers) if mask is None else mask
        scores = super().forward(numbers, mask)
        return nn.functional.cross_entropy(scores.float(), numbers[:, 0] % CLASSES)


def build(
    shape: Shape, where: torch.device, *, seed: int, dtype: torch.dtype = torch.float32, recompute: bool = False
) -> Language | Encoder:
    """A net of this shape on `where`: Llama-like or GPT-2-like decoders, BERT-like encoders.

    recompute: each block is computed again in the backward pass. Raises Problem `lab.no_blank` for other shapes,
    `lab.no_memory`.
    """
    config = config_of(shape)
    from transformers import AutoModel, AutoModelForCausalLM

    kind = AutoModel if shape.kind == "encoder" else AutoModelForCausalLM
    more = {"add_pooling_layer": shape.pooler} if shape.kind == "encoder" else {}
    with room(), quiet(), seeded(seed), torch.device(where):
        body = kind.from_config(config, attn_implementation="sdpa", dtype=dtype, **more)
        net = Encoder(body, shape.width, CLASSES) if shape.kind == "encoder" else Language(body)
        net = net.to(where)
    if recompute:
        switch = getattr(body, "activation_checkpointing_enable", None) or body.gradient_checkpointing_enable
        switch({"use_reentrant": False})
    return net


def load(shape: Shape, where: torch.device, seed: int) -> None:
    """Load what building this shape needs, with a model of one thin block: else its libraries would count as memory."""
    build(replace(shape, layers=1, vocabulary=16, ffn_width=8), where, seed=seed)


def config_of(shape: Shape) -> Any:
    """The configuration with which transformers builds this shape. Raises Problem `lab.no_blank`."""
    from transformers import BertConfig, GPT2Config, LlamaConfig

    plain = not (shape.experts or shape.latent or shape.window or shape.patch_values or shape.query_key_norm)
    square = shape.kv_heads == shape.heads and shape.heads * shape.head_width == shape.width
    common: dict[str, Any] = {
        "vocab_size": shape.vocabulary,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": None,
    }
    with quiet():
        if plain and shape.kind == "decoder" and shape.gated and not shape.positions:
            return LlamaConfig(
                hidden_size=shape.width,
                intermediate_size=shape.ffn_width,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                num_key_value_heads=shape.kv_heads,
                head_dim=shape.head_width,
                max_position_embeddings=shape.context,
                tie_word_embeddings=shape.tied,
                attention_bias=shape.biases,
                mlp_bias=shape.biases,
                **common,
            )
        if plain and square and shape.kind == "decoder" and not shape.gated and shape.biases and shape.tied:
            return GPT2Config(
                n_embd=shape.width,
                n_inner=shape.ffn_width,
                n_layer=shape.layers,
                n_head=shape.heads,
                n_positions=shape.positions or shape.context,
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                **common,
            )
        if plain and square and shape.kind == "encoder" and not shape.gated:
            return BertConfig(
                vocab_size=shape.vocabulary,
                hidden_size=shape.width,
                intermediate_size=shape.ffn_width,
                num_hidden_layers=shape.layers,
                num_attention_heads=shape.heads,
                max_position_embeddings=shape.positions or shape.context,
                type_vocab_size=max(1, shape.types),
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
            )
    raise Problem("lab.no_blank", got=shape.kind)
