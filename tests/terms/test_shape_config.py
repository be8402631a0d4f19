"""config.json of strangers: counted as transformers counts, and nothing of it trusted."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundsill.terms.config_json import MOST_BYTES
from groundsill.terms.problem import Problem
from groundsill.terms.shape_config import KNOWN, shape_of_config
from groundsill.words import explain

LLAMA: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "intermediate_size": 11008, "vocab_size": 32000, "max_position_embeddings": 4096,
}  # fmt: skip


def weights(config: Any) -> int:
    return shape_of_config(json.dumps(config).encode(), "config.json").weights


def code(data: bytes) -> str:
    with pytest.raises(Problem) as caught:
        shape_of_config(data, "config.json")
    for tongue in ("en", "zh"):
        said = explain(caught.value, tongue)
        assert not any(place in said for place in ("{got}", "{limit}", "{key}", caught.value.code))
    return caught.value.code


def test_llama() -> None:
    assert weights(LLAMA) == 6_738_415_616
    assert weights(LLAMA | {"hidden_size": 4096.0, "num_key_value_heads": None}) == 6_738_415_616


def test_the_language_part_of_a_model_that_sees() -> None:
    inner = {k: v for k, v in LLAMA.items() if k != "model_type"} | {"model_type": "llama"}
    assert weights({"model_type": "llava", "text_config": inner, "vision_config": {"hidden_size": 9}}) == 6_738_415_616
    tied = weights({"model_type": "llava", "tie_word_embeddings": True, "text_config": inner})
    assert tied == 6_738_415_616 - 32000 * 4096


def test_windows() -> None:
    def window(more: dict[str, Any]) -> tuple[int, int]:
        shape = shape_of_config(json.dumps(LLAMA | more).encode(), "")
        return shape.window, shape.window_blocks

    assert window({"model_type": "mistral", "sliding_window": 4096}) == (4096, 32)
    assert window({"model_type": "mistral", "sliding_window": None}) == (0, 0)
    assert window({"model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": False}) == (0, 0)
    assert window({"model_type": "gemma2", "sliding_window": 4096}) == (4096, 16)
    types = ["sliding_attention"] * 3 + ["full_attention"]
    assert window({"model_type": "olmo3", "sliding_window": 4096, "layer_types": types * 8}) == (4096, 24)
    assert window({"model_type": "olmo3", "sliding_window": 4096, "layer_types": ["full_attention"] * 32}) == (0, 0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hidden_size", -4096), ("hidden_size", 0), ("hidden_size", "4096"), ("hidden_size", 1e300), ("hidden_size", True),
        ("hidden_size", [4096]), ("hidden_size", 4096.5), ("num_hidden_layers", 10**9), ("vocab_size", 10**12),
        ("num_attention_heads", 31), ("tie_word_embeddings", "yes"), ("hidden_size", {"a": 1}), ("hidden_size", None),
        ("num_attention_heads", 10**7), ("max_position_embeddings", 10**30),
    ],
)  # fmt: skip
def test_keys_that_cannot_be(key: str, value: object) -> None:
    data = json.dumps(LLAMA | {key: value}).encode()
    assert code(data) == "shape.bad_key"
    with pytest.raises(Problem) as caught:
        shape_of_config(data, "folder/config.json")
    assert (caught.value.at, caught.value.more["key"]) == ("folder/config.json", key)


def test_heads_that_do_not_fit() -> None:
    assert code(json.dumps(LLAMA | {"num_key_value_heads": 5}).encode()) == "shape.bad"
    assert code(
        json.dumps(LLAMA | {"model_type": "mixtral", "num_local_experts": 8, "num_experts_per_tok": 9}).encode()
    ) == ("shape.bad")
    huge = LLAMA | {
        "hidden_size": 10**7,
        "intermediate_size": 10**7,
        "num_attention_heads": 10,
        "num_hidden_layers": 10**4,
    }
    assert code(json.dumps(huge).encode()) == "shape.bad"


def test_files_that_are_no_configuration() -> None:
    digits = b'{"model_type": "llama", "hidden_size": ' + b"9" * 10_000 + b"}"
    for data in (
        b"", b"\xff\xfe", b"not json", b"[]", b"7", b'{"a": NaN}', b'{"a": Infinity}', digits,
        b"[" * 100_000, b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"a": "' + b"x" * MOST_BYTES + b'"}', b'{"a": [' + b"0," * 200_000 + b"0]}", b"\x80\x04K\x01.",
    ):  # fmt: skip
        assert code(data) == "shape.bad_config"


def test_an_unknown_type_names_the_known_ones() -> None:
    with pytest.raises(Problem) as caught:
        shape_of_config(b'{"model_type": "perceiver", "auto_map": {"AutoModel": "evil.py"}}', "x")
    assert (caught.value.code, caught.value.got) == ("shape.unknown_type", "perceiver")
    assert "llama" in str(caught.value.limit) and "t5" in str(caught.value.limit)
    assert code(b"{}") == "shape.unknown_type"
    assert code(b'{"model_type": 7}') == "shape.bad_key"


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=9,
)
_WORDS = st.sampled_from(
    (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
        "intermediate_size", "sliding_window", "layer_types", "n_embd", "n_layer", "n_head", "n_positions", "d_model",
        "d_ff", "d_kv", "num_heads", "num_layers", "num_experts", "num_experts_per_tok", "moe_intermediate_size",
        "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "n_routed_experts", "image_size",
        "patch_size", "text_config", "attn_config", "ffn_config", "mlp_only_layers", "id2label", "architectures",
        "n_heads", "n_layers", "max_seq_len", "num_local_experts", "first_k_dense_replace", "embedding_size",
    )
)  # fmt: skip


@settings(deadline=None, max_examples=200)
@given(
    kind=st.sampled_from(sorted(KNOWN)), table=st.dictionaries(_WORDS, st.integers(-1, 2048) | _ANYTHING, max_size=14)
)
def test_any_configuration_is_a_shape_or_a_problem(kind: str, table: dict[str, Any]) -> None:
    try:
        shape = shape_of_config(json.dumps({"model_type": kind, **table}).encode(), "x")
    except Problem as e:
        assert e.code in ("shape.bad_key", "shape.bad", "shape.bad_config", "shape.unknown_type")
    else:
        assert 0 < shape.active_weights <= shape.weights


# What is not counted: a bias of the output matrix, sinks, norms over all heads at once, the choice of tokens.
LOOSE = {"phi": 1e-4, "olmo2": 1e-4, "olmo3": 1e-4, "umt5": 1e-4, "gptj": 1e-4, "qwen2_moe": 1e-4, "olmoe": 1e-4,
         "gpt_oss": 1e-4, "minimax_m2": 1e-4, "glm_moe_dsa": 2e-3}  # fmt: skip
SKIP = ("internlm2", "baichuan", "kimi_k2", "ministral", "dbrx", "gemma3")  # no class, or its defaults make no model


@pytest.mark.torch
@pytest.mark.parametrize("kind", [k for k in KNOWN if k not in SKIP])
def test_weights_are_those_that_transformers_makes(kind: str) -> None:
    """Every class at its own defaults, on a device without memory: `gpt_neox` is GPT-NeoX-20B, `deepseek_v3` V3, ..."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    if kind not in transformers.CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {kind}")
    config = transformers.CONFIG_MAPPING[kind]()
    maker = transformers.AutoModelForCausalLM
    if kind in ("bert", "roberta", "xlm-roberta", "camembert", "electra", "distilbert"):
        maker = transformers.AutoModel
    elif kind in ("t5", "mt5", "umt5"):
        maker = transformers.AutoModelForSeq2SeqLM
    elif kind == "vit":
        config.architectures, maker = ["ViTForImageClassification"], transformers.AutoModelForImageClassification
    with torch.device("meta"):
        made = maker.from_config(config)
    theirs = sum(p.numel() for p in made.parameters())
    assert weights(json.loads(config.to_json_string())) == pytest.approx(theirs, rel=LOOSE.get(kind, 1e-12))
