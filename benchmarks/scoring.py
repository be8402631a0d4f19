"""The plain way to score answers, as a peer for `groundsill.lab.prompting.likelihood.judge`: the whole text once a label."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def naive(
    model: Any, shared: list[int], rows: list[list[int]], answers: list[list[int]], *, pad: int, batch_rows: int = 8
) -> npt.NDArray[np.float64]:
    """Total log-likelihood `(rows, answers)`: for each answer, shared beginning + row + answer in padded batches of rows of
    like length, nothing kept between them. No autocast: the caller decides."""
    import torch

    order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
    out = np.zeros((len(rows), len(answers)))
    with torch.inference_mode():
        for column, answer in enumerate(answers):
            for start in range(0, len(order), batch_rows):
                chosen = order[start : start + batch_rows]
                texts = [[*shared, *rows[i], *answer] for i in chosen]
                width = max(map(len, texts))
                ids = torch.full((len(texts), width), pad)
                mask = torch.zeros_like(ids)
                for place, text in enumerate(texts):
                    ids[place, : len(text)] = torch.tensor(text)
                    mask[place, : len(text)] = 1
                hidden = model.base_model(input_ids=ids.to(model.device), attention_mask=mask.to(model.device))
                for place, text in enumerate(texts):
                    at = hidden.last_hidden_state[place, len(text) - len(answer) - 1 : len(text) - 1]
                    logits = torch.log_softmax(model.get_output_embeddings()(at).float(), dim=-1)
                    out[chosen[place], column] = float(logits[range(len(answer)), answer].sum())
    return out
