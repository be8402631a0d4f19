"""Adversarial training: each batch a second time, with its embedded texts pushed where the loss grows fastest
(Miyato et al. 2017, arXiv 1605.07725, equation 4; known as FGM)."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch
from torch import nn

from groundsill.terms.problem import Problem


class Push:
    """A context that listens at the net's embedding. `size`: the push of a row over the norm of its embedded text.

    The paper scales embeddings to unit variance and pushes by a fixed norm; a push over the row's own norm does not need
    that. Embeddings that do not train are pushed all the same.
    """

    def __init__(self, net: nn.Module, size: float) -> None:
        """Raises Problem `lab.no_embedding`."""
        body: Any = getattr(net, "body", net)
        try:
            self._embedding: nn.Module = body.get_input_embeddings()
        except (AttributeError, RuntimeError) as e:  # transformers raises a kind of RuntimeError where there is none
            raise Problem("lab.no_embedding", got=type(body).__name__) from e
        self._size = size
        self._heard: torch.Tensor | None = None
        self._push: torch.Tensor | None = None

    def __enter__(self) -> Push:
        self._hook = self._embedding.register_forward_hook(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hook.remove()

    def _listen(self, module: nn.Module, given: Any, out: torch.Tensor) -> torch.Tensor:
        if self._push is not None:
            return out + self._push
        if not torch.is_grad_enabled():
            return out
        if not out.requires_grad:
            out.requires_grad_()
        out.retain_grad()
        self._heard = out
        return out

    def aim(self) -> None:
        """After the backward pass of the plain batch: fix the push of the next forward pass."""
        heard = self._heard
        if heard is None or heard.grad is None:
            raise Problem("lab.no_embedding", got=type(self._embedding).__name__)
        grad, text = heard.grad.float(), heard.detach().float()
        norms = (torch.linalg.vector_norm(v, dim=(1, 2), keepdim=True) for v in (grad, text))
        steepest, own = norms
        self._push = (self._size * own * grad / steepest.clamp(min=1e-12)).to(heard.dtype)
        self._heard = None

    def rest(self) -> None:
        """Listen again without pushing."""
        self._push = None
