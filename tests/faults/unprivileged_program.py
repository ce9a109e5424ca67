"""A program that may write only what is open to all.  ``python unprivileged_program.py FILE``."""

import encodings.ascii  # noqa: F401 - afterwards the interpreter itself may be out of reach
import os
import sys
import urllib.parse  # noqa: F401 - as above

from duly import Scheduler
from duly.ledger.errors import DatabaseFileError

scheduler = Scheduler(history=sys.argv[1])
if os.getuid() == 0:  # to which no mode of a file means anything
    os.setgroups([])
    os.setgid(65_534)
    os.setuid(65_534)
try:
    scheduler.start()
except DatabaseFileError as error:
    print(f"refused: {error}", flush=True)  # noqa: T201 - so the test knows
else:
    print("started", flush=True)  # noqa: T201 - as above
