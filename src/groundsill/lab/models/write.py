"""Writing: what a net answers to a question, token by token, always the most probable one. Needs torch."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from groundsill.lab.models import device as machine
from groundsill.lab.models import tokens
from groundsill.lab.models.net import Translator, Writer, to_device
from groundsill.terms.event import Emit, Event, silent


@dataclass(frozen=True)
class Written:
    """answers: token numbers of each row, without the end; read_tokens: of the questions; steps: tokens that were written
    over all rows, the ends included; seconds of it all."""

    answers: tokens.Ids
    read_tokens: int
    steps: int
    seconds: float


def write(
    net: Writer | Translator,
    asked: tokens.Ids,
    *,
    pad: int,
    ends: frozenset[int],
    most: int,
    kind: machine.Precision,
    budget: int,
    begin: int = 0,
    emit: Emit = silent,
) -> Written:
    """Answer each question `asked` with at most `most` tokens, up to one of `ends`.

    Rows of like length go through together, as many as fit into `budget` tokens with their answers. begin: the first
    token that the decoder of a `Translator` is shown. Emits `lab.scoring`.
    """
    started = told = time.perf_counter()
    lengths = np.array([len(row) for row in asked])
    answers: list[list[int]] = [[] for _ in asked]
    done = 0
    net.eval()
    one: Callable[..., tokens.Ids] = _translated if isinstance(net, Translator) else _continued
    with torch.inference_mode(), machine.autocast(kind):
        for rows in tokens.batches(lengths + most, budget):
            found = one(net, [asked[i] for i in rows], pad, ends, most, begin)
            for i, answer in zip(rows, found, strict=True):
                answers[i] = answer
            done += len(rows)
            now = time.perf_counter()
            if now - told >= 1:
                told, left = now, (now - started) * (len(asked) / done - 1)
                emit(Event("lab.scoring", {"done": done, "total": len(asked), "remaining_seconds": left}))
    steps = sum(min(most, len(answer) + 1) for answer in answers)
    return Written(answers, int(lengths.sum()), steps, time.perf_counter() - started)


def _continued(net: Writer, asked: tokens.Ids, pad: int, ends: frozenset[int], most: int, begin: int) -> tokens.Ids:
    """Behind each question, with the states of what was read kept. Methods that put virtual tokens before the text (peft
    wraps the body for them) keep no states: each token reads all before it again."""
    if hasattr(net.body, "prompt_encoder"):
        return _reread(lambda rows: _last(net, rows, pad), asked, ends, most)
    numbers, mask = to_device(*tokens.padded(asked, pad))
    lengths = mask.sum(1)
    out: Any = net.body(
        input_ids=numbers, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0), use_cache=True
    )
    every = torch.arange(len(asked), device=numbers.device)
    chosen = net.output(out.last_hidden_state[every, lengths - 1]).argmax(-1)
    answers: tokens.Ids = [[] for _ in asked]
    open_rows = _note(answers, chosen, ends, set(range(len(asked))))
    for step in range(1, most):
        if not open_rows:
            break
        mask = torch.cat((mask, torch.ones_like(mask[:, :1])), dim=1)
        out = net.body(
            input_ids=chosen.unsqueeze(1),
            attention_mask=mask,
            position_ids=(lengths + step - 1).unsqueeze(1),
            past_key_values=out.past_key_values,
            use_cache=True,
        )
        chosen = net.output(out.last_hidden_state[:, -1]).argmax(-1)
        open_rows = _note(answers, chosen, ends, open_rows)
    return answers


def _last(net: Writer, rows: tokens.Ids, pad: int) -> torch.Tensor:
    """Scores of the token after each row, `(rows, vocabulary)`."""
    numbers, mask = to_device(*tokens.padded(rows, pad))
    chosen = torch.zeros_like(mask, dtype=torch.bool)
    chosen[torch.arange(len(rows)), mask.sum(1) - 1] = True
    return net(numbers, mask, chosen=chosen)


def _translated(
    net: Translator, asked: tokens.Ids, pad: int, ends: frozenset[int], most: int, begin: int
) -> tokens.Ids:
    numbers, mask = to_device(*tokens.padded(asked, pad))
    seen = net.body.get_encoder()(input_ids=numbers, attention_mask=mask)

    def last(rows: tokens.Ids) -> torch.Tensor:
        written = torch.tensor(rows, device=numbers.device)
        told = net.body(encoder_outputs=seen, attention_mask=mask, decoder_input_ids=written, use_cache=False)
        return told.logits[:, -1]

    return _reread(last, [[begin] for _ in asked], ends, most)


def _reread(
    last: Callable[[tokens.Ids], torch.Tensor], rows: tokens.Ids, ends: frozenset[int], most: int
) -> tokens.Ids:
    """Without kept states: every token is found by reading all that stands before it."""
    shown = [list(row) for row in rows]
    answers: tokens.Ids = [[] for _ in rows]
    open_rows = set(range(len(rows)))
    for _ in range(most):
        if not open_rows:
            break
        chosen = last(shown).argmax(-1)
        open_rows = _note(answers, chosen, ends, open_rows)
        for row, token in zip(shown, chosen.tolist(), strict=True):
            row.append(token)
    return answers


def _note(answers: tokens.Ids, chosen: torch.Tensor, ends: frozenset[int], open_rows: set[int]) -> set[int]:
    """Add the chosen tokens to the answers that are not at their end; which are still open."""
    left = set()
    for i, token in enumerate(chosen.tolist()):
        if i in open_rows and token not in ends:
            answers[i].append(token)
            left.add(i)
    return left
