"""The pilot: a ladder of small, real measurements on the user's own data, each one a run in the ledger."""
