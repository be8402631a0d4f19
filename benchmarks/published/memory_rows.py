"""A published row as a job, a plan, the habits of its software, and what its memory figure counts.

Stated defaults for what a row leaves open:
- recompute: as the row says; LitGPT recomputes with FSDP only; else none where that fits the accelerator, or full.
- micro-batch 1; sequence 2,048, of pictures 1,536 (512 pixels in patches of 16, and 512 words); batch: one micro-batch each.
- adapters: rank 8 on queries and values (LitGPT's and peft's defaults); what each method of peft keeps: METHODS.
- flash attention, but for Megatron before 2023; bf16; torchtune compiles and takes its loss in pieces since 2025.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from groundsill.resources.job import Job, Plan
from groundsill.resources.memory import peak
from groundsill.resources.memory_habits import Adapter, Habits, habits_of
from groundsill.resources.memory_states import NF4_BITS, NF4_DOUBLE_BITS
from groundsill.terms.network import Network
from groundsill.terms.shape import Shape

from .rows import Row, accelerator_id, number, precision
from .shapes import shape_of

GIB = 2.0**30
PICTURE_TOKENS = 1536
ALPACA_TOKENS = 512  # of a padded batch whose length is not stated; the longest samples have 1,044 to 1,304
EVERY = ("q", "k", "v", "o", "gate", "up", "down")

FLUX = Shape(  # FLUX.2 klein 4B: 20 single blocks and 5 double ones, as 10 halves; judged, 95 % of the published count.
    # What its conditions pass (5 %, outside blocks) stands as rows of positions, so that the count is right.
    "encoder", 30, 3072, 24, 24, 128, 9216, 0, 1536, True, False, True, patch_values=128, query_key_norm=True,
    positions=63297,
)  # fmt: skip

_STACKS: tuple[tuple[str, str], ...] = (
    (r"megatron-deepspeed", "deepspeed"),
    (r"megatron-core|nemo|bridge", "megatron-core"),
    (r"megatron", "megatron"),
    (r"torchtitan|fms-fsdp|llm-foundry", "fsdp"),
    (r"nanotron", "nanotron"),
    (r"litgpt", "litgpt"),
    (r"torchtune", "torchtune"),
    (r"unsloth", "unsloth"),
    (r"deepspeed", "deepspeed"),
    (r"hf|peft|trl|axolotl|transformers", "hf"),
)
METHODS: dict[str, dict[str, Any]] = {  # what a method of peft keeps that differs from LoRA's.
    # Judged from what each computes (nothing of the input; matrices of full size made anew; half-size ones), with the
    # rows of the text comparison in view; a method that is not named is taken for LoRA.
    **{m: {"kept_inputs": 0.0} for m in ("adamss", "miss", "bone", "tinylora", "shira", "vector-paths", "road")},
    **{
        m: {"kept_inputs": 0.0, "targets": ()}
        for m in ("ln_tuning", "bitfit", "trainable_tokens", "osf", "prompt", "ptuning")
    },
    **{m: {"kept_inputs": 0.0, "dense": 2.5} for m in ("fourierft", "waveft", "oft", "c3a", "hra")},
    "boft": {"kept_inputs": 0.0, "dense": 3.0},
    "loha": {"kept_inputs": 0.0, "dense": 2.0},
    "lokr": {"kept_inputs": 0.0, "dense": 2.0},
    "hira": {"kept_inputs": 0.0, "dense": 2.0},
    "deft": {"kept_inputs": 0.0, "dense": 2.0},
    "glora": {"kept_inputs": 0.5},
    "psoft": {"kept_inputs": 0.5},
    "ia3": {"kept_inputs": 0.0, "kept_outputs": 1.0},
    "dora": {"kept_outputs": 1.0},
    "adapter": {"kept_inputs": 0.0, "targets": (), "values": 1.0},  # LLaMA-Adapter: a second answer of attention
}
_NAMES = (
    (r"^(query|q|q_proj)$", ("q",)),
    (r"^(key|k|k_proj)$", ("k",)),
    (r"^(value|v|v_proj)$", ("v",)),
    (r"^(projection|o|o_proj)$", ("o",)),
    (r"^(mlp)$", ("gate", "up", "down")),
    (r"gate_proj", ("gate",)),
    (r"up_proj", ("up",)),
    (r"down_proj", ("down",)),
    (r"^head$", ("head",)),
    (r"all.linear|mlp\|", EVERY),
)


@dataclass(frozen=True)
class Case:
    """What `peak` takes, and how the row's figure is read: unit (bytes), kind (of `Memory.of`)."""

    job: Job
    plan: Plan
    habits: Habits
    adapter: Adapter | None
    unit: float
    kind: str


