"""Cost items, one file each. A file holds LABEL, `takes(item)` and `rows(need, part, name, known)`, and `asked` where the
project file asks for it without a need; being here is enough."""
