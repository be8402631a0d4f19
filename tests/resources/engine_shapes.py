"""Shapes with published counts, for the tests of the engines."""

from groundsill.terms.shape import Shape

LLAMA_2_7B = Shape("decoder", 32, 4096, 32, 32, 128, 11008, 32000, 4096, gated=True, biases=False, tied=False)
GPT_3 = Shape(
    "decoder",
    96,
    12288,
    96,
    96,
    128,
    49152,
    50257,
    2048,
    gated=False,
    biases=True,
    tied=True,
    positions=2048,
    norm_weights=2,
)
OPT_13B = Shape(
    "decoder",
    40,
    5120,
    40,
    40,
    128,
    20480,
    50272,
    2048,
    gated=False,
    biases=True,
    tied=True,
    positions=2050,
    norm_weights=2,
)
MINILM = Shape(
    "encoder", 6, 384, 12, 12, 32, 1536, 30522, 512, gated=False, biases=True, tied=False, positions=512, types=2,
    norm_weights=2, embedding_norm=True, final_norm=False, pooler=True,
)  # fmt: skip
