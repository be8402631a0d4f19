"""Facts with source and date, published runs, and the ledger of the user's own runs."""
