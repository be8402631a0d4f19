"""Shapes of a learning curve: error against labels. One file a form, which holds `FORM`; being here is the registration."""
