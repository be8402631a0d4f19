"""The peak of a training step: published memory, and what more splitting may never do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.resources.job import Job, Plan
from groundsill.resources.memory import Adapter, MemoryFactors, peak
from groundsill.resources.memory_habits import STACKS, habits_of
from groundsill.resources.memory_states import NF4_DOUBLE_BITS
from groundsill.terms.network import Layer, Network
from groundsill.terms.shape import Experts, Latent, Shape

GIB = 2.0**30
BARE = MemoryFactors(fragmentation=0.0, context_bytes=0.0, communicator_bytes=0.0)


def gpt(layers: int, width: int, heads: int, vocabulary: int = 8) -> Shape:
    """A GPT of Korthikanti et al. 2022; without its vocabulary, as their figure 1 counts."""
    return Shape(
        "decoder", layers, width, heads, heads, width // heads, 4 * width, vocabulary, 2048, False, True, True,
        norm_weights=2,
    )  # fmt: skip


LLAMA_2_7B = Shape("decoder", 32, 4096, 32, 32, 128, 11008, 32000, 4096, True, False, False)
LLAMA_2_13B = Shape("decoder", 40, 5120, 40, 40, 128, 13824, 32000, 4096, True, False, False)
LLAMA_3_8B = Shape("decoder", 32, 4096, 32, 8, 128, 14336, 128256, 8192, True, False, False)
MOE = Shape("decoder", 8, 1024, 16, 4, 64, 0, 32000, 2048, True, False, False, experts=Experts(8, 2, 2048))
MLA = Shape(
    "decoder", 8, 2048, 16, 16, 128, 8192, 32000, 2048, True, False, False,
    latent=Latent(768, 256, 128, 64, 128), experts=Experts(16, 4, 1024, 2048, 1),
)  # fmt: skip
T5 = Shape("encoder-decoder", 12, 768, 12, 12, 64, 3072, 32128, 512, False, False, True, encoder_layers=12)
VIT = Shape("encoder", 12, 768, 12, 12, 64, 3072, 0, 197, False, True, False, patch_values=768, classes=1000)
EVERY = [gpt(8, 1024, 16, 50304), LLAMA_3_8B, MOE, MLA, T5, VIT]


@pytest.mark.parametrize(
    ("layers", "width", "heads", "pipeline", "chunks", "micro_batch", "states", "activations"),
    [
        (48, 6144, 64, 1, 1, 4, 45.5625, 9.5625),
        (96, 12288, 96, 8, 3, 1, 45.5625, 12.352),
        (105, 20480, 128, 35, 3, 1, 31.6, 23.1),
        (128, 25600, 160, 64, 1, 1, 32.959, 26.562),
    ],
)
def test_selective_recompute_as_published(
    layers: int, width: int, heads: int, pipeline: int, chunks: int, micro_batch: int, states: float, activations: float
) -> None:
    """Korthikanti et al. 2022 (arXiv 2205.05198), figure 1 and table 3: states and activations of 22B to 1T, GiB."""
    job = Job(gpt(layers, width, heads), 2048, 512, precision="fp16", flash=False, stack="megatron")
    plan = Plan(8 * pipeline, 8, pipeline, 1, 1, chunks, micro_batch, 0, 1, True)
    parts = peak(job, plan, BARE).parts
    assert (parts.weights + parts.gradients + parts.optimizer) / GIB == pytest.approx(states, rel=0.006)
    assert parts.activations / GIB == pytest.approx(activations, rel=0.003)


def test_no_recompute_as_published() -> None:
    """The same, tensor parallel only, nothing computed again: 59.25, 66.844 and 131.25 GiB of activations."""
    for layers, width, heads, pipeline, chunks, micro, published in (
        (48, 6144, 64, 1, 1, 4, 59.25),
        (96, 12288, 96, 8, 3, 1, 66.844),
        (128, 25600, 160, 64, 1, 1, 131.25),
    ):
        job = Job(gpt(layers, width, heads), 2048, 512, precision="fp16", flash=False, stack="megatron")
        held = peak(job, Plan(8 * pipeline, 8, pipeline, 1, 1, chunks, micro), BARE).parts.activations
        assert held / GIB == pytest.approx(published, rel=0.003)


@pytest.mark.parametrize(
    ("shape", "micro_batch", "bits", "published", "within"),
    [
        (LLAMA_2_7B, 1, 16.0, 21.30, 0.02),
        (LLAMA_2_7B, 2, 16.0, 29.07, 0.02),
        (LLAMA_2_13B, 1, 16.0, 38.12, 0.02),
        (LLAMA_2_7B, 1, 4.0, 14.14, 0.12),
        (LLAMA_2_7B, 1, NF4_DOUBLE_BITS, 13.84, 0.12),
    ],
)
def test_litgpt_lora(shape: Shape, micro_batch: int, bits: float, published: float, within: float) -> None:
    """LitGPT, finetune resource table (Apache-2): LoRA of rank 8 on q and v, 1,304 tokens, bf16-true, A100; GB."""
    job = Job(
        shape, 1304, 128, method="lora", weight_bits=bits, master=False, chunked_logits=True, stack="litgpt",
    )  # fmt: skip
    bytes_ = peak(job, Plan(micro_batch=micro_batch), BARE, adapter=Adapter(("q", "v"), 8)).allocated
    assert bytes_ / 1e9 == pytest.approx(published, rel=within)


def test_torchtitan_sharded() -> None:
    """torchtitan's benchmark table (BSD-3): Llama 3 8B, FSDP, two sequences of 8,192, op-level selective recompute,
    82.4 GiB on 8 and 67 GiB on 128 H100."""
    for count, published in ((8, 82.4), (128, 67.0)):
        job = Job(LLAMA_3_8B, 8192, 2 * count, stack="fsdp")
        held = peak(job, Plan(count, micro_batch=2, shard=3, recompute=1)).reserved
        assert held / GIB == pytest.approx(published, rel=0.08)


def test_torchtune_packed() -> None:
    """torchtune's README (BSD-3): full tuning of Llama 3.2 3B in bf16, two packed sequences of 4,096: 60.0 GiB."""
    shape = Shape("decoder", 28, 3072, 24, 8, 128, 8192, 128256, 8192, True, False, True)
    job = Job(shape, 4096, 2, master=False, stack="torchtune")
    assert peak(job, Plan(micro_batch=2), BARE).allocated / GIB == pytest.approx(60.0, rel=0.05)


