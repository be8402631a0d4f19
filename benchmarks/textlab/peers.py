"""The peers of the training loop: a plain torch loop as good as we can write it, and the Trainer of transformers with its
own usual settings."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import torch
from benchmarks.textlab.cases import Case, seeded
from torch import nn

from groundsill.lab.objectives.language_modelling import LanguageModelling
from groundsill.lab.training.optimise import set_dropout
from groundsill.lab.training.order import Order
from groundsill.lab.training.settings import Settings


def order_of(case: Case, settings: Settings, epochs: int) -> Order:
    """The batches that our loop makes."""
    recipe = case.recipe
    return Order(case.train.lengths, epochs, 0, recipe.batch_rows, settings.batch_tokens, settings.packed)


def plain(case: Case, settings: Settings, kind: str, epochs: int) -> tuple[float, Any]:
    """Train over the same batches in the same order with the same settings; seconds, and the net.

    Tensors are made beforehand, padding is to the longest row, nothing is read back, checked or counted.
    """
    net = seeded(case.make)()
    set_dropout(net, settings.dropout)
    net.train()
    ids = [torch.tensor(row) for row in case.train.ids]
    writes = isinstance(case.train, LanguageModelling)
    labels = None if writes else torch.from_numpy(case.train.labels).long()
    head = [] if writes else list(net.head.parameters())
    own = {id(p) for p in head}
    body = [p for p in net.parameters() if id(p) not in own]
    groups = [
        {"params": [p for p in body if p.ndim > 1], "lr": case.recipe.rate, "weight_decay": case.recipe.decay},
        {"params": [p for p in body if p.ndim == 1], "lr": case.recipe.rate, "weight_decay": 0.0},
    ]
    groups += [{"params": head, "lr": case.recipe.head_rate, "weight_decay": 0.0}] if head else []
    begin = time.perf_counter()
    optimiser = torch.optim.AdamW(groups, fused=True)
    batches = [rows for step in order_of(case, settings, epochs).batches() for rows in step]
    warm, steps = max(1, round(settings.warm_up * len(batches))), len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda i: (i + 1) / warm if i < warm else max(0.0, (steps - i) / max(1, steps - warm))
    )
    weights = list(net.parameters())
    for rows in batches:
        numbers = nn.utils.rnn.pad_sequence([ids[i] for i in rows], batch_first=True, padding_value=case.pad)
        mask = torch.arange(numbers.shape[1]) < torch.tensor([len(ids[i]) for i in rows]).unsqueeze(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
            if labels is None:
                chosen = mask[:, 1:]
                scores = net(numbers[:, :-1], mask[:, :-1].long(), chosen=chosen)
                loss = nn.functional.cross_entropy(scores.float(), numbers[:, 1:][chosen])
            else:
                loss = nn.functional.cross_entropy(net(numbers, mask.long()).float(), labels[rows])
        loss.backward()
        nn.utils.clip_grad_norm_(weights, settings.clip)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad(set_to_none=True)
    return time.perf_counter() - begin, net


class Theirs(nn.Module):
    """A model of transformers called as our nets are."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, numbers: torch.Tensor, mask: torch.Tensor, chosen: torch.Tensor | None = None) -> torch.Tensor:
        """Scores, `(rows, classes)`, or of the chosen places `(places, vocabulary)`."""
        scores: torch.Tensor = self.model(input_ids=numbers, attention_mask=mask).logits
        return scores if chosen is None else scores[chosen]


def trainer(case: Case, epochs: int) -> tuple[float, Any]:
    """The Trainer with its usual settings (8 rows a batch in random order, fp32, rate 5e-5); only logs and saving are off."""
    from transformers import PrinterCallback, Trainer, TrainingArguments

    model = case.theirs()
    writes = isinstance(case.train, LanguageModelling)
    rows = [{"input_ids": row} for row in case.train.ids]
    if not writes:
        rows = [{**row, "labels": int(label)} for row, label in zip(rows, case.train.labels, strict=True)]

    def collate(given: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        ids = [torch.tensor(row["input_ids"]) for row in given]
        numbers = nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=case.pad)
        mask = torch.arange(numbers.shape[1]) < torch.tensor([len(row) for row in ids]).unsqueeze(1)
        truth = torch.where(mask, numbers, -100) if writes else torch.tensor([row["labels"] for row in given])
        return {"input_ids": numbers, "attention_mask": mask.long(), "labels": truth}

    with tempfile.TemporaryDirectory() as folder:
        own = TrainingArguments(
            output_dir=folder, num_train_epochs=epochs, save_strategy="no", logging_strategy="no", report_to="none",
            disable_tqdm=True, seed=0,
        )  # fmt: skip
        job = Trainer(model=model, args=own, train_dataset=rows, data_collator=collate)
        job.remove_callback(PrinterCallback)
        begin = time.perf_counter()
        job.train()
        return time.perf_counter() - begin, Theirs(model)
