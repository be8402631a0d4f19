"""Cost items, one file each. A file that prices needs holds LABEL, `takes(item)` and `rows(need, part, name, known)`; one that
the project file asks for without a need holds `asked`; being here is enough."""
