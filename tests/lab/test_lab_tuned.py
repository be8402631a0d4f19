"""Every tuning method in the lab: it learns, what it learnt can be kept apart, put back, and folded in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from groundsill import tuning
from groundsill.lab.data import Prepared
from groundsill.terms.candidate import Candidate
from groundsill.terms.problem import Problem
from groundsill.terms.shelf import shelf

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch
METHODS = shelf(tuning)
BY_GRADIENT = [name for name in METHODS if name != "head"]  # the lab fits a head by logistic regression
RATES = {"full": 3e-3, "partial": 3e-3, "prompt_tuning": 0.1, "prefix": 0.03}
STRONG = ("full", "partial", "lora", "adapter")  # the others move too little of a model with random weights
CLASSES = ("fruit", "metal", "tree")


def trained(method: str, data: Prepared, base: Path, *, seed: int = 0, **recipe: float) -> tuple[Any, Any, Any, Any]:
    """A net tuned on 100 rows, the numbers of the test rows, its scores for them, and what training saw."""
    from groundsill.lab.models import tokens
    from groundsill.lab.models.device import seeded
    from groundsill.lab.models.net import build
    from groundsill.lab.objectives.classification import Classification
    from groundsill.lab.training import loop
    from groundsill.lab.training.recipe import recipe_of

    coder = tokens.coder(base)
    net = build(base, 32, 3)
    with seeded(seed):
        METHODS[method].attach(net, rank=METHODS[method].RANK)
    wanted = {"epochs": 30, "rate": RATES.get(method, 1e-2), **recipe}
    settings = recipe_of(Candidate("tune", method, "tiny", tuple(sorted(wanted.items()))), 100)
    ids = coder.ids(data.pool.texts[:100], 40)
    seen = loop.train(net, Classification(ids, data.pool.labels[:100], 3, coder.pad), settings, kind="fp32", seed=seed)
    inputs = [torch.from_numpy(part) for part in tokens.padded(coder.ids(data.test.texts, 40), coder.pad)]
    return net, inputs, scores(net, inputs), seen


def scores(net: Any, inputs: Any) -> Any:
    with torch.inference_mode():
        return net.eval()(*inputs)


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_it_learns_and_can_be_put_back_on_its_base(
    method: str, planted: Prepared, tiny_bert: Path, tmp_path: Path
) -> None:
    from groundsill.lab.models.locate import model_hash
    from groundsill.lab.models.tuned import About, Base, save

    net, inputs, before, seen = trained(method, planted, tiny_bert)
    right = float((before.argmax(1).numpy() == planted.test.labels).mean())
    assert right > 0.6 or method not in STRONG, right  # chance is a third
    assert seen.loss_last < 0.95 * seen.loss_first
    about = About(method, METHODS[method].RANK, model_hash(tiny_bert), CLASSES)
    save(net, about, tmp_path / method)
    again, told = Base(tiny_bert).net(tmp_path / method)
    assert told == about
    assert torch.allclose(scores(again, inputs), before, atol=1e-5)


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_what_can_be_folded_in_answers_the_same(method: str, planted: Prepared, tiny_bert: Path) -> None:
    net, inputs, before, _ = trained(method, planted, tiny_bert, epochs=5)
    if not METHODS[method].MERGES:
        with pytest.raises(Problem, match=r"tuning\.cannot_merge"):
            tuning.merge(net)
        return
    from groundsill.lab.models.net import load_body

    tuning.merge(net)
    plain = dict(load_body(tiny_bert).named_parameters())
    assert {n for n, _ in net.body.named_parameters()} == set(plain)  # the base model's own parts, no others
    assert torch.allclose(scores(net, inputs), before, atol=1e-5)


def test_many_tasks_share_one_base(planted: Prepared, tiny_bert: Path, tmp_path: Path) -> None:
    from groundsill.lab.models.locate import model_hash
    from groundsill.lab.models.tuned import About, Base, save

    made = {}
    for seed, method in enumerate(("lora", "full", "prompt_tuning", "lora", "bitfit")):
        net, inputs, found, _ = trained(method, planted, tiny_bert, seed=seed, epochs=3)
        about = About(method, METHODS[method].RANK, model_hash(tiny_bert), CLASSES)
        save(net, about, tmp_path / str(seed))
        made[seed] = found
    base = Base(tiny_bert)
    nets = {seed: base.net(tmp_path / str(seed))[0] for seed in made}
    for _ in range(2):  # to and fro, nothing read again
        for seed, net in nets.items():
            assert torch.allclose(scores(net, inputs), made[seed], atol=1e-5)
    held = {id(p) for p in base.body.parameters()}
    lora = [p for p in nets[0].body.parameters() if id(p) not in held]
    assert sum(p.numel() for p in lora) < 0.3 * sum(p.numel() for p in base.body.parameters())


def test_a_part_of_another_base_and_a_broken_one_are_refused(tiny_bert: Path, tmp_path: Path) -> None:
    from groundsill.lab.models.locate import model_hash
    from groundsill.lab.models.net import build
    from groundsill.lab.models.tuned import ABOUT, WEIGHTS, About, Base, save

    net = METHODS["head"].attach(build(tiny_bert, 32, 3))
    base = Base(tiny_bert)
    with pytest.raises(Problem, match=r"lab\.other_base"):
        base.net(save(net, About("head", 0, "0" * 16, CLASSES), tmp_path / "other"))
    good = save(net, About("head", 0, model_hash(tiny_bert), CLASSES), tmp_path / "good")
    (good / WEIGHTS).write_bytes((good / WEIGHTS).read_bytes()[:-40])
    with pytest.raises(Problem, match=r"lab\.not_a_tuned_part"):
        base.net(good)
    for wrong in ({"method": "lora"}, {"method": "nothing"}, {"classes": ["one"]}, {"rank": "x"}):
        folder = save(net, About("head", 0, model_hash(tiny_bert), CLASSES), tmp_path / "wrong")
        about = json.loads((folder / ABOUT).read_text())
        (folder / ABOUT).write_text(json.dumps({**about, **wrong}))
        with pytest.raises(Problem, match=r"lab\.not_a_tuned_part|tuning\.bad_rank"):
            base.net(folder)
    with pytest.raises(Problem, match=r"lab\.not_a_tuned_part"):
        base.net(tmp_path / "nowhere")


def test_lower_blocks_learn_more_slowly_with_a_decay(planted: Prepared, tiny_bert: Path) -> None:
    from groundsill.lab.models.net import load_body

    def moved(decay: float) -> list[float]:
        net, *_ = trained("full", planted, tiny_bert, epochs=1, layer_decay=decay, rate=1e-3)
        old = dict(load_body(tiny_bert).named_parameters())
        name = "encoder.layer.{}.intermediate.dense.weight"
        new = dict(net.body.named_parameters())
        return [float((new[name.format(i)] - old[name.format(i)]).detach().norm()) for i in (0, 1)]

    even, falling = moved(1.0), moved(0.1)
    assert falling[0] / falling[1] < 0.3 * even[0] / even[1]
    assert np.isfinite(even).all()
