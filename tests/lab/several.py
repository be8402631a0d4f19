"""Started by torchrun: trains the toys in all processes together; the first one writes the weights down."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
import torch
from training_toys import Net, flat, recipe, rows

from groundsill.lab.training import loop
from groundsill.lab.training.checkpoint import Saving
from groundsill.lab.training.settings import Settings
from groundsill.lab.training.several import team
from groundsill.terms.problem import Problem

PLANS = {"plain": Settings(), "accumulated": Settings(accumulate=3, average="ema"), "tokens": Settings(batch_tokens=64)}


def weights(settings: Settings, **more: object) -> np.ndarray:
    """The weights after a training; 45 rows of batches of 8 leave a last batch of 5, which two processes share unevenly."""
    net = Net(dropout=0.0)
    loop.train(net, rows(45), recipe(epochs=3), settings, kind="fp32", seed=0, **more)  # type: ignore[arg-type]
    return flat(net).numpy()


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    with team() as ours:
        made = {name: weights(settings) for name, settings in PLANS.items()}
        weights(PLANS["plain"], saving=Saving(folder / "kept", every_steps=4), most_steps=9)
        made["resumed"] = weights(PLANS["plain"], saving=Saving(folder / "kept"))
        try:
            loop.train(Net(seed=ours.rank), rows(), recipe(), kind="fp32", seed=0)
            made["apart"] = np.zeros(1)
        except Problem as e:
            made["apart"] = np.ones(1) * (e.code == "lab.processes_differ")
        if ours.rank == 0:
            np.savez(folder / "weights.npz", size=ours.size, **made)


if __name__ == "__main__":
    main()
