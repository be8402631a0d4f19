"""Counted weights against published counts."""

from groundsill.terms.shape import Shape


def test_minilm_has_its_published_weights() -> None:
    """sentence-transformers/all-MiniLM-L6-v2, safetensors header: 22,713,216 weights."""
    shape = Shape(
        "encoder",
        6,
        384,
        12,
        12,
        32,
        1536,
        30522,
        512,
        False,
        True,
        True,
        512,
        2,
        2,
        embedding_norm=True,
        final_norm=False,
        pooler=True,
    )
    assert shape.weights == 22_713_216


def test_smollm2_has_its_published_weights() -> None:
    """HuggingFaceTB/SmolLM2-135M-Instruct: 134,515,008 weights (tied embeddings counted once)."""
    assert Shape("decoder", 30, 576, 9, 3, 64, 1536, 49152, 2048, True, False, True).weights == 134_515_008


def test_llama_2_7b_has_its_published_weights() -> None:
    """meta-llama/Llama-2-7b: 6,738,415,616 weights."""
    assert Shape("decoder", 32, 4096, 32, 32, 128, 11008, 32000, 4096, True, False, False).weights == 6_738_415_616
