"""Averages: of the weights over steps, of the answers over seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from groundsill.lab.training.settings import Settings
from groundsill.terms.problem import Problem

TAIL = 0.75  # share of the steps before the equal mean begins (Izmailov et al. 2018, arXiv 1803.05407, section 3.2)


class Average:
    """A running mean of the weights that train; empty where the settings ask for none.

    `ema`: decay min(d, (1 + t) / (10 + t)) at step t, so that the start is soon forgotten (the rule of TensorFlow's
    ExponentialMovingAverage with `num_updates`); `swa`: the equal mean over the steps of the last quarter.
    """

    def __init__(self, net: nn.Module, settings: Settings) -> None:
        """Raises Problem `lab.no_average` for nets with batch statistics, which a mean of weights does not fit."""
        self.kind, self.decay, self.count = settings.average, settings.average_decay, 0
        self._net = net
        self.mean: dict[str, torch.Tensor] = {}
        if self.kind != "none" and any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in net.modules()):
            raise Problem("lab.no_average", got=type(getattr(net, "body", net)).__name__)

    @torch.no_grad()
    def step(self, step: int, steps: int) -> None:
        """Take in the weights after this step."""
        if self.kind == "none" or (self.kind == "swa" and step + 1 < TAIL * steps):
            return
        self.count += 1
        keep = 1 - 1 / self.count if self.kind == "swa" else min(self.decay, self.count / (9 + self.count))
        for name, weight in trained(self._net).items():
            if name not in self.mean:
                self.mean[name] = weight.detach().clone()
            else:
                self.mean[name].lerp_(weight, 1 - keep)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """The net with the mean as its weights while inside."""
        if not self.mean:
            yield
            return
        now = {name: weight.detach().clone() for name, weight in trained(self._net).items()}
        put(self._net, self.mean)
        try:
            yield
        finally:
            put(self._net, now)


def trained(net: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that train, by name."""
    return {name: weight for name, weight in net.named_parameters() if weight.requires_grad}


@torch.no_grad()
def put(net: nn.Module, weights: Mapping[str, torch.Tensor]) -> None:
    """Copy these weights into the net. Raises KeyError for a name that does not train."""
    own = trained(net)
    for name, weight in weights.items():
        own[name].copy_(weight)


def ensemble(scores: Sequence[npt.NDArray[np.floating[Any]]]) -> npt.NDArray[np.float64]:
    """Scores of several seeds `(rows, classes)` each, before the softmax -> the log of their mean probability
    (Lakshminarayanan et al. 2017, arXiv 1612.01474, section 2.4). One member gives its own log-probabilities."""
    logs = [np.asarray(s, dtype=np.float64) for s in scores]
    logs = [s - np.logaddexp.reduce(s, axis=-1, keepdims=True) for s in logs]
    out: npt.NDArray[np.float64] = np.logaddexp.reduce(np.stack(logs), axis=0) - np.log(len(logs))
    return out
