"""Tuning methods, one file each: which weights train (arithmetic), and how to make a model so (torch inside `attach`).

A method's module has `LABEL` (its name by language), `RANK` (its usual size), `MERGES` (can the result be the base model
with other weights, and nothing else), `VIRTUAL` where its tokens take room in the context,
`trainable(shape, *, classes, rank, parts) -> int` and `attach(model, *, rank) -> model`. classes 0: a net that writes;
parts: how many vectors of the body's width its head reads (4 for a pair of texts).
`rank` is the size of what is added or opened: the rank of LoRA, the width of an adapter, the virtual tokens of a prompt,
the blocks of `partial`; methods without a size take and ignore it. `model` is a torch module with two parts: `body`, the
base model without its own output layer, and `head`, a linear layer with bias from the body's width to the classes; a net
that writes has in its place `output`, the model's own matrix over the vocabulary, which only `full` and `head` train.

A method that must act while it trains sets `model.each_step`, a function of (step, steps) that training calls between
the backward pass and the optimiser's step; if it remembers anything, `state()` gives that as tensors by name for a
checkpoint and `restore(tensors, steps)` takes it back.
"""

from groundsill.tuning._shared import block_of as block_of
from groundsill.tuning._shared import merge as merge
