"""Published runs as the benchmarks read them: csv files of `--truth DIR` into jobs, plans and accelerators."""
