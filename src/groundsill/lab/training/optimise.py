"""The optimiser's side of a step: which weight learns how fast, how the rate goes, penalties."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from groundsill.lab.training.recipe import Recipe
from groundsill.lab.training.settings import Settings
from groundsill.tuning import block_of

HEAD = "head."


def rate_at(step: int, steps: int, settings: Settings) -> float:
    """Share of the highest learning rate at a step: up over the first part, then down to zero (linear, cosine) or level."""
    warm = max(1, round(settings.warm_up * steps)) if settings.warm_up else 0
    if step < warm:
        return (step + 1) / warm
    if settings.schedule == "constant":
        return 1.0
    if settings.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))
    return max(0.0, (steps - step) / max(1, steps - warm))


def optimiser(net: nn.Module, recipe: Recipe, settings: Settings) -> torch.optim.Optimizer:
    """AdamW or SGD over the weights that train. The head has its own rate and no decay; a block's rate falls by
    `layer_decay` with each block below the top, embeddings are below all; vectors (biases, norms) never decay."""
    named = [(name, weight) for name, weight in net.named_parameters() if not name.startswith(HEAD)]
    places = {name: block_of(name) for name, _ in named}
    top = max((place for place in places.values() if place is not None), default=0)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, weight in named:
        if weight.requires_grad:
            place = places[name]
            above = top - place if place is not None else top + 1 if "embed" in name else 0
            key = recipe.rate * recipe.layer_decay**above, recipe.decay if weight.ndim > 1 else 0.0
            groups.setdefault(key, []).append(weight)
    head = [weight for name, weight in net.named_parameters() if name.startswith(HEAD) and weight.requires_grad]
    if head:
        groups.setdefault((recipe.head_rate, 0.0), []).extend(head)
    made = [{"params": part, "highest": rate, "weight_decay": decay} for (rate, decay), part in groups.items()]
    if settings.optimiser == "sgd":
        return torch.optim.SGD(made, lr=recipe.rate, momentum=settings.momentum)
    return torch.optim.AdamW(made, lr=recipe.rate, fused=True)


def penalise(weights: list[nn.Parameter], settings: Settings) -> None:
    """Add the gradient of l1 |w| + l2 w^2 / 2 of all trained matrices to what is there."""
    for weight in weights:
        if weight.ndim > 1 and weight.grad is not None:
            if settings.l1:
                weight.grad.add_(weight.detach().sign(), alpha=settings.l1)
            if settings.l2:
                weight.grad.add_(weight.detach(), alpha=settings.l2)


def set_dropout(net: nn.Module, share: float) -> None:
    """Give every dropout of the net this share; below 0 all is left as the model's own configuration says."""
    if share < 0:
        return
    for part in net.modules():
        if isinstance(part, nn.Dropout):
            part.p = share
        loose: Any = getattr(part, "attention_dropout", None)  # where a model keeps the number alone
        if isinstance(loose, float):
            part.attention_dropout = share  # type: ignore[assignment]


def recompute(net: nn.Module) -> None:
    """Let the blocks be computed again in the backward pass. Raises nothing: a body that cannot is left as it is."""
    body: Any = getattr(net, "body", net)
    switch = getattr(body, "activation_checkpointing_enable", None) or body.gradient_checkpointing_enable
    switch({"use_reentrant": False})
