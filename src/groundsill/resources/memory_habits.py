"""What a training software keeps in memory beyond what the arithmetic of a model asks for.

Each entry of STACKS follows how that software writes a block (eager code keeps more than fused kernels do). They are
judged: worked out from the steps of the code, then set beside the published rows of the same software; no fit runs over
them. Where the rows, not the code, decided, the comment says so. What is not named takes the defaults: fused kernels, mixed
precision.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from groundsill.terms.shape import Shape

TARGETS = ("q", "k", "v", "o", "up", "gate", "down", "head")


@dataclass(frozen=True)
class Habits:
    """How a software holds states and saves tensors.

    States, bytes for each trained weight where a 4-byte copy is kept: weight (2: beside the copy; 0: only made when a
    layer is gathered), gradient. fused_step: the optimiser makes no temporary copy of one moment. gradient_freed: each
    gradient is used up as soon as it is there. bucket_bytes: buffers of the collectives.

    Blocks: norm_bytes for each value that enters a norm (4: computed in fp32 and the input kept so); norm_trained_bytes
    more if the norm's weights train. repeats_kv: keys and values are copied to every query head. joint_qkv: values are a
    view of the joint product, which is kept whole. compiled: pointwise steps are computed again instead of kept. dropout:
    masks of a byte on both outputs of a block, and on scores. selective: what selective recompute leaves out, the
    attention scores (Korthikanti et al. 2022, section 5) or every second matrix product (`matmuls`).

    Adapters: adapter_bytes for each value that enters one; adapter_shared: matrices with the same input share one copy;
    adapter_dropout: a mask and a copy of their own; adapter_padded: outputs of part of q, k, v are copied into a wider
    tensor and kept. adapter_weight_bytes: of their weights, gradients and moments each. quantised_inputs: copies of
    their input that 4-bit and 8-bit matrices keep. head_quantised: so is the output matrix.

    logit_bytes: for each logit at the worst instant of the loss; chunked_logit_bytes: where the loss is taken in pieces;
    split_logit_bytes: where the vocabulary is split over tensor ranks (0: as logit_bytes).
    stage_outputs: a pipeline stage keeps what it sent on until the gradient comes back. stage_gathered: with both FSDP
    and a pipeline, a stage's weights stay gathered and its gradients are summed unsplit over the micro-batches.
    offload_activations: inputs of blocks wait in the host's memory.
    """

    weight: float = 2.0
    gradient: float = 4.0
    fused_step: bool = True
    gradient_freed: bool = False
    bucket_bytes: float = 0.0
    norm_bytes: float = 2.0
    norm_trained_bytes: float = 0.0
    repeats_kv: bool = False
    joint_qkv: bool = False
    compiled: bool = False
    dropout: bool = False
    selective: str = "scores"
    adapter_bytes: float = 2.0
    adapter_shared: bool = True
    adapter_dropout: bool = False
    adapter_padded: bool = False
    adapter_weight_bytes: float = 4.0
    quantised_inputs: float = 0.0
    head_quantised: bool = False
    # Output 2 bytes, its copy in fp32 until the loss is there, log-softmax 4, and in the backward pass the gradients of
    # the last two, 4 each: 14 at the worst instant.
    logit_bytes: float = 14.0
    chunked_logit_bytes: float = 2.0
    split_logit_bytes: float = 0.0
    stage_outputs: bool = False
    stage_gathered: bool = False
    offload_activations: bool = False


_EAGER = Habits(norm_bytes=4.0, norm_trained_bytes=2.0, fused_step=False)

STACKS: dict[str, Habits] = {
    "": Habits(),
    # Fused norms; softmax and loss over split vocabulary in fp32 (Korthikanti et al. 2022: 4 s b v, plus its input and
    # gradient); 4-byte gradients beside 2-byte weights.
    "megatron": Habits(dropout=True, logit_bytes=10.0),
    "megatron-core": Habits(logit_bytes=10.0),
    # ZeRO's flat buffers: two buckets of 5e8 values for reducing and gathering (the defaults of its settings).
    "deepspeed": Habits(gradient=2.0, dropout=True, bucket_bytes=2.0e9, logit_bytes=10.0, stage_outputs=True),
    # FSDP2 keeps 4-byte weights in shards and makes 2-byte ones for a layer at a time. A loss over split vocabulary runs
    # outside the compiler and makes two more 4-byte copies (shifted logits and their exponentials); that it is two, and
    # 12 and 20 bytes with the compiler, was decided by torchtitan's rows.
    "fsdp": replace(
        _EAGER, weight=0.0, fused_step=True, selective="matmuls", split_logit_bytes=22.0, stage_gathered=True
    ),
    "fsdp-compiled": Habits(
        weight=0.0, compiled=True, selective="matmuls", logit_bytes=12.0, split_logit_bytes=20.0, stage_gathered=True
    ),
    "nanotron": Habits(repeats_kv=True),
    # transformers and peft: adapters are 4-byte without autocast, so each makes a 4-byte copy of its input.
    "hf": replace(_EAGER, repeats_kv=True, adapter_bytes=4.0, adapter_shared=False),
    "hf-compiled": Habits(compiled=True, adapter_bytes=4.0, adapter_shared=False),
    # LitGPT, `bf16-true`: everything that trains is 2-byte; loss in 2 bytes and pieces; one joint q, k, v matrix. That
    # 4-bit matrices keep their input twice is what its published rows say (bitsandbytes saves it once).
    "litgpt": replace(
        _EAGER,
        norm_trained_bytes=4.0,
        joint_qkv=True,
        adapter_dropout=True,
        adapter_padded=True,
        adapter_weight_bytes=2.0,
        quantised_inputs=2.0,
        logit_bytes=6.0,
        chunked_logit_bytes=6.0,
    ),
    # Fused optimiser; 10.5 and 2.25 bytes a logit were decided by its table, which adds one measure a row.
    "torchtune": replace(_EAGER, fused_step=True, repeats_kv=True, adapter_weight_bytes=2.0, chunked_logit_bytes=2.25),
    "torchtune-compiled": Habits(compiled=True, adapter_weight_bytes=2.0, logit_bytes=10.5, chunked_logit_bytes=2.25),
    "unsloth": Habits(compiled=True, chunked_logit_bytes=1.0),
}


def habits_of(stack: str) -> Habits:
    """The habits of a stack; of one that is not known, the defaults."""
    return STACKS.get(stack, STACKS[""])


@dataclass(frozen=True)
class Adapter:
    """What a small tuning method adds inside the blocks.

    targets: matrices that it adapts (of TARGETS). rank: width of what it puts beside each. kept_inputs: copies of the
    input of each target that it keeps (1: LoRA; 0: methods that change no input, such as bias or norm tuning).
    kept_outputs: 4-byte copies of the output. dense: matrices of the size of the target, 4 bytes a weight, that are made
    in each forward pass and kept. prefix: tokens that it puts before each sequence. values: of a block's width that
    it keeps for each token besides.
    """

    targets: tuple[str, ...] = ("q", "v")
    rank: int = 8
    kept_inputs: float = 1.0
    kept_outputs: float = 0.0
    dense: float = 0.0
    prefix: int = 0
    values: float = 0.0

    def sizes(self, shape: Shape) -> dict[str, tuple[int, int]]:
        """target -> (inputs, outputs) of its matrix."""
        width, wide, heads = shape.width, shape.ffn_width, shape.score_width
        few = shape.kv_heads * shape.head_width
        every = {
            "q": (width, heads),
            "k": (width, few),
            "v": (width, few),
            "o": (shape.value_width, width),
            "up": (width, wide),
            "gate": (width, wide if shape.gated else 0),
            "down": (wide, width),
            "head": (width, shape.vocabulary),
        }
        return {name: every[name] for name in self.targets if every[name][1]}

    def weights(self, shape: Shape) -> float:
        """New weights of low-rank matrices beside every target."""
        sizes = self.sizes(shape)
        blocks = shape.layers + shape.encoder_layers
        return float(sum(self.rank * (i + o) * (1 if name == "head" else blocks) for name, (i, o) in sizes.items()))
