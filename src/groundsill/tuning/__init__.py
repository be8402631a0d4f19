"""Tuning methods, one file each: which weights train (arithmetic), and how to make a model so (torch inside `attach`).

A method's module has `LABEL` (its name by language), `trainable(shape, *, classes, rank) -> int` and
`attach(model, *, rank) -> model`. `model` is a torch module with two parts: `body`, the base model without its own
output layer, and `head`, a linear layer with bias from the body's width to the classes.
"""