def case_of(row: Row, catalogue: Any, file: str, adapt: bool = True) -> Case | None:
    """adapt: what is open is chosen so that the row fits its accelerator. None if not even the size of the model is known."""
    shape = _shape(row, catalogue)
    if shape is None:
        return None
    made = _throughput(row, shape) if file == "megatron_throughput" else _finetune(row, shape)
    machine = machine_of(row, catalogue)
    if not adapt or machine is None or file == "megatron_throughput":
        return made
    # What a row leaves open is what makes it fit, in the order in which people try: recompute, then states aside.
    tries = [replace(made, plan=replace(made.plan, offload=True))]
    if not _recompute_text(row) and made.job.stack != "litgpt":
        tries.insert(0, replace(made, plan=replace(made.plan, recompute=2)))
    for one in (made, *tries):
        if peak(one.job, one.plan, habits=one.habits, adapter=one.adapter).bytes <= 1.05 * machine:
            return one
    return made


def _shape(row: Row, catalogue: Any) -> Shape | Network | None:
    """The catalogue's model of exactly this name, else what `shape_of` finds. LitGPT's tables print the size once more,
    or leave `base` out."""
    name = re.sub(r"(?<=\d) \d+(\.\d+)? ?B$", "", row.get("model") or "").replace(
        "StableLM Alpha", "stablelm-base-alpha"
    )
    exact = name.lower().replace(" ", "-")
    if exact in catalogue.models():
        found: Shape | Network | None = catalogue.model(exact).shape
        if found is not None:
            return found
    return shape_of({**row, "model": name}, catalogue)


def machine_of(row: Row, catalogue: Any) -> float | None:
    """Bytes of the accelerator's memory; from its name ("48GB GPU") where the catalogue does not know it."""
    id = accelerator_id(row)
    if id is not None and id in catalogue.accelerators():
        return float(catalogue.machine(id).memory_bytes)
    said = re.search(r"(\d+)\s?GB", row.get("accelerator") or "")
    return float(said[1]) * 1e9 if said else None


def _stack(row: Row) -> str:
    text = (row.get("framework") or row.get("suite") or "").lower()
    return next((name for pattern, name in _STACKS if re.search(pattern, text)), "hf")


def _whole(row: Row, key: str, default: float) -> int:
    return max(1, int(number(row, key) or default))


def _recompute_text(row: Row) -> str:
    return (row.get("activation_recompute") or row.get("grad_checkpointing") or "").lower()


def _recompute(row: Row) -> int:
    text = _recompute_text(row)
    return 1 if "selective" in text else 2 if text in ("full", "true") or text.startswith("full") else 0


def _shard(row: Row) -> int:
    text = f"{row.get('sharding') or ''} {row.get('source_detail') or ''}".lower().replace("zero_stage:", "zero-")
    said = re.search(r"zero.?(\d)", text)
    return int(said[1]) if said else 3 if "fsdp" in text else 0


