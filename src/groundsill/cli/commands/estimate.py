"""`groundsill estimate`: what training, tuning and serving a model take, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from groundsill.cli._common import Seconds, common, language_of, print_json, progress
from groundsill.cli._estimate import AcceleratorName, ModelName, apply, options
from groundsill.cli._estimate_curve import curve
from groundsill.cli._estimate_model import model as model_command

METHODS = ("lora", "qlora", "full", "head")

model_argument = click.argument("model", type=ModelName())
machine_options = options(
    ("--accelerator", {"type": AcceleratorName(), "default": "h100-sxm-80gb", "show_default": True, "metavar": "ID",
                       "help": "Which accelerator; see: groundsill catalogue list accelerators/"}),
    ("--precision", {"default": None, "metavar": "NAME", "help": "Of the matrix products: bf16, fp16, fp8, fp32 ..."}),
    ("--hourly", {"default": None, "metavar": "PRICE",
                  "help": "Price of one accelerator for an hour: 2.1, '1.8 to 2.5 USD' (default: the catalogue's)."}),
    ("--region", {"default": None, "metavar": "NAME", "help": "Country or grid for CO2; default: the world's mean."}),
    ("--ledger", {"type": click.Path(path_type=Path), "default": None, "metavar": "FOLDER",
                  "help": "Folder with the ledger of own measurements. Default: .groundsill/ here, if there is one."}),
    ("--draws", {"default": 2000, "show_default": True, "metavar": "N", "help": "Draws of the uncertain numbers."}),
    ("--seed", {"default": 1, "show_default": True, "metavar": "N", "help": "The same seed gives the same numbers."}),
)  # fmt: skip
work_options = options(
    ("--tokens", {"default": None, "metavar": "N", "help": "Tokens of the whole training: 300B, '1T to 2T'."}),
    ("--sequence", {"default": None, "metavar": "N", "help": "Tokens of one sequence."}),
    ("--batch", {"default": None, "metavar": "N", "help": "Sequences of one optimiser step, all accelerators together."}),
    ("--optimiser", {"default": "adamw", "show_default": True,
                     "type": click.Choice(["adamw", "adamw-8bit", "adafactor", "muon", "sgd"])}),
    ("--read-mb-per-s", {"default": None, "metavar": "N",
                         "help": "What storage gives to all accelerators together, in MB/s; not counted if not given."}),
    ("--sample-kb", {"default": None, "metavar": "N",
                     "help": "Stored size of one sequence or picture, in kB (default: 4 bytes a token)."}),
    ("--stack", {"default": "", "metavar": "NAME", "help": "Software: megatron, fsdp, hf, ... (default: not known)."}),
)  # fmt: skip
plan_options = options(
    ("--tensor", {"default": None, "metavar": "N", "help": "Tensor parallelism. What is not given is searched."}),
    ("--pipeline", {"default": None, "metavar": "N", "help": "Pipeline stages."}),
    ("--context", {"default": None, "metavar": "N", "help": "Context parallelism."}),
    ("--expert", {"default": None, "metavar": "N", "help": "Expert parallelism."}),
    ("--chunks", {"default": None, "metavar": "N", "help": "Interleaved pieces of a pipeline stage."}),
    ("--micro-batch", {"default": None, "metavar": "N", "help": "Sequences in one pass."}),
    ("--shard", {"default": None, "metavar": "0..3", "help": "ZeRO stage; 3 is FSDP."}),
    ("--recompute", {"default": None, "type": click.Choice(["none", "selective", "full"])}),
    ("--sequence-parallel/--no-sequence-parallel", {"default": None, "help": "Split norms over tensor ranks."}),
    ("--offload/--no-offload", {"default": None, "help": "Optimiser states in the host's memory."}),
)  # fmt: skip
count_option = options(("--count", {"default": "8", "show_default": True, "metavar": "N", "help": "Accelerators."}))


@click.group("estimate", short_help="What training, tuning or serving a model takes.")
def command() -> None:
    """Compute, memory, time, energy and cost of a foundation model, with intervals and without a project file.

    MODEL is an id of the catalogue (groundsill catalogue list models/), a Hugging Face config.json, or a model folder.

    Example: groundsill estimate train llama-2-7b --accelerator a100-sxm-80gb --count 128 --tokens 2T
    """


command.add_command(curve)
command.add_command(model_command)


@command.command("train")
@model_argument
@count_option
@work_options
@plan_options
@machine_options
@common
def train(model: str, as_json: bool, lang: str | None, **given: Any) -> None:
    """Pretrain MODEL, or go on with its pretraining.

    Example: groundsill estimate train llama-2-7b --accelerator a100-sxm-80gb --count 128 --tokens 2T
    """
    from groundsill.api.estimates import estimate_train

    _say(apply(estimate_train, model, given), as_json, lang)


@command.command("tune")
@model_argument
@options(
    ("--method", {"type": click.Choice(METHODS), "default": "lora", "show_default": True}),
    ("--rank", {"default": None, "metavar": "N", "help": "Of LoRA and QLoRA."}),
    ("--count", {"default": "1", "show_default": True, "metavar": "N", "help": "Accelerators."}),
)
@work_options
@plan_options
@machine_options
@common
def tune(model: str, as_json: bool, lang: str | None, **given: Any) -> None:
    """Tune MODEL on your own data.

    Example: groundsill estimate tune llama-3.1-8b --method qlora --accelerator rtx-4090 --tokens 20M --sequence 1024
    """
    from groundsill.api.estimates import estimate_tune

    _say(apply(estimate_tune, model, given), as_json, lang)


@command.command("serve")
@model_argument
@options(
    (
        "--count",
        {"default": None, "metavar": "N", "help": "Accelerators of one copy; default: the fewest that hold it."},
    ),
    ("--tokens-in", {"default": "1000", "show_default": True, "metavar": "N", "help": "Tokens of a prompt."}),
    ("--tokens-out", {"default": "200", "show_default": True, "metavar": "N", "help": "Tokens of an answer."}),
    ("--concurrency", {"default": None, "metavar": "N", "help": "Requests at the same time on one copy."}),
    ("--rate", {"default": None, "metavar": "N", "help": "Requests that arrive in a second."}),
    (
        "--engine",
        {"default": "vllm", "show_default": True, "metavar": "NAME", "help": "vllm, sglang, tensorrt-llm, ..."},
    ),
    ("--weight-bits", {"default": None, "metavar": "N", "help": "Bits of a weight as it is held: 16, 8, 4."}),
)
@machine_options
@common
def serve(model: str, as_json: bool, lang: str | None, **given: Any) -> None:
    """Answer requests with MODEL.

    Example: groundsill estimate serve llama-3.1-8b --accelerator l40s --tokens-in 1500 --tokens-out 300 --rate 2
    """
    from groundsill.api.estimate_serving import estimate_serve

    _say(apply(estimate_serve, model, given), as_json, lang)


@command.command("plan")
@model_argument
@options(
    ("--count", {"default": ("8",), "multiple": True, "show_default": True, "metavar": "N",
                 "help": "Accelerators; may be given again, all counts are searched."}),
    ("--method", {"type": click.Choice(METHODS), "default": "full", "show_default": True}),
    ("--rank", {"default": None, "metavar": "N", "help": "Of LoRA and QLoRA."}),
)  # fmt: skip
@work_options
@plan_options
@machine_options
@common
def plan(model: str, as_json: bool, lang: str | None, **given: Any) -> None:
    """Search all ways to spread the training of MODEL: which are fastest, cheapest, smallest.

    Example: groundsill estimate plan llama-2-70b --accelerator a100-sxm-80gb --count 256 --count 512 --tokens 2T
    """
    from groundsill.api.estimates import estimate_plan

    _say(apply(estimate_plan, model, given), as_json, lang)


@command.command("calibrate")
@options(
    ("--ledger", {"type": click.Path(path_type=Path), "default": Path(".groundsill"), "show_default": True,
                  "metavar": "FOLDER", "help": "Folder of the ledger that is written to."}),
    ("--budget", {"type": Seconds(), "default": "90s", "show_default": True, "help": "Time to measure: 60s, 2m."}),
    ("--accelerator", {"type": AcceleratorName(), "default": None, "metavar": "ID",
                       "help": "Id to file the runs under (default: found out)."}),
    ("--where", {"type": click.Choice(["cpu", "cuda"]), "default": None, "help": "Default: the GPU if there is one."}),
)  # fmt: skip
@common
def calibrate(
    ledger: Path, budget: float, accelerator: str | None, where: str | None, as_json: bool, lang: str | None
) -> None:
    """Measure this machine: matrix products, memory, a short training step of each kind, reading and writing. Estimates
    learn from it: those for this machine (--accelerator own) most.

    Example: groundsill estimate calibrate --budget 60s
    """
    from groundsill.api.estimates import estimate_calibrate

    language = language_of(lang)
    with progress(language, as_json) as emit:
        done = estimate_calibrate(ledger, accelerator=accelerator, seconds=budget, where=where or "", emit=emit)
    if as_json:
        print_json(done)
    else:
        from groundsill.cli._estimate_tables import show_calibration

        show_calibration(done, language)


def _say(result: Any, as_json: bool, lang: str | None) -> None:
    if as_json:
        print_json(result.record())
    else:
        from groundsill.cli._estimate_tables import show

        show(result, language_of(lang))
