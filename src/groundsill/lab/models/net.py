"""Nets: a base model and what turns its last states into an answer. Needs torch.

`body` is the base model without an output layer of its own. Nets that sort have a new `head`, linear with bias, in fp32;
nets that write keep the model's own matrix over the vocabulary as `output`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from groundsill.lab.models.device import device, quiet
from groundsill.lab.models.words import PAIR_PARTS
from groundsill.terms.problem import Problem

PLAIN_ERROR = 1e-3  # largest difference of scores over their size: rounding of another order of sums


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


class PairClassifier(Classifier):
    """Both texts through the same body, one after the other; the head reads both features, their distance and their product
    `(u, v, |u - v|, u v)` (Conneau et al. 2017, arXiv 1705.02364, section 3.1)."""

    def __init__(self, body: nn.Module, width: int, classes: int) -> None:
        super().__init__(body, PAIR_PARTS * width, classes)

    def forward(  # type: ignore[override]
        self, numbers: torch.Tensor, mask: torch.Tensor, seconds: torch.Tensor, seconds_mask: torch.Tensor
    ) -> torch.Tensor:
        """Token numbers and masks `(rows, tokens)` of the first and of the second texts -> `(rows, classes)`."""
        features = paired(self.features(numbers, mask), self.features(seconds, seconds_mask))
        with torch.autocast(features.device.type, enabled=False):
            scores: torch.Tensor = self.head(features)
        return scores


def paired(u: Any, v: Any) -> Any:
    """What the head of a pair reads, `(rows, 4 x width)`, of features `(rows, width)`: torch tensors."""
    return torch.cat((u, v, (u - v).abs(), u * v), dim=-1)


class Tagger(Classifier):
    """A class for each token: the head reads the token's own last state, scaled to length 1."""

    def states(self, numbers: torch.Tensor, mask: torch.Tensor, **more: torch.Tensor) -> torch.Tensor:
        """`(rows, tokens)` twice -> `(rows, tokens, width)`, each of length 1, fp32."""
        states = self.body(input_ids=numbers, attention_mask=mask, **more).last_hidden_state
        return nn.functional.normalize(states[:, -numbers.shape[1] :].float(), dim=-1)

    def forward(self, numbers: torch.Tensor, mask: torch.Tensor, **more: torch.Tensor) -> torch.Tensor:
        """`(rows, tokens)` twice -> `(rows, tokens, classes)`. more: `position_ids` where several texts share a row."""
        states = self.states(numbers, mask, **more)
        with torch.autocast(states.device.type, enabled=False):
            scores: torch.Tensor = self.head(states)
        return scores


class Writer(nn.Module):
    """A causal language model. output: its own matrix over the vocabulary, which may be that of its embeddings."""

    def __init__(self, body: nn.Module, output: nn.Module) -> None:
        super().__init__()
        self.body, self.output = body, output

    def forward(
        self, numbers: torch.Tensor, mask: torch.Tensor, chosen: torch.Tensor | None = None, **more: torch.Tensor
    ) -> torch.Tensor:
        """`(rows, tokens)` twice -> scores of the next token `(rows, tokens, vocabulary)`; with chosen `(rows, tokens)`, bool,
        at those places alone, `(places, vocabulary)`: the matrix is most of the work at the others."""
        states = self.body(input_ids=numbers, attention_mask=mask, **more).last_hidden_state
        states = states[:, -numbers.shape[1] :]  # virtual tokens of prompt tuning stand before the text
        scores: torch.Tensor = self.output(states if chosen is None else states[chosen])
        return scores


class Translator(nn.Module):
    """An encoder that reads and a decoder that writes. body: the whole model of transformers, its output matrix in it."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body

    @property
    def output(self) -> Any:
        """The matrix over the vocabulary."""
        return self.body.get_output_embeddings()

    def forward(
        self, numbers: torch.Tensor, mask: torch.Tensor, written: torch.Tensor, chosen: torch.Tensor | None = None
    ) -> torch.Tensor:
        """numbers, mask: `(rows, tokens)` of what is read; written: what the decoder is shown `(rows, places)` -> scores of
        the next token `(rows, places, vocabulary)`, or with chosen `(rows, places)` those alone."""
        told = self.body(input_ids=numbers, attention_mask=mask, decoder_input_ids=written, use_cache=False)
        scores: torch.Tensor = told.logits
        return scores if chosen is None else scores[chosen]


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


def build_pairs(folder: Path, width: int, classes: int) -> PairClassifier:
    """A classifier of pairs on a fresh copy of the base model, head at zero."""
    return PairClassifier(load_body(folder), width, classes).to(device())


def build_tagger(folder: Path, width: int, classes: int) -> Tagger:
    """A tagger on a fresh copy of the base model, head at zero."""
    return Tagger(load_body(folder), width, classes).to(device())


def build_writer(folder: Path) -> Writer:
    """The causal model of a checked folder, fp32, in two parts. Safetensors only, no code of the model.

    Raises Problem `lab.cannot_write` for a model without a causal head, or one that does more to its scores than multiply
    by the output matrix (scales or caps them): it would be trained and answer as another model.
    """
    from transformers import AutoModelForCausalLM

    with quiet():
        try:
            model = AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False, use_safetensors=True
            )
        except ValueError as e:  # an encoder, say
            raise Problem("lab.cannot_write", at=str(folder), got=str(e).splitlines()[0][:160]) from e
    model = model.to(device()).eval()
    model.config.use_cache = False
    net = Writer(model.base_model, model.get_output_embeddings()).eval()
    numbers = torch.arange(1, 5, device=device()).unsqueeze(0)
    with torch.inference_mode():
        theirs, ours = model(input_ids=numbers).logits, net(numbers, torch.ones_like(numbers))
    if float((theirs - ours).abs().max()) > PLAIN_ERROR * float(theirs.abs().max()):
        raise Problem("lab.cannot_write", at=str(folder), got=type(model).__name__)
    return net
