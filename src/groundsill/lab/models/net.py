"""The net of a text classifier: a base model, the mean of its last states, and a linear head. Needs torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from groundsill.lab.models.device import device, quiet


class Classifier(nn.Module):
    """body: base model without output layer; head: linear with bias, in fp32.

    Features are the mean over real tokens of the last hidden states, scaled to length 1 (Reimers & Gurevych 2019,
    arXiv 1908.10084, found the mean better than the first token).
    """

    def __init__(self, body: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.utils.skip_init(nn.Linear, width, classes)  # its usual start draws from the global generator
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def features(self, numbers: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """`(rows, tokens)` twice -> `(rows, width)` of length 1, fp32."""
        states = self.body(input_ids=numbers, attention_mask=mask).last_hidden_state
        hidden = states[:, -numbers.shape[1] :].float()  # virtual tokens of prompt tuning stand before the text
        weight = mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * weight).sum(1) / weight.sum(1).clamp(min=1)
        return nn.functional.normalize(mean, dim=-1)

    def forward(self, numbers: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """`(rows, tokens)` twice -> `(rows, classes)` scores before softmax."""
        features = self.features(numbers, mask)
        with torch.autocast(features.device.type, enabled=False):
            scores: torch.Tensor = self.head(features)
        return scores


def load_body(folder: Path) -> Any:
    """The base model of a checked folder, fp32, on the chosen device. Safetensors only, no code of the model."""
    from transformers import AutoConfig, AutoModel

    with quiet():
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        more: dict[str, Any] = {"use_cache": False} if hasattr(config, "use_cache") else {}
        if config.model_type in ("bert", "roberta", "xlm-roberta", "camembert"):
            more = {"add_pooling_layer": False}
        body = AutoModel.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            **more,
        )
    return body.to(device()).eval()


def to_device(numbers: Any, mask: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Padded arrays as tensors where the model is."""
    where = device()
    return torch.from_numpy(numbers).to(where), torch.from_numpy(mask).to(where)


def build(folder: Path, width: int, classes: int) -> Classifier:
    """A classifier on a fresh copy of the base model, head at zero."""
    return Classifier(load_body(folder), width, classes).to(device())
