"""GGUF: a quantised causal LM with its tokenizer in one file, made into fp32 safetensors."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import lru_cache
from pathlib import Path

from groundsill.lab.models.device import quiet
from groundsill.terms.problem import Exit, Problem


def convert(source: Path, folder: Path) -> None:
    """Write model and tokenizer of the GGUF file `source` into `folder`.

    Raises Problem `lab.not_a_model_file` for another file, `lab.missing_library` without gguf and accelerate.
    """
    with source.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise Problem("lab.not_a_model_file", at=str(source), got=source.name, limit="GGUF", exit=Exit.INTEGRITY)
    try:
        import accelerate  # noqa: F401
        import gguf  # noqa: F401
    except ImportError as e:
        raise Problem("lab.missing_library", at=str(source), got=e.name or "gguf") from e
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet(), _read_once(), redirect_stderr(io.StringIO()):  # its bar for this step cannot be switched off
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            source.parent, gguf_file=source.name, dtype=torch.float32, local_files_only=True
        )
        # transformers refuses to save what it read from a GGUF file until its quantiser is forgotten
        model.hf_quantizer, model.is_quantized, model.quantization_method = None, False, None
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(folder, max_shard_size="1TB")
        tokenizer.save_pretrained(folder)


@contextmanager
def _read_once() -> Iterator[None]:
    """transformers parses the file anew for settings, tokenizer and weights, and builds the same map of names once a
    tensor: three quarters of its time. Both depend on nothing but their arguments, so they are kept while it works."""
    import gguf

    kept = {name: getattr(gguf, name) for name in ("GGUFReader", "get_tensor_name_map")}
    for name, make in kept.items():
        setattr(gguf, name, lru_cache(make))
    try:
        yield
    finally:
        for name, make in kept.items():
            setattr(gguf, name, make)