def _throughput(row: Row, shape: Shape | Network) -> Case:
    stack, notes, kind = _stack(row), (row.get("notes") or "").lower(), (row.get("mem_kind") or "").lower()
    habits = habits_of(stack)
    if stack == "fsdp" and "no compile" not in notes:
        habits = habits_of("fsdp-compiled")
    pp, tp, cp = _whole(row, "pp", 1), _whole(row, "tp", 1), _whole(row, "cp", 1)
    micro = _whole(row, "micro_batch", 1)
    if stack == "fsdp" and pp > 1:
        micro = max(1, micro // pp)  # torchtitan cuts a local batch into as many micro-batches as there are stages
    gpus = _whole(row, "n_gpus", 1)
    copies = max(1, gpus // (tp * pp * cp))
    batch = _whole(row, "global_batch", micro * copies * _whole(row, "grad_accum", pp))
    unit, what = (GIB if "gib" in kind else 1e9), "allocated" if "allocated" in kind or "params" in kind else "reserved"
    if row["suite"].startswith("bigscience"):
        unit, what = (
            1000 * 2.0**20,
            "total",
        )  # read off nvidia-smi (the chronicle says so), which shows MiB: taken as thousands
        shape = _layers_by_weights(row, shape)
        if _written_after(row, "02-28"):
            habits = replace(habits, gradient=6.0)  # from then on beside 2-byte gradients a 4-byte sum (ibid.)
    if "full cpu offload" in (row.get("source_detail") or ""):
        habits = replace(habits, offload_activations=True)
    shard, aside = _shard(row), "offload" in f"{row.get('sharding')} {row.get('source_detail')}"
    if stack == "deepspeed" and not shard and pp == 1 and copies > 1 and not row.get("sharding"):
        shard = 3  # without a pipeline, models of this size are split by ZeRO
    if stack == "megatron-core" and not row.get("sharding"):
        shard = 1  # its distributed optimiser
    job = Job(
        shape,
        _whole(row, "seq_len", 2048),
        batch,
        precision(row),
        flash=stack not in ("megatron", "deepspeed"),
        stack=stack,
    )
    split = stack == "deepspeed" and pp == 1  # its checkpoints can be split over tensor ranks, which such rows need
    parallel = split or "sp" in _recompute_text(row) or stack in ("megatron-core", "fsdp", "nanotron")
    plan = Plan(
        gpus, tp, pp, cp, _whole(row, "ep", 1), max(1, int(number(row, "vp") or (2 if "interleaved" in notes else 1))),
        micro, shard, _recompute(row), parallel, aside,
    )  # fmt: skip
    return Case(job, plan, habits, None, unit, what)


def _written_after(row: Row, day: str) -> bool:
    """Whether the part of the chronicle that the row stands in is dated `day` (month-day) or later."""
    said = re.search(r"\((\d\d-\d\d)\)", row.get("source_detail") or "")
    return bool(said) and said[1] >= day


def _layers_by_weights(row: Row, shape: Shape | Network) -> Shape | Network:
    """Headings of a table may be those of the one before: where layers and weights disagree, the weights are right."""
    total = number(row, "params_total")
    if not total or isinstance(shape, Network) or abs(shape.weights / total - 1) < 0.03:
        return shape
    ends = shape.weights - shape.layers * shape.block_weights
    return replace(shape, layers=max(1, round((total - ends) / shape.block_weights)))


def _finetune(row: Row, shape: Shape | Network) -> Case:
    stack, text = _stack(row), (row.get("method") or "").lower()
    notes, kind = (row.get("notes") or "").lower(), (row.get("mem_kind") or "").lower()
    full = text.startswith("full")
    habits = habits_of(stack)
    if isinstance(shape, Shape) and "px" in (row.get("dataset") or ""):
        shape = FLUX
    if stack == "litgpt" and isinstance(shape, Shape):
        shape = replace(shape, tied=False)  # it holds the output matrix apart
    bits, said = _bits(row, text), (row.get("precision") or "").lower()
    if "mixed" in said and not full and stack == "litgpt":
        bits = 48.0  # weights of 4 bytes, of which autocast keeps copies of 2
    kind_of = "fp32" if stack == "hf" and full and not said else precision(row)
    gpus, micro = _whole(row, "n_gpus", 1), _whole(row, "micro_batch", 1)
    sequence, recompute, shard = _sequence(row, stack), _recompute(row), _shard(row)
    if stack == "litgpt" and shard == 3 and full:
        recompute = 2
    chunked = (stack == "torchtune" and recompute != 0) or stack in ("litgpt", "unsloth")
    if stack == "torchtune" and "2025" in (row.get("sw_version") or "") and "cumulative" not in notes:
        habits, chunked = habits_of("torchtune-compiled"), True
    if "optimizer in backward" in notes and "cumulative" not in notes:
        habits = replace(habits, gradient_freed=True)
    if "activation" in (row.get("offload") or ""):
        habits = replace(habits, offload_activations=True)
    optimiser = (row.get("optimizer") or "").lower()
    eight = "8bit" in optimiser or "8-bit" in optimiser or "8-bit optimizer" in notes
    aside = "cpu" in (row.get("sharding") or "").lower() + (row.get("offload") or "").lower()
    aside = aside or "paged" in optimiser or ("paged" in notes and full)
    batch = _whole(row, "global_batch", micro * gpus * _whole(row, "grad_accum", 1))
    if stack == "litgpt" and not number(row, "grad_accum") and number(row, "global_batch"):
        batch = max(batch, micro * gpus)
    job = Job(
        shape, sequence, max(batch, micro * gpus), kind_of, "full" if full else "lora",
        0.0 if full else number(row, "trainable_params") or 0.0, bits, "adamw-8bit" if eight else "adamw",
        master="mixed" in said or said == "fp16",
        flash="bert" not in row["suite"], chunked_logits=chunked, stack=stack,
    )  # fmt: skip
    plan = Plan(gpus, 1, 1, 1, 1, 1, micro, shard, recompute, False, aside)
    unit = GIB if (row.get("mem_unit") or "").lower().startswith("gib") else 1e9
    # The method comparison of peft empties the cache every ten steps (its run.py), so that what is reserved is in use.
    emptied = row["suite"] == "peft-method-comparison"
    counted = (
        "allocated"
        if emptied
        else "reserved"
        if "reserved" in kind
        else "total"
        if stack in ("unsloth", "hf")
        else "allocated"
    )
    return Case(job, plan, habits, None if full else _adapter(row, text, stack, shape), unit, counted)


def _bits(row: Row, text: str) -> float:
    said = (row.get("quantization") or "").lower() + " " + text
    if "int8" in said or "8-bit" in said:
        return 8.0
    if "nf4" in said or "4-bit" in said or "qlora" in said:
        return NF4_DOUBLE_BITS if "dq" in said or "double" in said else NF4_BITS
    return 16.0


def _sequence(row: Row, stack: str) -> int:
    if "px" in (row.get("dataset") or ""):
        return PICTURE_TOKENS
    stated = _whole(row, "seq_len", 512 if "qlora" in (row.get("method") or "").lower() else 2048)
    if stack == "torchtune" and row.get("packed") == "no":
        return min(stated, ALPACA_TOKENS)
    return stated


def _adapter(row: Row, text: str, stack: str, shape: Shape | Network) -> Adapter:
    rank = int(number(row, "lora_rank") or 8)
    targets = _targets(row.get("lora_targets") or "")
    if not targets:
        targets = EVERY if "px" in (row.get("dataset") or "") or stack == "unsloth" else ("q", "v")
    one = Adapter(targets, min(rank, 512))
    words = re.split(r"[\s]+", text.replace("+", " "))
    for name in (words[0], "dora" if "dora" in text else ""):
        if name in METHODS:
            one = replace(one, **METHODS[name])
    if words[0] in ("prompt_tuning", "ptuning", "prefixtuning"):
        one = replace(one, kept_inputs=0.0, targets=(), prefix=_prefix(row, words[0], shape))
    return one


def _prefix(row: Row, method: str, shape: Shape | Network) -> int:
    """Tokens before the sequence: as many as the trained weights make, 20 for p-tuning (peft's example). A prefix of keys
    and values passes attention alone, which keeps about half of what a whole block does."""
    trained = number(row, "trainable_params") or 0.0
    if method == "ptuning" or isinstance(shape, Network):
        return 20
    if method == "prompt_tuning":
        return int(trained / shape.width)
    return int(trained / (shape.layers * 2 * shape.kv_heads * shape.head_width) / 2)


def _targets(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for word in text.lower().replace(" ", "").split(","):
        for pattern, names in _NAMES:
            if re.search(pattern, word):
                found += [n for n in names if n not in found]
    return tuple(found)
