"""Locks a database as another process does, until it is told to let go.  ``python file_lock.py FILE``."""

import sqlite3
import sys
from contextlib import closing

with closing(sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)) as db:
    db.execute("BEGIN EXCLUSIVE")
    print("locked", flush=True)  # noqa: T201 - so the test knows
    sys.stdin.readline()
    db.execute("ROLLBACK")
