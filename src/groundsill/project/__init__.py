"""From names to facts: the project file, the case that is bound from it, and its draws."""
