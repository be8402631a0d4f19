"""Cost items, one file each. A file holds LABEL, `takes(item)` and `rows(need, part, name, known)`; being here is enough."""
