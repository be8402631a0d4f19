"""Decision cases: one module a family of topics, `TOPICS: topic -> answer(inputs, expected, n)`, and what reads and judges."""
