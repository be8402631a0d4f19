"""Prompting: a causal model that answers without training, with no or a few worked examples in the prompt."""

from groundsill.lab.prompting.measure import measure, rows_to_settle

__all__ = ["measure", "rows_to_settle"]
