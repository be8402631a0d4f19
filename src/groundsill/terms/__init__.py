"""The nouns that all rooms share. A closed list: see docs/decisions/0001.md before adding one."""
