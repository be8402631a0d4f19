"""Parts of `benchmarks/lab.py`."""
