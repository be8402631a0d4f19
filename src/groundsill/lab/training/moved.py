"""Whether the weights that should train did, and no others: an addition that was attached but never trained would
otherwise pass for a bad method (opacus issue 820 tells of 45 hours lost so)."""

from __future__ import annotations

import torch
from torch import nn

from groundsill.terms.event import Emit, Event
from groundsill.terms.problem import Exit, Problem

HEAD = "head."
_WIDTHS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def bits(weight: torch.Tensor) -> int:
    """The sum of a tensor's bits read as whole numbers: exact, and another one when any of them changes (nearly surely)."""
    held = weight.detach().contiguous()
    return int(held.view(_WIDTHS[held.element_size()]).sum(dtype=torch.int64)) if held.numel() else 0


class Moved:
    """Remembers the weights' bits at the start of a training. start: of all of them."""

    def __init__(self, net: nn.Module) -> None:
        self._bits = {name: bits(weight) for name, weight in net.named_parameters()}
        self.start = sum(self._bits.values())

    def _different(self, net: nn.Module) -> set[str]:
        return {name for name, weight in net.named_parameters() if bits(weight) != self._bits[name]}

    def after_first(self, net: nn.Module, emit: Emit) -> None:
        """After the first step, before its gradients are dropped: no frozen weight may have moved, and of the weights that
        got a gradient some must have. Tells of weights that should train and got none.

        Raises Problem `lab.frozen_weights_moved`, `lab.weights_stand_still`.
        """
        different = self._different(net)
        trains = {name: weight for name, weight in net.named_parameters() if weight.requires_grad}
        frozen = sorted(different - set(trains))
        if frozen:
            raise Problem("lab.frozen_weights_moved", got=frozen[0], limit=len(frozen), exit=Exit.INTERNAL)
        with_gradient = {name for name, weight in trains.items() if weight.grad is not None and weight.grad.any()}
        if with_gradient and not with_gradient & different:
            raise Problem("lab.weights_stand_still", got=1, exit=Exit.INTERNAL)
        unreached = sorted(name for name, weight in trains.items() if weight.grad is None)
        if unreached:
            emit(Event("lab.weights_unreached", {"name": unreached[0], "number": len(unreached)}))

    def at_end(self, net: nn.Module, head_alone: bool) -> bool:
        """Whether a weight of the body moved; or any, where the head alone is meant to."""
        return any(head_alone or not name.startswith(HEAD) for name in self._different(net))
