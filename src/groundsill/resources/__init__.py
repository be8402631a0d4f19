"""Engines of physics: FLOP, bytes, seconds, joules. Numbers in, numbers out; a float or an array (draws,) in, the same out."""
