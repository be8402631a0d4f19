"""What needs cost and what quality earns: the cash model as named rows, and the value of its flows."""
