"""Packing: several texts in one row give the loss and the gradients that they give one by one; else it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.training.settings import Settings
from groundsill.terms.problem import Problem

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


class Speaks(torch.nn.Module):  # type: ignore[misc]
    """A decoder with its output matrix; `sees` False: it looks at no mask."""

    def __init__(self, folder: Path | None, sees: bool = True) -> None:
        super().__init__()
        import transformers

        if folder is not None:
            model = transformers.AutoModelForCausalLM.from_pretrained(folder)
        else:
            config = transformers.GPT2Config(vocab_size=60, n_embd=32, n_layer=2, n_head=2, n_positions=64, pad_token_id=0, bos_token_id=1, eos_token_id=1)  # fmt: skip
            with torch.random.fork_rng():
                torch.manual_seed(0)
                model = transformers.GPT2LMHeadModel(config)
        self.body, self.out, self.sees = model.base_model, model.get_output_embeddings(), sees

    def forward(self, numbers: Any, mask: Any, *, chosen: Any, **extra: Any) -> Any:
        seen = mask if self.sees else None
        more = extra if self.sees else {}
        states = self.body(input_ids=numbers, attention_mask=seen, use_cache=False, **more).last_hidden_state
        return self.out(states[chosen])


def objective(rows: int = 9) -> Any:
    from groundsill.lab.objectives.language_modelling import LanguageModelling

    rng = np.random.default_rng(0)
    ids = [rng.integers(2, 40, rng.integers(3, 20)).tolist() for _ in range(rows)]
    return LanguageModelling(ids, [0] * rows, 0)


@given(lengths=st.lists(st.integers(1, 32), min_size=1, max_size=40))
def test_bins_hold_every_row_once_and_overflow_never(lengths: list[int]) -> None:
    from groundsill.lab.training.packing import bins

    held = bins(np.array(lengths), 32)
    assert sorted(i for rows in held for i in rows) == list(range(len(lengths)))
    sums = [sum(lengths[i] for i in rows) for rows in held]
    assert max(sums) <= 32
    assert len(held) <= 2 * -(-sum(lengths) // 32)  # first fit never leaves two bins half empty


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_packed_rows_have_the_gradients_of_padded_ones(kind: str, tiny_llama: Path) -> None:
    from groundsill.lab.training.packing import pack, proof

    net, made = Speaks(tiny_llama if kind == "llama" else None), objective()
    net.eval()
    proof(net, made)
    padded = made.batch(np.arange(9))
    packed = pack(padded, causal=True)
    assert packed.numbers.numel() < padded.numbers.numel() and packed.units == padded.units
    grads = []
    for batch in (padded, packed):
        net.zero_grad()
        made.loss(net, batch).backward()
        grads.append(torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    assert torch.allclose(*grads, atol=1e-4)


def test_packed_training_reaches_the_loss_of_padded_training() -> None:
    from tests.lab.training_toys import train

    last = {}
    for packed in (False, True):
        net = Speaks(None)
        own = Settings(batch_tokens=96, packed=packed, dropout=0.0)
        seen = train(net, own, objective(), rate=1e-2, epochs=12)
        last[packed] = seen.loss_last
        assert seen.loss_last < 0.75 * seen.loss_first and seen.rows == 12 * 9
    assert last[True] == pytest.approx(last[False], rel=0.25)


def test_what_cannot_be_packed_is_refused_by_name(tiny_bert: Path) -> None:
    from tests.lab.training_toys import Net, rows, train

    own = Settings(batch_tokens=96, packed=True)
    with pytest.raises(Problem, match=r"lab\.cannot_pack") as caught:
        train(Net(), own, rows())
    assert caught.value.got == "Classification"
    with pytest.raises(Problem, match=r"lab\.cannot_pack") as caught:
        train(Speaks(None, sees=False), own, objective())
    assert str(caught.value.got).startswith("GPT2Model")
