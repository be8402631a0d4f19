"""Which candidate, from what size on, and what to measure next."""
