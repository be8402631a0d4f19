"""groundsill: what it takes to build on a foundation model, whether it pays, and where the answer flips."""

__version__ = "0.4.0"
