"""The training loop: the weights it gives are those of a plain loop, whatever is asked of it is what happens."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill.lab.data import Prepared
from groundsill.lab.training.order import Order
from groundsill.lab.training.settings import Settings, split
from groundsill.terms.event import Event
from groundsill.terms.problem import Exit, Problem
from groundsill.terms.shelf import shelf

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def toys() -> Any:
    from tests.lab import training_toys

    return training_toys


def plain_loop(net: Any, ids: list[list[int]], labels: Any, epochs: int, seed: int, kind: str) -> None:
    """The loop as it was in version 0.3.0, written out: 16 rows, AdamW, linear warm-up, norm cut at 1."""
    from groundsill.lab.models import tokens

    lengths, rng, rows = np.array([len(row) for row in ids]), np.random.default_rng([seed, 7]), 16
    body = [p for p in net.body.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in body if p.ndim > 1], "highest": 1e-3, "weight_decay": 0.01},
        {"params": [p for p in body if p.ndim == 1], "highest": 1e-3, "weight_decay": 0.0},
        {"params": list(net.head.parameters()), "highest": 1e-2, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW([g for g in groups if g["params"]], lr=1e-3, fused=True)
    steps = epochs * -(-len(ids) // rows)
    warm = max(1, round(0.1 * steps))
    torch.manual_seed(seed)
    net.train()
    step = 0
    for _ in range(epochs):
        shuffled = rng.permutation(len(ids))
        batches = []
        for start in range(0, len(shuffled), rows * 8):
            group = shuffled[start : start + rows * 8]
            group = group[np.argsort(lengths[group], kind="stable")]
            batches += [group[i : i + rows] for i in range(0, len(group), rows)]
        for chosen in [batches[i] for i in rng.permutation(len(batches))]:
            share = (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))
            for g in optimiser.param_groups:
                g["lr"] = g["highest"] * share
            numbers, mask = (torch.from_numpy(x) for x in tokens.padded([ids[i] for i in chosen], 0))
            with torch.autocast("cpu", torch.bfloat16, enabled=kind == "bf16"):
                scores = net(numbers, mask)
            truth = torch.from_numpy(labels[chosen].astype(np.int64))
            torch.nn.functional.cross_entropy(scores.float(), truth).backward()
            torch.nn.utils.clip_grad_norm_([p for p in net.parameters() if p.requires_grad], 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step += 1
    net.eval()


@pytest.mark.parametrize(("method", "kind"), [("full", "fp32"), ("full", "bf16"), ("lora", "fp32")])
def test_the_weights_are_those_of_the_plain_loop_bit_for_bit(
    method: str, kind: str, planted: Prepared, tiny_bert: Path
) -> None:
    from groundsill import tuning
    from groundsill.lab.models import tokens
    from groundsill.lab.models.net import build
    from groundsill.lab.objectives.classification import Classification
    from groundsill.lab.training import loop
    from groundsill.lab.training.recipe import recipe_of
    from groundsill.terms.candidate import Candidate

    ids = tokens.coder(tiny_bert).ids(planted.pool.texts[:40], 32)
    labels = planted.pool.labels[:40]
    lines = (("epochs", 3.0), ("rate", 1e-3))

    def net() -> Any:
        made = build(tiny_bert, 32, 3)
        with torch.random.fork_rng():
            torch.manual_seed(4)
            return shelf(tuning)[method].attach(made)

    ours, theirs = net(), net()
    start = toys().flat(ours)
    recipe = recipe_of(Candidate("tune", method, "tiny", lines), 40)
    loop.train(ours, Classification(ids, labels, 3, 0), recipe, kind=kind, seed=4)  # type: ignore[arg-type]
    with torch.random.fork_rng():
        plain_loop(theirs, ids, labels, 3, 4, kind)
    assert torch.equal(toys().flat(ours), toys().flat(theirs))
    assert not torch.equal(toys().flat(ours), start)


# ---- the order of the rows


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=70),
    budget=st.sampled_from([0, 16, 64, 200]),
    packed=st.booleans(),
    accumulate=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_every_row_comes_once_an_epoch_and_batches_keep_to_their_size(
    lengths: list[int], budget: int, packed: bool, accumulate: int, seed: int
) -> None:
    held = np.array(lengths)
    order = Order(held, 2, seed, 5, budget, packed and budget > 0, accumulate)
    steps = list(order.batches())
    assert len(steps) == order.steps == sum(order.per_epoch)
    for epoch in (steps[: order.per_epoch[0]], steps[order.per_epoch[0] :]):
        assert sorted(np.concatenate([rows for step in epoch for rows in step]).tolist()) == list(range(len(lengths)))
    for step in steps:
        assert 1 <= len(step) <= accumulate
        for rows in step:
            widths = held[rows] if order.packed else np.full(len(rows), -(-held[rows].max() // 8) * 8)
            assert len(rows) <= 5 if not budget else len(rows) == 1 or widths.sum() <= budget
    for first in (1, order.per_epoch[0], order.steps - 1):
        again = list(order.batches(first))
        assert [[r.tolist() for r in s] for s in again] == [[r.tolist() for r in s] for s in steps[first:]]


def test_two_epochs_and_two_seeds_have_orders_of_their_own() -> None:
    lengths = np.arange(1, 41)

    def order(seed: int) -> list[list[int]]:
        return [rows.tolist() for step in Order(lengths, 2, seed, 5).batches() for rows in step]

    assert order(1) == order(1) != order(2) and order(1)[:8] != order(1)[8:]


# ---- settings


def test_accumulated_batches_weigh_every_row_alike() -> None:
    made = {}
    for rows, accumulate in ((48, 1), (7, 7)):
        net = toys().Net(dropout=0.0)
        seen = toys().train(net, Settings(accumulate=accumulate), epochs=4, batch_rows=rows)
        made[rows] = toys().flat(net), seen
    assert made[48][1].steps == made[7][1].steps == 4
    assert torch.allclose(made[48][0], made[7][0], atol=2e-6)
    assert made[48][1].loss_last == pytest.approx(made[7][1].loss_last, rel=1e-5)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_rates_rise_and_fall_as_told(schedule: str) -> None:
    from groundsill.lab.training.optimise import rate_at

    settings = Settings(schedule=schedule, warm_up=0.2)
    rates = [rate_at(i, 50, settings) for i in range(50)]
    assert rates[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    middle = {"linear": 0.5, "cosine": 0.5, "constant": 1.0}[schedule]
    assert rates[30] == pytest.approx(middle)
    assert rates[20] == pytest.approx(
        {"linear": 0.75, "cosine": 0.5 * (1 + math.cos(math.pi / 4)), "constant": 1.0}[schedule]
    )
    assert rates[49] == pytest.approx({"linear": 1 / 40, "cosine": 0.00154, "constant": 1.0}[schedule], rel=0.01)
    assert Settings(warm_up=0.0) and rate_at(0, 50, Settings(warm_up=0.0)) == 1.0


def test_sgd_with_penalties_takes_the_step_that_the_formula_says() -> None:
    toy = toys()
    net, own = toy.Net(dropout=0.0), Settings(optimiser="sgd", momentum=0.0, clip=0.0, l1=0.01, l2=0.1, warm_up=0.0)
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    objective = toy.rows()
    batch = objective.batch(np.arange(48))
    (objective.loss(net, batch) / 48).backward()
    wanted = {}
    for name, p in net.named_parameters():
        matrix = p.ndim > 1
        slope = p.grad + (0.01 * before[name].sign() + 0.1 * before[name] if matrix else 0.0)
        wanted[name] = before[name] - 0.1 * slope
    net.zero_grad()
    toy.train(net, own, objective, rate=0.1, head_rate=0.1, decay=0.0, epochs=1, batch_rows=48)
    for name, p in net.named_parameters():
        assert torch.allclose(p, wanted[name], atol=1e-6), name


def test_a_gradient_is_cut_to_the_norm_that_is_asked_for() -> None:
    def moved(clip: float) -> float:
        net = toys().Net(dropout=0.0)
        start = toys().flat(net)
        own = Settings(optimiser="sgd", momentum=0.0, clip=clip, warm_up=0.0)
        toys().train(net, own, rate=1.0, head_rate=1.0, decay=0.0, epochs=1, batch_rows=48)
        return float((toys().flat(net) - start).norm())

    free = moved(0.0)
    assert moved(free / 3) == pytest.approx(free / 3, rel=1e-4) and moved(10 * free) == pytest.approx(free, rel=1e-5)


def test_dropout_is_set_everywhere_or_left_alone(tiny_llama: Path) -> None:
    from transformers import AutoModelForCausalLM

    from groundsill.lab.training.optimise import set_dropout

    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    net = toys().Net(dropout=0.3)
    set_dropout(net, -1.0)
    assert net.body.dropout.p == 0.3
    set_dropout(net, 0.2)
    set_dropout(model, 0.2)
    assert net.body.dropout.p == 0.2
    assert {m.attention_dropout for m in model.modules() if hasattr(m, "attention_dropout")} == {0.2}


def test_recomputed_blocks_give_the_same_weights(planted: Prepared, tiny_bert: Path) -> None:
    from groundsill.lab.models import tokens
    from groundsill.lab.models.net import build
    from groundsill.lab.objectives.classification import Classification

    ids = tokens.coder(tiny_bert).ids(planted.pool.texts[:24], 32)
    made, calls = [], []
    for on in (False, True):
        net = build(tiny_bert, 32, 3)
        times = 0

        def count(*_: object) -> None:
            nonlocal times
            times += 1

        net.body.encoder.layer[0].attention.register_forward_hook(count)
        objective = Classification(ids, planted.pool.labels[:24], 3, 0)
        toys().train(net, Settings(recompute=on), objective, epochs=1, rate=1e-3)
        made.append(toys().flat(net))
        calls.append(times)
    assert torch.equal(*made)  # dropout is drawn again from the same state
    assert calls == [3, 6]


# ---- adversarial training


def test_the_push_has_the_size_asked_for_and_makes_the_loss_larger() -> None:
    from groundsill.lab.training.adversarial import Push

    net, objective = toys().Net(dropout=0.0), toys().rows()
    batch = objective.batch(np.arange(8))
    net.body.embeddings.weight.requires_grad_(False)  # frozen embeddings are pushed too
    with Push(net, 0.1) as push:
        plain = objective.loss(net, batch)
        plain.backward()
        alone = net.head.weight.grad.clone()
        push.aim()
        pushed = objective.loss(net, batch)
        pushed.backward()
        text = net.body.embeddings.weight[batch.numbers]
        sizes = push._push.norm(dim=(1, 2)) / text.norm(dim=(1, 2))
        push.rest()
        rested, plain, pushed = objective.loss(net, batch).detach(), plain.detach(), pushed.detach()
        assert float(rested) == pytest.approx(float(plain))
    assert torch.allclose(sizes, torch.full((8,), 0.1), rtol=1e-4)
    assert float(pushed) > float(plain) * 1.001
    assert not torch.allclose(net.head.weight.grad, 2 * alone)
    assert not net.body.embeddings._forward_hooks


def test_adversarial_training_goes_another_way_and_needs_an_embedding() -> None:
    plain, pushed, bare = toys().Net(), toys().Net(), toys().Net()
    toys().train(plain)
    toys().train(pushed, Settings(adversarial=0.05))
    assert not torch.equal(toys().flat(plain), toys().flat(pushed))
    bare.body = bare.body.layer  # a module without an embedding of its own
    with pytest.raises(Problem, match=r"lab\.no_embedding"):
        toys().train(bare, Settings(adversarial=0.05))


# ---- averages and early stopping


def test_averages_are_the_means_they_say_they_are() -> None:
    from groundsill.lab.training import averaging

    by_hand = 0.0
    for step in range(40):
        keep = min(0.9, (step + 1) / (10 + step)) if step else 0.0
        by_hand = keep * by_hand + (1 - keep) * step
    for kind, wanted in (("ema", by_hand), ("swa", np.mean(np.arange(29, 40)))):
        net = torch.nn.Linear(1, 1, bias=False)
        average = averaging.Average(net, Settings(average=kind, average_decay=0.9))
        for step in range(40):
            with torch.no_grad():
                net.weight.fill_(float(step))
            average.step(step, 40)
        with average.inside():
            assert net.weight.item() == pytest.approx(wanted)
        assert net.weight.item() == 39.0


def test_a_net_with_batch_statistics_is_not_averaged() -> None:
    net = toys().Net()
    net.body.layer.append(torch.nn.BatchNorm1d(4))
    with pytest.raises(Problem, match=r"lab\.no_average"):
        toys().train(net, Settings(average="ema"))


def test_an_ensemble_is_the_mean_of_probabilities() -> None:
    from groundsill.lab.training.averaging import ensemble

    a, b = np.log([[0.8, 0.2]]), np.log([[0.4, 0.6]]) + 3
    assert np.exp(ensemble([a, b])) == pytest.approx(np.array([[0.6, 0.4]]))
    assert np.exp(ensemble([b])) == pytest.approx(np.array([[0.4, 0.6]]))


def test_training_stops_when_nothing_gets_better_and_keeps_the_best_weights() -> None:
    from groundsill.lab.training.watch import Best

    told = iter([0.5, 0.7, 0.6, 0.65, 0.9])
    kept: list[Any] = []

    def score(net: Any) -> float:
        assert not net.training
        kept.append(toys().flat(net))
        return next(told)

    net, heard = toys().Net(), list[Event]()
    seen = toys().train(net, Settings(patience=2), best=Best(score, 2), emit=heard.append)
    assert [value for _, value in seen.looks] == [0.5, 0.7, 0.6, 0.65]  # two looks without a better one
    assert [step for step, _ in seen.looks] == [6, 12, 18, 24] and seen.steps == 24
    assert torch.equal(toys().flat(net), kept[1])
    assert [e.values["value"] for e in heard if e.code == "lab.look"] == [0.5, 0.7, 0.6, 0.65]
    with pytest.raises(Problem, match=r"lab\.nothing_to_watch"):
        toys().train(toys().Net(), Settings(patience=2))
    every = toys().train(toys().Net(), Settings(look_steps=5), best=Best(lambda net: 0.0, 0))
    assert [step for step, _ in every.looks] == [5, 10, 15, 20, 25, 30, 35]


def test_looking_changes_nothing_but_which_weights_are_kept() -> None:
    from groundsill.lab.training.watch import Best

    plain, looked = toys().Net(), toys().Net()
    toys().train(plain)
    rising = iter(range(10))
    toys().train(looked, best=Best(lambda net: float(next(rising)), 1))
    assert torch.equal(toys().flat(plain), toys().flat(looked))


# ---- what must not happen


def test_a_frozen_weight_that_moves_is_found_out() -> None:
    net = toys().Net()
    net.body.embeddings.weight.requires_grad_(False)

    def meddle(step: int, steps: int) -> None:
        net.body.embeddings.weight.data[0, 0] += 1

    net.each_step = meddle
    with pytest.raises(Problem, match=r"lab\.frozen_weights_moved") as caught:
        toys().train(net)
    assert caught.value.got == "body.embeddings.weight"


def test_weights_that_get_no_gradient_are_told_of() -> None:
    net, heard = toys().Net(), list[Event]()
    net.body.unused = torch.nn.Linear(2, 2)
    toys().train(net, epochs=1, emit=heard.append)
    told = [e.values for e in heard if e.code == "lab.weights_unreached"]
    assert told == [{"name": "body.unused.bias", "number": 2}]


def test_a_rate_of_nothing_moves_nothing_and_a_head_may_train_alone() -> None:
    with pytest.raises(Problem, match=r"lab\.weights_stand_still"):
        toys().train(toys().Net(), rate=0.0, head_rate=0.0)
    net = toys().Net()
    net.body.requires_grad_(False)
    with pytest.raises(Problem, match=r"lab\.weights_stand_still"):
        toys().train(net)
    toys().train(net, head_alone=True)


def test_out_of_memory_says_which_batch_fits() -> None:
    toy = toys()

    class Large(type(toy.rows())):  # type: ignore[misc]
        def loss(self, net: Any, batch: Any) -> Any:
            if len(batch.numbers) > 3:
                raise torch.OutOfMemoryError("no room")
            return super().loss(net, batch)

    made = toy.rows()
    objective = Large(made.ids, made.labels, 3, 0)
    with pytest.raises(Problem, match=r"lab\.out_of_memory_smaller_fits") as caught:
        toy.train(toy.Net(), None, objective)
    problem = caught.value
    assert (problem.got, problem.limit, problem.more["accumulate"], problem.exit) == (8, 2, 4, Exit.NO_ROOM)
    fits = toy.train(toy.Net(), Settings(accumulate=4), objective, batch_rows=2, epochs=1)
    assert fits.steps == 6


@pytest.mark.parametrize(
    "lines",
    [{"optimiser": "lion"}, {"schedule": 3}, {"warm_up": 1.0}, {"accumulate": 0}, {"accumulate": 1.5}, {"clip": -1},
     {"packed": True}, {"dropout": 1.0}, {"average": "mean"}, {"l1": "much"}],
)  # fmt: skip
def test_settings_that_mean_nothing(lines: dict[str, Any]) -> None:
    with pytest.raises(Problem, match=r"lab\.bad_setting"):
        split(lines)


def test_half_precision_is_refused_and_other_lines_are_handed_back() -> None:
    with pytest.raises(Problem, match=r"lab\.no_half"):
        split({"precision": "fp16"})
    settings, rest = split({"rate": 1e-3, "schedule": "cosine", "accumulate": 2.0, "packed": 1, "batch_tokens": 512})
    assert rest == {"rate": 1e-3}
    assert settings == Settings(schedule="cosine", accumulate=2, packed=True, batch_tokens=512)