@given(
    shape=st.sampled_from(EVERY),
    stack=st.sampled_from(sorted(STACKS)),
    micro=st.integers(1, 4),
    recompute=st.integers(0, 2),
    parallel=st.booleans(),
)
def test_more_splitting_never_needs_more(shape: Shape, stack: str, micro: int, recompute: int, parallel: bool) -> None:
    """Tensor ranks, ZeRO stages 0 to 2, and recompute, each with the rest held: memory does not grow."""
    job = Job(shape, 512, 64, stack=stack)
    habits = replace(habits_of(stack), split_logit_bytes=0.0)
    tensor = np.array([1, 2, 4])
    split = peak(job, Plan(16, tensor, 1, 1, 1, 1, micro, 0, recompute, parallel), BARE, habits=habits).allocated
    assert np.all(np.diff(split) <= 0)
    zero = peak(job, Plan(16, 1, 1, 1, 1, 1, micro, np.array([0, 1, 2]), recompute), BARE).allocated
    assert np.all(np.diff(zero) <= 0)
    again = peak(job, Plan(16, 1, 1, 1, 1, 1, micro, 0, np.array([0, 2])), BARE).parts.activations
    assert np.all(np.diff(again) <= 0)


@given(
    shape=st.sampled_from(EVERY),
    micro=st.integers(1, 4),
    tensor=st.sampled_from([1, 2]),
    pipeline=st.sampled_from([1, 2, 4]),
    shard=st.integers(0, 3),
    recompute=st.integers(0, 2),
    offload=st.booleans(),
)
def test_arrays_say_what_numbers_say(
    shape: Shape, micro: int, tensor: int, pipeline: int, shard: int, recompute: int, offload: bool
) -> None:
    job, plan = Job(shape, 256, 64), Plan(16, tensor, pipeline, 1, 1, 1, micro, shard, recompute, False, offload)
    one = peak(job, plan)
    many = peak(
        job, Plan(16, *(np.full(3, v) for v in (tensor, pipeline, 1, 1, 1, micro, shard, recompute, 0, offload)))
    )
    assert isinstance(one.bytes, float)
    assert many.bytes == pytest.approx([one.bytes] * 3)
    parts = one.parts
    assert min(parts.weights, parts.gradients, parts.optimizer, parts.activations, parts.work) >= 0


@given(shape=st.sampled_from(EVERY), tokens=st.integers(16, 512), pipeline=st.sampled_from([1, 2, 4]))
def test_grows_with_work(shape: Shape, tokens: int, pipeline: int) -> None:
    job = Job(shape, tokens, 64)
    by_micro = peak(job, Plan(4, 1, pipeline, micro_batch=np.array([1, 2, 4, 8]))).bytes
    assert np.all(np.diff(by_micro) >= 0)
    by_chunks = peak(job, Plan(4, 1, pipeline, chunks=np.array([1, 2]))).bytes
    assert by_chunks[1] >= by_chunks[0]
    assert peak(replace(job, sequence=2 * tokens), Plan()).bytes > peak(job, Plan()).bytes


def test_methods_in_order() -> None:
    """Head, four bits, LoRA, full: each needs more than the one before."""
    plan, base = Plan(micro_batch=2), Job(LLAMA_3_8B, 1024, 2, stack="hf")
    head = peak(replace(base, method="head", trainable=4096.0), plan).bytes
    few = peak(replace(base, method="lora", weight_bits=4.0), plan).bytes
    lora = peak(replace(base, method="lora"), plan).bytes
    assert few < lora < peak(base, plan).bytes
    assert head < lora


def test_optimisers_in_order() -> None:
    plan, base = Plan(), Job(LLAMA_3_8B, 128, 1)
    needs = [peak(replace(base, optimiser=o), plan).bytes for o in ("adafactor", "adamw-8bit", "muon", "adamw")]  # type: ignore[arg-type]
    assert needs == sorted(needs)
    assert needs[-1] - needs[0] == pytest.approx(8 * LLAMA_3_8B.weights * (1 + MemoryFactors().fragmentation), rel=0.05)


def test_a_network_by_its_layers() -> None:
    """Two layers of 1,000 weights and 500 values: 18 bytes a weight, 2 a value, and the largest gradient."""
    network = Network((Layer("conv", 1000, 1e6, 500.0, 2),))
    parts = peak(Job(network, 1, 8), Plan(micro_batch=4), BARE).parts  # type: ignore[arg-type]
    assert parts.weights + parts.gradients + parts.optimizer == 18 * 2000
    assert parts.activations == 2 * 1000 * 4
    assert parts.work == 2 * 500 * 4


def test_offload_leaves_weights_and_activations() -> None:
    job = Job(LLAMA_3_8B, 512, 8)
    there, aside = peak(job, Plan(8, shard=1)).parts, peak(job, Plan(8, shard=1, offload=True)).parts
    assert aside.optimizer == aside.gradients == 0
    assert aside.weights == there.weights
