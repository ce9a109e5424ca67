"""The ledger: every slot and every execution, in a SQLite file."""
